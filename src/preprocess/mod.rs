//! Preprocessing: crop to the non-zero region, resample and normalise in the order of the plan; and the cache of prepared cases.
//!
//! Input: an image and its label map on their own grid. Output: a [`Prepared`] case on the grid of a configuration, and
//! the [`Placement`] that leads back. Deliberately absent: random transforms, and every decision: all values are the
//! plan's. Source: arXiv:1809.10486, 2.2.

pub mod cache;
mod error;
pub mod first_stage;
pub mod footprint;
mod foreground;
mod grid;
mod labels;
pub mod normalize;
mod prepare;
mod prepared;
mod prepared_case;

pub use self::grid::{separate_axis, separate_axis_back, spline_order, target_spacing};
pub use self::labels::class_of;
pub use self::prepare::prepare;
pub use self::prepared::{Placement, Prepared};

#[cfg(test)]
mod tests;
