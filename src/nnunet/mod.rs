//! Plans and trained models of nnU-Net v2: to plans and runs of segplan, and back.
//!
//! Input and output: its JSON files and checkpoints; plans and run folders. Features that only one of the two programs has are listed;
//! nothing is left out silently, and a trained model is imported or exported only if both programs predict the same with it.
//!
//! Source: nnU-Net v2 (`nnunetv2` 2.8.1), `plans_handler.py` and `default_experiment_planner.py`. A script in `tests/reference` loads
//! exported plans with that package.

mod archive;
pub mod checkpoint;
pub mod dataset_file;
pub mod export;
pub mod import;
pub mod model;
mod parameters;
mod terms;

#[cfg(test)]
mod tests;
