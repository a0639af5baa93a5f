//! Scaling of the patch. Source: arXiv:1809.10486, 2.3; range and probability of nnU-Net commit 6150f1b0,
//! `default_data_augmentation.py`.

use super::random::{around_one, occurs};
use super::text::range;
use crate::plan::schema;
use crate::random::Rng;

/// Draws the scale; above 1 the patch shows more of the image.
pub(super) fn draw(settings: &schema::Scaling, rng: &mut Rng) -> Option<f64> {
    occurs(settings.probability, rng).then(|| around_one(settings.range, rng))
}

pub(super) fn describe_draw(scale: f64) -> String {
    format!("scale {scale:.3}")
}

/// The transform in a methods paragraph; `None` if it is not used.
pub(super) fn describe(settings: &schema::Scaling) -> Option<String> {
    let range = range(settings.range);
    (settings.probability > 0.0).then(|| format!("scaling (probability {}; factor {range})", settings.probability))
}
