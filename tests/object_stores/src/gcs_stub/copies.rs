//! Whole folders into a bucket and out of it, as a command for copies does it.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use serde_json::Map;

use super::objects::Preconditions;
use super::{GcsStub, lock};

impl GcsStub {
    /// Puts every file of a folder into a bucket, below a prefix.
    ///
    /// # Panics
    ///
    /// When a file cannot be read or written.
    pub fn upload(&self, bucket: &str, prefix: &str, folder: &Path) {
        for entry in fs::read_dir(folder).expect("the folder is read") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
            let name = format!("{prefix}/{name}");
            if path.is_dir() {
                self.upload(bucket, &name, &path);
                continue;
            }
            let content = Bytes::from(fs::read(&path).expect("the file is read"));
            let put =
                lock(&self.store).buckets.put((bucket, &name), content, Map::new(), Preconditions::default()).is_ok();
            assert!(put, "there is no bucket {bucket}");
        }
    }

    /// Writes every object of a bucket below a prefix into a folder, which is made.
    ///
    /// # Panics
    ///
    /// When a file cannot be read or written.
    pub fn download(&self, bucket: &str, prefix: &str, folder: &Path) {
        for (name, content) in lock(&self.store).buckets.below(bucket, &format!("{prefix}/")) {
            let path = folder.join(name);
            let parent = path.parent().expect("a folder above");
            fs::create_dir_all(parent).and_then(|()| fs::write(&path, content)).expect("the file is written");
        }
    }
}
