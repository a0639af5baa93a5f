//! Data sets on disk: Decathlon and nnU-Net v2 raw folders, their integrity, and the built-in phantom.
//!
//! Input: a folder. Output: a [`Dataset`], or every issue of its files. Deliberately absent: measurements of the images
//! (`fingerprint`) and every decision of a plan.

pub mod budget;
mod case;
pub mod contents;
mod definition;
mod description;
mod error;
mod exclude;
pub mod gate;
pub mod images;
pub mod input;
mod listing;
pub mod phantom;
mod scan;
mod verify;

pub use self::case::{Case, CaseId};
pub use self::definition::Dataset;
pub use self::description::FILE as DESCRIPTION;
pub use self::error::DatasetError;
pub use self::exclude::UnknownCase;
pub use self::listing::{File, Listing, file_names};
pub use self::scan::{declared_labels, scan};
pub use self::verify::verify;
