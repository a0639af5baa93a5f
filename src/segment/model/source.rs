//! Where the parts of a model come from.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::network::{PlannedNetwork, UNet};
use crate::plan::schema::{ConfigurationName, Plan, PostprocessRule};
use crate::run::NetworkId;
use crate::run::postprocessing::Postprocessing;
use crate::segment::error::SegmentError;
use crate::segment::training_data::TrainingData;

/// A trained network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::segment) struct TrainedNetwork {
    /// Which network.
    pub(in crate::segment) id: NetworkId,
    /// SHA-256 of the file of its weights.
    pub(in crate::segment) sha256: String,
}

/// The parts of a model.
pub(in crate::segment) trait Source {
    /// Path of the run folder or of the package.
    fn path(&self) -> &Path;

    /// The text of the plan with all keys, and the path that messages about it name.
    fn plan_text(&self) -> Result<(PathBuf, String), SegmentError>;

    /// The configurations that segment if no other ones are chosen; the mean of their probabilities decides.
    fn candidate(&self, plan: &Plan) -> Result<Vec<ConfigurationName>, SegmentError>;

    /// The trained networks of a configuration.
    fn trained(&self, plan: &Plan, name: ConfigurationName) -> Result<Vec<TrainedNetwork>, SegmentError>;

    /// A network with its trained weights.
    fn load(&self, planned: PlannedNetwork<'_>, id: NetworkId, device: &Device) -> Result<UNet, SegmentError>;

    /// The post-processing that the cross-validation chose.
    fn postprocessing(&self, rule: PostprocessRule) -> Result<Postprocessing, SegmentError>;

    /// Measurements of the training cases.
    fn training_data(&self) -> Result<TrainingData, SegmentError>;
}
