//! Reports of runs: plots of a training, images of predictions, and tables, figures and texts for a paper.
//!
//! Input: epoch logs, scores and images; for a report, finished run folders. Output: SVG, PNG, tables, a page.
//! Deliberately absent: anything that changes a result.

pub(crate) mod compare;
pub mod error;
pub(crate) mod figure;
pub(crate) mod folder;
pub(crate) mod live;
pub(crate) mod page;
pub mod record;
pub(crate) mod statistics;
pub(crate) mod table;
pub(crate) mod text;
mod write;

pub(crate) use self::write::{Images, WrittenReport, write_report};
