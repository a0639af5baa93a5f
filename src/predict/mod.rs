//! Predicts the labels of an image.
//!
//! Input: trained networks and prepared images of one case. Output: class probabilities on the prepared grids, and from them labels
//! on the image's own grid. Deliberately absent: files and post-processing. Source: arXiv:1809.10486, 2.4; see
//! `crate::guide::method`.

pub mod cascade;
pub mod error;
pub mod export;
mod member;
pub mod memory_limit;
mod predictor;
pub mod probabilities;
#[cfg(test)]
mod tests;
pub mod tile_sums;
pub mod tiles;

use ndarray::Array3;

pub use self::error::PredictError;
pub use self::member::EnsembleMember;
pub use self::memory_limit::MemoryLimit;
pub use self::predictor::{OnTiles, Predictor};

use self::export::{Export, MemberProbabilities, OnClass, vote};
use self::memory_limit::MemoryNeed;
use self::probabilities::Probabilities;
use crate::volume::Spacing;

/// Predicts the labels of an image on its own grid, `[z, y, x]`, from the mean probabilities of the members.
///
/// `spacing` is that of the image, mm. The values are the labels of the data set; no post-processing is applied. `on_class`, if
/// given, receives the probabilities of each class in turn, beginning with background, on the image's own grid.
///
/// # Errors
///
/// If the memory limit is too small, the scratch folder or `on_class` fails, or `on_tiles` stops the prediction.
///
/// # Panics
///
/// If there are no members.
pub fn predict_labels(
    members: &[EnsembleMember<'_>],
    spacing: Spacing,
    limit: &MemoryLimit<'_>,
    on_tiles: &OnTiles<'_>,
    on_class: Option<&mut OnClass<'_>>,
) -> Result<Array3<i16>, PredictError> {
    let plan = members.first().expect("at least one member").predictor.network.plan();
    let storage = MemoryNeed::of(members, on_class.is_some()).choose_storage(limit)?;
    let predict = |member: &EnsembleMember<'_>| member.predict(storage, limit.scratch, on_tiles);
    let probabilities: Vec<Probabilities> = members.iter().map(predict).collect::<Result<_, _>>()?;
    let parts: Vec<MemberProbabilities<'_>> = members
        .iter()
        .zip(&probabilities)
        .map(|(member, probabilities)| MemberProbabilities {
            probabilities,
            placement: member.placement,
            export: Export::new(plan, member.predictor.network.configuration(), spacing),
        })
        .collect();
    let mut labels = vote(&parts, on_class)?;
    let values: Vec<i16> = std::iter::once(0).chain(plan.data.labels.keys().map(|&label| label.into())).collect();
    labels.par_mapv_inplace(|class| values[class as usize]);
    Ok(labels)
}
