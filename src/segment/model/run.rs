//! The model of a run folder.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::evaluate::scores;
use crate::network::weights::WeightsError;
use crate::network::{PlannedNetwork, UNet};
use crate::plan::schema::{ConfigurationName, Plan, PostprocessRule};
use crate::run::folder::RunFolder;
use crate::run::postprocessing::Postprocessing;
use crate::run::{NetworkId, NetworkState, read_json};
use crate::segment::error::SegmentError;
use crate::segment::model::source::{Source, TrainedNetwork};
use crate::segment::training_data::TrainingData;
use crate::select::Selection;
use crate::store::tensors::TensorFileError;
use crate::store::{StoreError, digest_of_file, read_text};

impl Source for RunFolder {
    fn path(&self) -> &Path {
        &self.root
    }

    fn plan_text(&self) -> Result<(PathBuf, String), SegmentError> {
        let path = self.resolved_plan();
        let text = read_text(&path)?;
        Ok((path, text))
    }

    /// The configurations of the best candidate of the cross-validation. Until that is complete, the configuration with the best
    /// scores so far, or the first trained one of the plan.
    fn candidate(&self, plan: &Plan) -> Result<Vec<ConfigurationName>, SegmentError> {
        let selection = match read_json(&self.selection())? {
            Some(selection) => selection,
            None if self.scores().is_file() => Selection::of(&scores::read(&self.scores())?),
            None => Selection { candidates: Vec::new() },
        };
        let known = |name: &String| plan.configurations.keys().copied().find(|known| known.as_str() == name);
        let best = selection.candidates.iter().find_map(|one| one.configurations.iter().map(known).collect());
        if let Some(best) = best {
            return Ok(best);
        }
        for &name in &plan.run.configurations {
            if !self.trained(plan, name)?.is_empty() {
                return Ok(vec![name]);
            }
        }
        Err(SegmentError::untrained(&self.root, None))
    }

    fn trained(&self, plan: &Plan, name: ConfigurationName) -> Result<Vec<TrainedNetwork>, SegmentError> {
        let mut trained = Vec::new();
        for id in NetworkId::all(plan, name) {
            let fold = self.network(id);
            if NetworkState::read(&fold)?.trained.is_some() {
                trained.push(TrainedNetwork { id, sha256: digest_of_weights(&fold.weights())? });
            }
        }
        Ok(trained)
    }

    fn load(&self, planned: PlannedNetwork<'_>, id: NetworkId, device: &Device) -> Result<UNet, SegmentError> {
        Ok(planned.load(&self.network(id).weights(), device)?)
    }

    fn postprocessing(&self, rule: PostprocessRule) -> Result<Postprocessing, SegmentError> {
        Ok(Postprocessing::read(self, rule)?)
    }

    fn training_data(&self) -> Result<TrainingData, SegmentError> {
        Ok(TrainingData::load(self)?)
    }
}

/// SHA-256 of a file of weights; one that is missing is as bad as a damaged one.
fn digest_of_weights(path: &Path) -> Result<String, WeightsError> {
    let unreadable = |error: StoreError| TensorFileError::Io { path: error.path, source: error.source };
    Ok(digest_of_file(path).map_err(unreadable)?)
}
