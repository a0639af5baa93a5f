//! Statistics of scores: summaries, paired tests, stability of rankings, confusion matrices.

pub mod confusion;
pub mod ranking;
pub mod summary;
pub mod wilcoxon;
