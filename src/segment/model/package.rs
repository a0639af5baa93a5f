//! The model of a package.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::network::{PlannedNetwork, UNet};
use crate::plan::schema::{ConfigurationName, Plan, PostprocessRule};
use crate::run::NetworkId;
use crate::run::postprocessing::Postprocessing;
use crate::segment::error::SegmentError;
use crate::segment::model::source::{Source, TrainedNetwork};
use crate::segment::package::Package;
use crate::segment::training_data::TrainingData;

impl Source for Package {
    fn path(&self) -> &Path {
        Package::path(self)
    }

    fn plan_text(&self) -> Result<(PathBuf, String), SegmentError> {
        Ok(self.plan_text()?)
    }

    fn candidate(&self, _plan: &Plan) -> Result<Vec<ConfigurationName>, SegmentError> {
        Ok(self.manifest().configurations.clone())
    }

    fn trained(&self, _plan: &Plan, name: ConfigurationName) -> Result<Vec<TrainedNetwork>, SegmentError> {
        let networks = self.networks().filter(|(id, _)| id.configuration == name);
        Ok(networks.map(|(id, sha256)| TrainedNetwork { id, sha256: sha256.to_owned() }).collect())
    }

    fn load(&self, planned: PlannedNetwork<'_>, id: NetworkId, device: &Device) -> Result<UNet, SegmentError> {
        // A plan can describe a network of any size; memory is allocated only for weights that the file contains.
        let (file, bytes) = self.weights(id)?;
        let needed = planned.topology().parameters().saturating_mul(size_of::<f32>() as u64);
        if bytes < needed {
            return Err(self.damaged(format!("{id} has {bytes} bytes of weights, and its plan needs {needed}")).into());
        }
        Ok(planned.load_file(&file, Package::path(self), device)?)
    }

    fn postprocessing(&self, rule: PostprocessRule) -> Result<Postprocessing, SegmentError> {
        let packaged = self.postprocessing()?;
        Ok(if packaged.rule == rule { packaged } else { Postprocessing { rule, candidates: BTreeMap::new() } })
    }

    fn training_data(&self) -> Result<TrainingData, SegmentError> {
        Ok(self.training_data()?)
    }
}
