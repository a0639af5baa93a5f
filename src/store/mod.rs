//! Files on disk: atomic writes, tensor files with checksums, Parquet tables, digests, and permission to write outputs.
//!
//! Input: bytes, text or tensors, and paths. Output: files that are complete whenever the process is killed, because
//! they are written under a temporary name and renamed. Deliberately absent: the meaning of the files.

pub mod archive;
pub mod claim;
mod digest;
mod error;
mod files;
pub mod outputs;
pub mod rows;
pub mod scratch;
pub mod stamp;
pub mod table;
pub mod tensors;

pub use self::digest::{digest, digest_of_file, short_digest};
pub use self::error::StoreError;
pub use self::files::{
    read_text, read_text_if_present, remove_files, remove_if_present, rewrite, temporary_name, write_atomic,
};
