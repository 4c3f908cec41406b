//! Buckets of objects in memory, with the generations of Google Cloud Storage.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

use super::answers::Refusal;
use super::question::Question;

/// An object as it was written last.
#[derive(Clone)]
pub(super) struct Object {
    pub(super) content: Bytes,
    /// Rises with every write in the whole store.
    pub(super) generation: u64,
    /// What the writer said of it: `contentType`, `metadata` and so on.
    attributes: Map<String, Value>,
    pub(super) updated: DateTime<Utc>,
}

impl Object {
    pub(super) fn etag(&self) -> String {
        STANDARD.encode(self.generation.to_be_bytes())
    }

    pub(super) fn content_type(&self) -> &str {
        self.attributes.get("contentType").and_then(Value::as_str).unwrap_or("application/octet-stream")
    }

    pub(super) fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// The resource that the JSON interface shows.
    pub(super) fn resource(&self, bucket: &str, name: &str) -> Value {
        let updated = self.updated.to_rfc3339_opts(SecondsFormat::Millis, true);
        let mut resource = json!({
            "kind": "storage#object",
            "id": format!("{bucket}/{name}/{}", self.generation),
            "name": name,
            "bucket": bucket,
            "generation": self.generation.to_string(),
            "metageneration": "1",
            "contentType": self.content_type(),
            "storageClass": "STANDARD",
            "size": self.content.len().to_string(),
            "md5Hash": STANDARD.encode(Md5::digest(&self.content)),
            "etag": self.etag(),
            "timeCreated": updated,
            "updated": updated,
        });
        for (field, value) in &self.attributes {
            resource[field.as_str()] = value.clone();
        }
        resource
    }
}

/// What must hold of the object that is there, for a request to be carried out.
#[derive(Clone, Copy, Default)]
pub(super) struct Preconditions {
    generation_match: Option<u64>,
    generation_not_match: Option<u64>,
}

impl Preconditions {
    pub(super) fn of(question: &Question) -> Result<Self, Refusal> {
        Ok(Self {
            generation_match: question.number("ifGenerationMatch")?,
            generation_not_match: question.number("ifGenerationNotMatch")?,
        })
    }

    /// Whether a change may be made. No object has the generation 0.
    pub(super) fn check_change(self, current: Option<&Object>) -> Result<(), Refusal> {
        let generation = current.map_or(0, |object| object.generation);
        let matches = self.generation_match.is_none_or(|wanted| wanted == generation);
        let differs = self.generation_not_match.is_none_or(|unwanted| unwanted != generation);
        if matches && differs { Ok(()) } else { Err(Refusal::condition_not_met()) }
    }

    /// Whether an object may be read.
    pub(super) fn check_read(self, object: &Object) -> Result<(), Refusal> {
        if self.generation_not_match == Some(object.generation) {
            return Err(Refusal::not_modified());
        }
        self.check_change(Some(object))
    }
}

/// The names of a listing, in order, a page of them.
pub(super) struct Page<'a> {
    pub(super) objects: Vec<(&'a str, &'a Object)>,
    pub(super) prefixes: Vec<String>,
    /// After which name the next page begins.
    pub(super) next: Option<String>,
}

/// What a listing is of.
pub(super) struct Listing<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: &'a str,
    /// The first name that may be listed.
    pub(super) start: &'a str,
    /// The name or prefix at which the page before has ended.
    pub(super) after: &'a str,
    pub(super) n_max: usize,
}

/// All buckets.
#[derive(Default)]
pub(super) struct Buckets {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
    n_writes: u64,
}

impl Buckets {
    pub(super) fn create(&mut self, bucket: &str) {
        self.buckets.entry(bucket.to_owned()).or_default();
    }

    /// What stands below a prefix, by the rest of the names.
    pub(super) fn below(&self, bucket: &str, prefix: &str) -> Vec<(String, Bytes)> {
        let objects = self.buckets.get(bucket).into_iter().flatten();
        objects
            .filter_map(|(name, object)| Some((name.strip_prefix(prefix)?.to_owned(), object.content.clone())))
            .collect()
    }

    pub(super) fn generations(&self, bucket: &str) -> BTreeMap<String, u64> {
        let objects = self.buckets.get(bucket).into_iter().flatten();
        objects.map(|(name, object)| (name.clone(), object.generation)).collect()
    }

    /// An object, where the bucket exists.
    pub(super) fn find(&self, bucket: &str, name: &str) -> Result<Option<&Object>, Refusal> {
        Ok(self.buckets.get(bucket).ok_or_else(Refusal::no_bucket)?.get(name))
    }

    /// An object that must exist.
    pub(super) fn get(&self, bucket: &str, name: &str) -> Result<&Object, Refusal> {
        self.find(bucket, name)?.ok_or_else(|| Refusal::not_found(&format!("{bucket}/{name}")))
    }

    /// Writes an object with the next generation.
    pub(super) fn put(
        &mut self,
        (bucket, name): (&str, &str),
        content: Bytes,
        attributes: Map<String, Value>,
        preconditions: Preconditions,
    ) -> Result<&Object, Refusal> {
        preconditions.check_change(self.find(bucket, name)?)?;
        self.n_writes += 1;
        // Like the times in microseconds that Google takes, and never one of another object.
        let generation = 1_700_000_000_000_000 + self.n_writes;
        let object = Object { content, generation, attributes, updated: Utc::now() };
        let objects = self.buckets.get_mut(bucket).ok_or_else(Refusal::no_bucket)?;
        Ok(objects.entry(name.to_owned()).insert_entry(object).into_mut())
    }

    /// Removes an object that must exist.
    pub(super) fn delete(&mut self, bucket: &str, name: &str, preconditions: Preconditions) -> Result<(), Refusal> {
        preconditions.check_change(Some(self.get(bucket, name)?))?;
        self.buckets.get_mut(bucket).ok_or_else(Refusal::no_bucket)?.remove(name);
        Ok(())
    }

    pub(super) fn list(&self, bucket: &str, listing: &Listing) -> Result<Page<'_>, Refusal> {
        let objects = self.buckets.get(bucket).ok_or_else(Refusal::no_bucket)?;
        let mut page = Page { objects: Vec::new(), prefixes: Vec::new(), next: None };
        let mut last = String::new();
        for (name, object) in objects.range(listing.start.max(listing.prefix).to_owned()..) {
            let Some(rest) = name.strip_prefix(listing.prefix) else { break };
            let end = if listing.delimiter.is_empty() { None } else { rest.find(listing.delimiter) };
            let prefix = end.map(|end| &name[..listing.prefix.len() + end + listing.delimiter.len()]);
            let place = prefix.unwrap_or(name);
            if place <= listing.after || prefix.is_some_and(|prefix| page.prefixes.iter().any(|seen| seen == prefix)) {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == listing.n_max {
                page.next = Some(last);
                break;
            }
            match prefix {
                Some(prefix) => page.prefixes.push(prefix.to_owned()),
                None => page.objects.push((name, object)),
            }
            place.clone_into(&mut last);
        }
        Ok(page)
    }
}
