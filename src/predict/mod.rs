//! Predicts the labels of an image.
//!
//! Input: trained networks and prepared images of one case. Output: probabilities or logits on the prepared grids, and from them
//! labels on the image's own grid. Deliberately absent: files and post-processing. Source: arXiv:1809.10486, 2.4; see
//! `crate::guide::method`.

mod activation;
pub mod cascade;
pub mod channels;
pub mod error;
pub mod export;
mod member;
pub mod memory_limit;
#[cfg(test)]
mod nnunet_tests;
pub mod outputs;
mod predictor;
mod resampled;
#[cfg(test)]
mod tests;
pub mod tile_sums;
mod tile_weights;
pub mod tiles;

use ndarray::Array3;

pub use self::error::PredictError;
pub use self::member::EnsembleMember;
pub use self::memory_limit::MemoryLimit;
pub use self::predictor::{OnTiles, Predictor};

use self::channels::Channels;
use self::export::{OnChannel, vote};
use self::memory_limit::MemoryNeed;
use self::outputs::Outputs;
use self::resampled::{Export, MemberOutputs};
use crate::volume::Spacing;

/// Predicts the labels of an image on its own grid, `[z, y, x]`, from the mean probabilities of the members.
///
/// `spacing` is that of the image, mm. The values are the labels of the data set; no post-processing is applied. `on_channel`, if
/// given, receives the probabilities of background and of each class, or of each region, in turn on the image's own grid.
///
/// # Errors
///
/// If the memory limit is too small, the scratch folder or `on_channel` fails, or `on_tiles` stops the prediction.
///
/// # Panics
///
/// If there are no members.
pub fn predict_labels(
    members: &[EnsembleMember<'_>],
    spacing: Spacing,
    limit: &MemoryLimit<'_>,
    on_tiles: &OnTiles<'_>,
    on_channel: Option<&mut OnChannel<'_>>,
) -> Result<Array3<i16>, PredictError> {
    let plan = members.first().expect("at least one member").predictor.network.plan();
    let storage = MemoryNeed::of(members, on_channel.is_some()).choose_storage(limit)?;
    let predict = |member: &EnsembleMember<'_>| member.predict(storage, limit.scratch, on_tiles);
    let outputs: Vec<Outputs> = members.iter().map(predict).collect::<Result<_, _>>()?;
    let parts: Vec<MemberOutputs<'_>> = members
        .iter()
        .zip(&outputs)
        .map(|(member, outputs)| MemberOutputs {
            outputs,
            placement: member.placement,
            export: Export::new(plan, member.predictor.network.configuration(), spacing),
        })
        .collect();
    vote(&parts, &Channels::of(plan), on_channel)
}
