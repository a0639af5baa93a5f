//! The storages of a checkpoint: entries of its archive with the elements of tensors.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use crate::network::weights::HostTensor;
use crate::nnunet::archive::{Archive, ArchiveError, Entry};
use crate::nnunet::checkpoint::view::View;

/// Reads tensors. However many the file lists, all of them together have at most as many bytes as the file, and so have the storages
/// that are read.
pub(super) struct Storages<'a, R> {
    archive: &'a mut Archive<R>,
    /// By name.
    entries: BTreeMap<String, Entry>,
    /// Bytes that tensors may still have.
    tensor_budget: u64,
    /// Bytes of storages that may still be read.
    read_budget: u64,
    /// The storage that was read last, by name.
    last: Option<(String, Vec<u8>)>,
}

impl<'a, R: Read + Seek> Storages<'a, R> {
    /// The storages in the folder `data` beside the pickle.
    pub(super) fn new(archive: &'a mut Archive<R>, root: &str) -> Self {
        let folder = format!("{root}data/");
        let named = |entry: &Entry| Some((entry.name.strip_prefix(&folder)?.to_owned(), entry.clone()));
        let entries = archive.entries().iter().filter_map(named).collect();
        let budget = archive.length();
        Self { archive, entries, tensor_budget: budget, read_budget: budget, last: None }
    }

    /// Reads a tensor.
    pub(super) fn tensor(&mut self, view: &View) -> Result<HostTensor, ArchiveError> {
        let bytes = (view.length as u64).saturating_mul(view.element.size() as u64);
        self.tensor_budget = spend(self.tensor_budget, bytes)?;
        let values = view.read(self.storage(view)?);
        Ok(HostTensor { shape: view.shape.clone(), values })
    }

    /// The bytes of a view's storage.
    fn storage(&mut self, view: &View) -> Result<&[u8], ArchiveError> {
        if self.last.as_ref().is_none_or(|(name, _)| *name != view.storage) {
            self.last = None;
            let entry = self.entries.get(&view.storage);
            let entry = entry.ok_or_else(|| damaged(format!("storage `{}` is missing", view.storage)))?;
            self.read_budget = spend(self.read_budget, entry.size)?;
            self.last = Some((view.storage.clone(), self.archive.read_stored(entry)?));
        }
        let bytes = self.last.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        if view.storage_length.checked_mul(view.element.size()) != Some(bytes.len()) {
            return Err(damaged(format!(
                "storage `{}` has {} bytes, which are not {} elements",
                view.storage,
                bytes.len(),
                view.storage_length
            )));
        }
        Ok(bytes)
    }
}

fn spend(budget: u64, bytes: u64) -> Result<u64, ArchiveError> {
    budget.checked_sub(bytes).ok_or_else(|| damaged("its tensors have more bytes than the file".to_owned()))
}

fn damaged(reason: String) -> ArchiveError {
    ArchiveError::Damaged(reason)
}
