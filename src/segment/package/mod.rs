//! Packages: a trained model as one file to hand on.
//!
//! A package contains the plan, the weights of some networks, the chosen post-processing, measurements of the training cases that a
//! prediction needs, the cross-validation scores, and a licence; `manifest.json` lists its entries with their SHA-256. It contains no
//! image, no prediction, no name of a case and no path of a machine. Equal models are equal files.

mod error;
mod manifest;
mod read;
mod scores;
mod write;

pub use self::error::PackageError;
pub(super) use self::read::Package;
pub use self::write::{Licence, PackageRequest, Packaged, write_package};
