//! Plans of nnU-Net v2: its `nnUNetPlans.json` and `dataset.json` to a plan, and back.
//!
//! Input and output are JSON values and plans. Features that only one of the two programs has are listed; nothing is left out
//! silently. Deliberately absent: nnU-Net's trained weights, whose networks downsample by strided convolutions.
//!
//! Source: nnU-Net v2 (`nnunetv2` 2.8.1), `plans_handler.py` and `default_experiment_planner.py`. A script in `tests/reference` loads
//! exported plans with that package.

mod archive;
pub mod checkpoint;
pub mod export;
pub mod import;
mod terms;

#[cfg(test)]
mod tests;
