//! Tables of a report, and the formats they are written in.

pub mod latex;
pub mod scores;
#[cfg(test)]
pub mod testing;
