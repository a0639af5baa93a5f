//! One configuration's part in a prediction.

use std::path::Path;

use ndarray::ArrayView4;

use crate::predict::error::PredictError;
use crate::predict::outputs::{Outputs, Storage};
use crate::predict::predictor::{OnTiles, Predictor};
use crate::preprocess::Placement;

/// A configuration's networks and the image as it is prepared for them.
#[derive(Clone, Copy, Debug)]
pub struct EnsembleMember<'a> {
    /// The networks.
    pub predictor: &'a Predictor<'a>,
    /// The prepared image, `[c, z, y, x]`.
    pub image: ArrayView4<'a, f32>,
    /// Position of the prepared grid in the image's own grid.
    pub placement: &'a Placement,
}

impl EnsembleMember<'_> {
    /// Predicts the outputs for the image on the prepared grid: probabilities or logits, whichever `predict.average` names.
    pub(super) fn predict(
        &self,
        storage: Storage,
        scratch: &Path,
        on_tiles: &OnTiles<'_>,
    ) -> Result<Outputs, PredictError> {
        let (_, z, y, x) = self.image.dim();
        let mut all = Outputs::new([self.predictor.network.outputs(), z, y, x], storage, scratch)?;
        self.predictor.predict_slices(self.image, on_tiles, &mut |z, slice| all.set(z, slice))?;
        Ok(all)
    }
}
