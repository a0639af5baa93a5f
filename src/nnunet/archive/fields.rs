//! Little-endian numbers of zip headers.

use crate::nnunet::archive::error::{ArchiveError, damaged};

/// Reads fields one after the other from a header that is in memory.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next `length` bytes.
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'a [u8], ArchiveError> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return damaged("a header of the archive is truncated");
        };
        self.rest = rest;
        Ok(taken)
    }

    fn number(&mut self, length: usize) -> Result<u64, ArchiveError> {
        let mut all = [0; 8];
        all[..length].copy_from_slice(self.bytes(length)?);
        Ok(u64::from_le_bytes(all))
    }

    pub(super) fn u16(&mut self) -> Result<u16, ArchiveError> {
        Ok(self.number(2)? as u16)
    }

    pub(super) fn u32(&mut self) -> Result<u32, ArchiveError> {
        Ok(self.number(4)? as u32)
    }

    pub(super) fn u64(&mut self) -> Result<u64, ArchiveError> {
        self.number(8)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
