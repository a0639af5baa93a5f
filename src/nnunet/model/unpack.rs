//! Unpacks archives of models, as `nnUNetv2_export_model_to_zip` writes them.
//!
//! Only files that an import reads are unpacked, and only into the folder itself: names with `..`, absolute names and links are errors.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Component, Path, PathBuf};

use crate::nnunet::archive::{Archive, ArchiveError, Entry};
use crate::nnunet::model::error::ModelError;
use crate::nnunet::model::folder::{DATASET, PLANS};
use crate::store::StoreError;

/// Bytes that an archive may unpack to, per byte of its own. Weights hardly shrink; files of text shrink to a tenth.
const MAX_EXPANSION: u64 = 32;
/// The same for small archives, bytes.
const MIN_LIMIT: u64 = 1 << 20;
/// Files that an import reads, besides checkpoints.
const WANTED: [&str; 3] = [PLANS, DATASET, "postprocessing.json"];

/// A folder with the content of an archive, which is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Unpacked {
    pub(super) folder: PathBuf,
}

impl Drop for Unpacked {
    fn drop(&mut self) {
        // The files are copies; if they cannot be removed, nothing is lost.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Unpacks an archive into a new folder.
pub(super) fn unpack(path: &Path, folder: PathBuf) -> Result<Unpacked, ModelError> {
    let damaged = |source| ModelError::Archive { path: path.to_owned(), source };
    let fail = |verb, path: &Path| {
        let path = path.to_owned();
        move |source| StoreError { verb, path, source }
    };
    let file = File::open(path).map_err(fail("read", path))?;
    let mut archive = Archive::open(BufReader::new(file)).map_err(damaged)?;
    let entries = choose_entries(&archive).map_err(damaged)?;
    let unpacked = Unpacked { folder };
    for (entry, name) in entries {
        let to = unpacked.folder.join(name);
        let parent = to.parent().unwrap_or(&unpacked.folder);
        fs::create_dir_all(parent).map_err(fail("create", parent))?;
        let mut file = BufWriter::new(File::create_new(&to).map_err(fail("create", &to))?);
        archive.copy(&entry, &mut file).map_err(damaged)?;
        file.flush().map_err(fail("write", &to))?;
    }
    Ok(unpacked)
}

/// The entries that an import reads, with their paths in the folder.
fn choose_entries<R: std::io::Read + std::io::Seek>(
    archive: &Archive<R>,
) -> Result<Vec<(Entry, PathBuf)>, ArchiveError> {
    let mut chosen = Vec::new();
    let mut total = 0_u64;
    for entry in archive.entries() {
        let path = safe_path(entry)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_checkpoint = name.starts_with("checkpoint_") && name.ends_with(".pth");
        if entry.name.ends_with('/') || !(is_checkpoint || WANTED.contains(&name.as_ref())) {
            continue;
        }
        total = total.saturating_add(entry.size);
        chosen.push((entry.clone(), path));
    }
    let limit = archive.length().saturating_mul(MAX_EXPANSION).max(MIN_LIMIT);
    if total > limit {
        return Err(ArchiveError::Damaged(format!("it unpacks to {total} bytes; at most {limit} are accepted")));
    }
    Ok(chosen)
}

/// The path of an entry, which leads into no other folder.
fn safe_path(entry: &Entry) -> Result<PathBuf, ArchiveError> {
    let path = PathBuf::from(&entry.name);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    // A backslash or colon separates folders on other systems.
    if !is_plain || entry.name.contains(['\\', ':', '\0']) || entry.is_link {
        let what = if entry.is_link { "is a link" } else { "leads out of the archive" };
        return Err(ArchiveError::Damaged(format!("entry `{}` {what}", entry.name)));
    }
    Ok(path)
}
