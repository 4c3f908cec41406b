//! Routes by their patterns: which methods a path takes, for the `Allow` header, and where it names a project.

use poem_openapi::registry::MetaApi;

/// Paths and their methods.
#[derive(Debug, Clone, Default)]
pub(crate) struct Routes(Vec<(String, Vec<String>)>);

impl Routes {
    /// Those of the document, and pages.
    pub(crate) fn new(apis: &[MetaApi], pages: &[&str]) -> Self {
        let mut routes: Vec<(String, Vec<String>)> = Vec::new();
        let paths = apis.iter().flat_map(|api| &api.paths);
        let operations = paths.flat_map(|path| {
            path.operations.iter().map(move |operation| (path.path.clone(), operation.method.to_string()))
        });
        for (path, method) in operations.chain(pages.iter().map(|page| ((*page).to_owned(), "GET".to_owned()))) {
            match routes.iter_mut().find(|(known, _)| *known == path) {
                Some((_, methods)) => methods.push(method),
                None => routes.push((path, vec![method])),
            }
        }
        for (_, methods) in &mut routes {
            if methods.iter().any(|method| method == "GET") {
                methods.push("HEAD".to_owned());
            }
            methods.sort();
        }
        Self(routes)
    }

    /// The patterns of all paths.
    pub(crate) fn patterns(&self) -> Vec<String> {
        self.0.iter().map(|(pattern, _)| pattern.clone()).collect()
    }

    /// The methods of a path, with commas between.
    pub(crate) fn allowed(&self, path: &str) -> String {
        // Where a path is served with a slash at its end too, it takes the same.
        let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
        // A path that is served by its own name is no parameter of another.
        let is_named = self.0.iter().any(|(pattern, _)| pattern == path);
        let is_of = |pattern: &str| if is_named { pattern == path } else { matches(pattern, path) };
        let methods = self.0.iter().filter(|(pattern, _)| is_of(pattern)).flat_map(|(_, methods)| methods);
        methods.map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

fn matches(pattern: &str, path: &str) -> bool {
    let (mut parts, mut came) = (pattern.split('/'), path.split('/'));
    loop {
        match (parts.next(), came.next()) {
            (None, None) => return true,
            (Some(part), Some(name)) if part == name || (part.starts_with('{') && !name.is_empty()) => {}
            _ => return false,
        }
    }
}

/// Which part of the paths of a route names a project, if one does.
pub(super) fn place_of_project(pattern: &str) -> Option<usize> {
    pattern.split('/').position(|part| matches!(part, "{project}" | "{model}"))
}
