//! Agreement of predictions with references, per class, on the grids of the original images.
//!
//! Input: label maps, in memory or in folders. Output: one [`scores::Score`] per case and class, and summaries of them.
//! Deliberately absent: networks and plans. Source: arXiv:1809.10486 for the Dice; the other metrics are standard, see
//! [`Metric`].

pub mod confusion;
mod counts;
pub mod folders;
pub mod metric;
pub mod output;
mod score_case;
pub mod scores;
pub mod summary;
pub mod surface;

pub use self::counts::{Counts, count_voxels};
pub use self::metric::{Better, Metric};
pub use self::score_case::{CaseScores, LabelFiles, score_files};
