//! Permission to write output files, which every command asks for before it computes anything.
//!
//! Input: the files that a command is about to write, and its inputs. Output:
//! [`Outputs`](crate::store::outputs::Outputs), through which they are written, or the reason why not. An existing file
//! is replaced only if segplan wrote it and it is unchanged since, according to the folder's record of outputs, or with
//! `--overwrite`. No command replaces an input, or writes into a data set or into the run of another command.

mod check;
mod error;
mod guarded;

pub use self::check::{Claim, claim_file};
pub use self::error::{ClaimError, ForeignFiles};
pub use self::guarded::DATASET_FILE;

#[cfg(test)]
mod tests;
