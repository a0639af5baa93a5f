//! Statistics of scores: summaries, paired tests, rankings, confusion matrices.

pub mod confusion;
pub mod numbers;
pub mod summary;
pub mod wilcoxon;
