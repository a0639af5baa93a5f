//! Packages taken apart, changed, and put together again with checksums that are right.

use std::collections::BTreeMap;
use std::path::Path;

use segplan::store::archive::{Archive, write_archive};
use segplan::store::{StoreError, digest};
use serde_json::{Value, json};

/// Name of the manifest.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The entries of a package.
pub(crate) fn entries(package: &Path) -> BTreeMap<String, Vec<u8>> {
    let archive = Archive::open(package).unwrap();
    archive.entries().map(|(name, bytes)| (name.to_owned(), archive.read(name, bytes).unwrap())).collect()
}

/// Writes entries as a package; the manifest lists their sizes and digests.
pub(crate) fn rebuild(package: &Path, entries: &BTreeMap<String, Vec<u8>>) {
    let mut entries = entries.clone();
    if let Ok(mut manifest) = serde_json::from_slice::<Value>(&entries[MANIFEST]) {
        let others = entries.iter().filter(|(name, _)| *name != MANIFEST);
        let listed = others.map(|(name, text)| (name.clone(), json!({"bytes": text.len(), "sha256": digest(text)})));
        manifest["entries"] = listed.collect::<serde_json::Map<_, _>>().into();
        entries.insert(MANIFEST.to_owned(), manifest.to_string().into_bytes());
    }
    write_archive::<StoreError>(package, |archive| {
        for (name, content) in &entries {
            archive.add(name, &mut content.as_slice()).unwrap();
        }
        Ok(())
    })
    .unwrap();
}

/// Changes one entry of a package.
pub(crate) fn change(package: &Path, name: &str, edit: impl FnOnce(String) -> String) {
    let mut entries = entries(package);
    let text = String::from_utf8(entries[name].clone()).unwrap();
    entries.insert(name.to_owned(), edit(text).into_bytes());
    rebuild(package, &entries);
}
