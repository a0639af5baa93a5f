//! Reports of runs: plots of a training, images of predictions, and tables, figures and texts for a paper.
//!
//! Input: epoch logs, scores and images; for a report, finished run folders. Output: SVG, PNG, tables, a page.
//! Deliberately absent: anything that changes a result.

pub mod compare;
pub mod error;
pub mod figure;
pub mod live;
pub mod page;
pub mod record;
pub mod statistics;
pub mod table;
pub mod text;
pub mod write;
