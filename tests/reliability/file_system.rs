//! A model of a file system that loses power: what was not synchronised may be gone, all of it or any part.
//!
//! It is stricter than the usual ones. The bytes of a file are durable only after its own fsync; a name in a folder only
//! after the fsync of that folder; a rename is a new name and a removed one, each of which may be lost without the other.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use rand::RngExt;
use rand::rngs::ChaCha8Rng;

use crate::recording::Record;

type Node = usize;

/// A change that is not durable yet.
#[derive(Debug, Clone)]
enum Change {
    Write { file: Node, offset: u64, bytes: Vec<u8> },
    Truncate { file: Node, length: u64 },
    Name { folder: Node, name: String, node: Option<Node> },
}

impl Change {
    /// The file or folder whose synchronisation makes it durable.
    fn of(&self) -> Node {
        match self {
            Self::Write { file, .. } | Self::Truncate { file, .. } => *file,
            Self::Name { folder, .. } => *folder,
        }
    }
}

#[derive(Debug, Clone)]
enum Content {
    File(Vec<u8>),
    Folder(BTreeMap<String, Node>),
}

/// Files and folders.
#[derive(Debug, Clone)]
struct Tree {
    nodes: Vec<Content>,
}

impl Tree {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Write { file, offset, bytes } => {
                let start = usize::try_from(*offset).expect("a small file");
                let content = self.file(*file);
                content.resize(content.len().max(start + bytes.len()), 0);
                content[start..start + bytes.len()].copy_from_slice(bytes);
            }
            Change::Truncate { file, length } => {
                self.file(*file).resize(usize::try_from(*length).expect("a small file"), 0);
            }
            Change::Name { folder, name, node } => {
                let Content::Folder(names) = &mut self.nodes[*folder] else { panic!("{name} is in a file") };
                match node {
                    Some(node) => drop(names.insert(name.clone(), *node)),
                    None => drop(names.remove(name)),
                }
            }
        }
    }

    fn file(&mut self, node: Node) -> &mut Vec<u8> {
        let Content::File(bytes) = &mut self.nodes[node] else { panic!("bytes in a folder") };
        bytes
    }

    fn child(&self, folder: Node, name: &str) -> Option<Node> {
        let Content::Folder(names) = &self.nodes[folder] else { return None };
        names.get(name).copied()
    }

    /// Every file with its bytes, by its path.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        self.walk(ROOT, &PathBuf::new(), &mut |path, content| {
            if let Content::File(bytes) = content {
                files.insert(path.to_owned(), bytes.clone());
            }
        });
        files
    }

    fn walk(&self, node: Node, path: &Path, visit: &mut impl FnMut(&Path, &Content)) {
        visit(path, &self.nodes[node]);
        if let Content::Folder(names) = &self.nodes[node] {
            for (name, child) in names {
                self.walk(*child, &path.join(name), visit);
            }
        }
    }
}

/// The folder that stands above the store, which was there before and is durable.
const ROOT: Node = 0;

/// What survives of the changes that were not synchronised.
pub enum Survival<'a> {
    /// Nothing.
    Nothing,
    /// Each change or not, by chance.
    Some(&'a mut ChaCha8Rng),
    /// Each sector of so many bytes of each write or not, and each name or not.
    Sectors(usize, &'a mut ChaCha8Rng),
}

/// The file system under a recording.
pub struct FileSystem {
    root: PathBuf,
    durable: Tree,
    /// As the running server sees it.
    visible: Tree,
    /// In their order.
    changes: Vec<Change>,
    /// Where a write without an offset goes.
    positions: HashMap<Node, u64>,
    /// Where synchronisations that are under way began, in the order of the changes.
    begun: HashMap<Node, usize>,
    ignored: Ignored,
}

/// Synchronisations that a control leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    None,
    All,
    OfFiles,
    OfFolders,
}

impl FileSystem {
    /// An empty one, in a folder that exists.
    pub fn new(root: &Path, ignored: Ignored) -> Self {
        let empty = Tree { nodes: vec![Content::Folder(BTreeMap::new())] };
        Self {
            root: root.to_owned(),
            durable: empty.clone(),
            visible: empty,
            changes: Vec::new(),
            positions: HashMap::new(),
            begun: HashMap::new(),
            ignored,
        }
    }

    /// Does what was recorded.
    pub fn replay(&mut self, record: &Record) {
        match record {
            Record::Open { path, flags } => self.open(path, flags),
            Record::Write { path, offset, bytes } => {
                let Some(file) = self.find(path) else { return };
                let position = self.positions.entry(file).or_default();
                let offset = offset.unwrap_or_else(|| {
                    let offset = *position;
                    *position += bytes.len() as u64;
                    offset
                });
                self.change(Change::Write { file, offset, bytes: bytes.clone() });
            }
            Record::Seek { path, offset } => {
                if let Some(file) = self.find(path) {
                    self.positions.insert(file, *offset);
                }
            }
            Record::Truncate { path, length } => {
                let Some(file) = self.find(path) else { return };
                self.change(Change::Truncate { file, length: *length });
            }
            Record::Rename { from, to } => {
                let node = self.find(from).expect("what is renamed is there");
                self.name(to, Some(node));
                self.name(from, None);
            }
            Record::Unlink { path } | Record::RemoveFolder { path } => self.name(path, None),
            Record::MakeFolder { path } => self.make(path, Content::Folder(BTreeMap::new())),
            Record::SyncBegins { path } => {
                if let Some(node) = self.find(path) {
                    self.begun.insert(node, self.changes.len());
                }
            }
            Record::Sync { path } => {
                let Some(node) = self.find(path) else { return };
                let until = self.begun.remove(&node).unwrap_or(0);
                let is_ignored = match (self.ignored, &self.visible.nodes[node]) {
                    (Ignored::None, _) => false,
                    (Ignored::All, _) => true,
                    (Ignored::OfFiles, content) => matches!(content, Content::File(_)),
                    (Ignored::OfFolders, content) => matches!(content, Content::Folder(_)),
                };
                if !is_ignored {
                    self.synchronise(node, until);
                }
            }
            Record::Answer => {}
        }
    }

    fn open(&mut self, path: &Path, flags: &str) {
        assert!(!flags.contains("SYNC") && !flags.contains("O_APPEND"), "the model knows no {flags}");
        if flags.contains("O_CREAT") && self.find(path).is_none() {
            self.make(path, Content::File(Vec::new()));
        }
        let Some(node) = self.find(path) else { return };
        if flags.contains("O_TRUNC") {
            self.change(Change::Truncate { file: node, length: 0 });
        }
        if !flags.contains("O_RDONLY") {
            self.positions.insert(node, 0);
        }
    }

    fn make(&mut self, path: &Path, content: Content) {
        // An empty one of its kind stands in both trees; what counts is whether it has a name.
        let node = self.visible.nodes.len();
        self.visible.nodes.push(content.clone());
        self.durable.nodes.push(content);
        self.name(path, Some(node));
    }

    fn name(&mut self, path: &Path, node: Option<Node>) {
        let folder = path.parent().and_then(|folder| self.find(folder)).expect("the folder is there");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        self.change(Change::Name { folder, name, node });
    }

    fn change(&mut self, change: Change) {
        self.visible.apply(&change);
        self.changes.push(change);
    }

    /// Makes the changes of a file or folder durable, of the first so many changes.
    fn synchronise(&mut self, node: Node, until: usize) {
        let mut place = 0;
        let mut moved: Vec<usize> = Vec::new();
        let durable = &mut self.durable;
        self.changes.retain(|change| {
            let is_kept = change.of() != node || place >= until;
            if !is_kept {
                durable.apply(change);
                moved.push(place);
            }
            place += 1;
            is_kept
        });
        for begun in self.begun.values_mut() {
            *begun -= moved.iter().filter(|place| **place < *begun).count();
        }
    }

    fn find(&self, path: &Path) -> Option<Node> {
        let below = path.strip_prefix(&self.root).ok()?;
        below.components().try_fold(ROOT, |folder, name| self.visible.child(folder, name.as_os_str().to_str()?))
    }

    /// How many changes are not durable.
    pub fn n_unsynchronised(&self) -> usize {
        self.changes.len()
    }

    /// Every file that the running server sees.
    pub fn visible_files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.visible.files()
    }

    /// Writes what a loss of power leaves into a folder.
    pub fn materialise(&self, survival: Survival, to: &Path) {
        self.survivors(survival).walk(ROOT, Path::new(""), &mut |path, content| {
            let path = to.join(path);
            match content {
                Content::File(bytes) => fs::write(path, bytes).expect("a file is written"),
                Content::Folder(_) => fs::create_dir_all(path).expect("a folder is made"),
            }
        });
    }

    fn survivors(&self, survival: Survival) -> Tree {
        let mut tree = self.durable.clone();
        match survival {
            Survival::Nothing => {}
            Survival::Some(random) => {
                self.changes.iter().filter(|_| random.random()).for_each(|change| tree.apply(change));
            }
            Survival::Sectors(size, random) => {
                for change in &self.changes {
                    match change {
                        Change::Write { file, offset, bytes } => {
                            torn(*offset, bytes.len(), size).filter(|_| random.random()).for_each(|(start, end)| {
                                let bytes = bytes[start..end].to_vec();
                                tree.apply(&Change::Write { file: *file, offset: offset + start as u64, bytes });
                            });
                        }
                        other if random.random() => tree.apply(other),
                        _ => {}
                    }
                }
            }
        }
        tree
    }
}

/// The parts of a write by the sectors that they fall into.
fn torn(offset: u64, length: usize, size: usize) -> impl Iterator<Item = (usize, usize)> {
    let before = usize::try_from(offset % size as u64).expect("below the size");
    let mut start = 0;
    std::iter::from_fn(move || {
        let end = (start + size - (before + start) % size).min(length);
        let part = (start < length).then_some((start, end));
        start = end;
        part
    })
}
