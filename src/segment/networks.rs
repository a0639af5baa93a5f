//! The trained networks of a configuration, with those of its first stage.

use burn::tensor::Device;

use crate::network::{PlannedNetwork, UNet};
use crate::plan::schema::{ConfigurationName, Plan};
use crate::predict::cascade::{Grid, predict_first_stage_of_new_image};
use crate::predict::{EnsembleMember, MemoryLimit, OnTiles, PredictError, Predictor};
use crate::preprocess::first_stage::{append_masks, one_hot};
use crate::preprocess::{Prepared, prepare};
use crate::segment::error::SegmentError;
use crate::segment::model::{Model, Source};
use crate::volume::{Image, Shape};

/// Networks in memory.
pub(super) struct Networks {
    name: ConfigurationName,
    pub(super) own: Vec<UNet>,
    first_stage: Vec<UNet>,
}

impl Networks {
    /// Loads the networks of a configuration of a model, and of its first stage.
    pub(super) fn load(
        source: &dyn Source,
        model: &Model,
        name: ConfigurationName,
        device: &Device,
    ) -> Result<Self, SegmentError> {
        let load = |name| {
            let planned = PlannedNetwork::new(&model.plan, name);
            model.networks_of(name).map(|network| source.load(planned, network.id, device)).collect()
        };
        let first_stage = name.first_stage().map_or_else(|| Ok(Vec::new()), load)?;
        Ok(Self { name, own: load(name)?, first_stage })
    }

    /// The stages that these networks form.
    pub(super) fn stages<'a>(&'a self, plan: &'a Plan, device: &'a Device) -> Stages<'a> {
        let predictor =
            |name, networks: &'a [UNet]| Predictor { network: PlannedNetwork::new(plan, name), networks, device };
        let first = self.name.first_stage().map(|first| predictor(first, &self.first_stage));
        Stages { predictor: predictor(self.name, &self.own), first }
    }
}

/// The predictor of a configuration, and that of its first stage in the cascade.
pub(super) struct Stages<'a> {
    pub(super) predictor: Predictor<'a>,
    first: Option<Predictor<'a>>,
}

impl Stages<'_> {
    /// Preprocesses an image; for the cascade's second stage with the classes that the first one predicts.
    pub(super) fn prepare(
        &self,
        image: Image,
        limit: &MemoryLimit<'_>,
        on_tiles: &OnTiles<'_>,
    ) -> Result<Prepared, PredictError> {
        let settings = &self.predictor.network.plan().preprocess;
        let (bytes, spacing) = (limit.bytes as u64, image.geometry.spacing);
        let coarse = self
            .first
            .as_ref()
            .map(|first| prepare(image.clone(), None, settings, first.network.configuration(), bytes));
        let mut case = prepare(image, None, settings, self.predictor.network.configuration(), bytes)?;
        if let (Some(first), Some(coarse)) = (&self.first, coarse.transpose()?) {
            let grid = Grid { shape: Shape(case.labels.dim().into()), placement: &case.placement };
            let classes = predict_first_stage_of_new_image(
                &member(first, &coarse),
                self.predictor.network.configuration(),
                grid,
                spacing,
                limit,
                on_tiles,
            )?;
            case.image = append_masks(
                case.image.view(),
                &one_hot(classes.view(), self.predictor.network.plan().data.labels.len()),
            );
        }
        Ok(case)
    }
}

/// A predictor with its input.
pub(super) fn member<'a>(predictor: &'a Predictor<'a>, case: &'a Prepared) -> EnsembleMember<'a> {
    EnsembleMember { predictor, image: case.image.view(), placement: &case.placement }
}
