//! Trained models of nnU-Net v2: its results folders to run folders, and back.
//!
//! A run that is imported predicts what nnU-Net predicts; a model that would predict something else is refused, with the reason.
//! Differences that concern only further training are notes.

mod error;
mod export;
mod folder;
mod import;
mod mirroring;
mod names;
mod postprocessing;
mod unpack;
mod weights;

#[cfg(test)]
mod golden_tests;
#[cfg(test)]
mod tests;

pub use self::error::ModelError;
pub use self::export::{ExportedModel, ModelExport, export_model};
pub use self::folder::{FINAL_CHECKPOINT, is_model};
pub use self::import::{ImportedModel, ModelImport, import_model};
