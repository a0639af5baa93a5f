//! Statistics of scores: summaries, paired tests, stability of rankings, confusion matrices.

pub(crate) mod confusion;
pub(crate) mod ranking;
pub(crate) mod summary;
pub(crate) mod wilcoxon;
