//! The region of a bucket: what the platform says, else what the store answers.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use super::location::S3Location;

/// What signatures to other services than Amazon's carry where nothing else is said.
const OF_OTHER_SERVICES: &str = "us-east-1";
const PATIENCE: Duration = Duration::from_secs(10);

/// The region of a place, if it can be had.
pub async fn region_of(location: &S3Location, client: &reqwest::Client) -> Option<String> {
    let given = location.region.clone().or_else(of_environment).or_else(|| of_profile(location.profile.as_deref()));
    match given {
        Some(region) => Some(region),
        None if location.endpoint.is_some() => Some(OF_OTHER_SERVICES.to_owned()),
        None => asked_for(&location.bucket, client).await,
    }
}

fn of_environment() -> Option<String> {
    ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()))
}

fn of_profile(profile: Option<&str>) -> Option<String> {
    let profile = profile.map(str::to_owned).or_else(|| env::var("AWS_PROFILE").ok()).unwrap_or("default".to_owned());
    let file = match env::var_os("AWS_CONFIG_FILE") {
        Some(file) => PathBuf::from(file),
        None => env::home_dir()?.join(".aws/config"),
    };
    in_profile(&fs::read_to_string(file).ok()?, &profile)
}

/// The region of a profile in the text of a configuration file.
fn in_profile(text: &str, profile: &str) -> Option<String> {
    let headings = [format!("[{profile}]"), format!("[profile {profile}]")];
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_inside = headings.iter().any(|heading| heading == line);
        } else if is_inside
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "region"
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

/// Amazon tells everybody, whatever their rights, which region a bucket is in.
async fn asked_for(bucket: &str, client: &reqwest::Client) -> Option<String> {
    let url = format!("https://s3.amazonaws.com/{bucket}");
    let answer = tokio::time::timeout(PATIENCE, client.head(url).send()).await.ok()?.ok()?;
    Some(answer.headers().get("x-amz-bucket-region")?.to_str().ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::in_profile;

    #[test]
    fn a_profile_gives_its_own_region() {
        let text = "[default]\nregion = a-1\n\n[profile other]\noutput = json\nregion=b-2\n[profile bare]\n";
        assert_eq!(in_profile(text, "default").as_deref(), Some("a-1"));
        assert_eq!(in_profile(text, "other").as_deref(), Some("b-2"));
        assert_eq!(in_profile(text, "bare"), None);
        assert_eq!(in_profile(text, "absent"), None);
    }
}
