//! Archives: several files in one, as a ZIP file whose entries are stored without compression.
//!
//! Input: names and contents. Output: a file that is the same, byte by byte, whenever the entries are. An archive that is read may come
//! from anyone: its structure is checked before anything else, entries are read in place and never extracted, and the memory that is
//! allocated for an entry is its real size in the file. Deliberately absent: the meaning of the entries.
//!
//! Stored entries can be no bombs: together they are not larger than their file. Source of the format: PKWARE, APPNOTE.TXT 6.3.10.

mod end;
mod error;
mod limits;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use self::error::ArchiveError;
pub use self::read::Archive;
pub use self::write::{ArchiveWriter, Stored, write_archive};
