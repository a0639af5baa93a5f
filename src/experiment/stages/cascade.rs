//! Predict for the cascade: the validation cases of a first-stage network, on the grid of the second stage.
//!
//! Each case is predicted by the network of the fold that it validates, so that the second stage never sees a prediction by a
//! network that was trained on the case. Source: arXiv:1809.10486, 2.1.
//!
//! Differs: nnU-Net commit 6150f1b0 predicts with the weights of the best epoch; here the final weights make all predictions.

use std::path::PathBuf;

use crate::dataset::CaseId;
use crate::experiment::digests::first_stage_origin;
use crate::experiment::error::ExperimentError;
use crate::experiment::stages::context::{Context, Ending};
use crate::plan::schema::ConfigurationName;
use crate::predict::cascade::{Grid, predict_first_stage};
use crate::predict::{EnsembleMember, MemoryLimit, Predictor};
use crate::preprocess::cache::{PreparedCase, PreprocessError};
use crate::preprocess::first_stage::{FirstStage, Origin, write};
use crate::run::folder::prepared_case;
use crate::run::{NetworkId, NetworkState, Split};
use crate::volume::Shape;

/// The predictions of one fold of the first stage.
struct PredictForCascade<'a> {
    context: &'a Context<'a>,
    /// The network of the first stage.
    id: NetworkId,
    /// Its second stage.
    second: ConfigurationName,
    split: &'a Split,
    /// Folder of the predictions.
    folder: PathBuf,
    origin: Origin,
}

pub(super) fn predict_for_cascade(context: &Context<'_>, id: NetworkId) -> Result<Ending, ExperimentError> {
    let split = &context.splits[id.fold];
    let stage = PredictForCascade {
        context,
        id,
        second: ConfigurationName::Cascade,
        split,
        folder: context.folder.first_stage_predictions(id.seed),
        origin: first_stage_origin(context.plan, &context.data, id.fold, Some(split)),
    };
    let missing = stage.missing()?;
    if missing.is_empty() {
        return Ok(Ending::Done);
    }
    let listener = context.listener;
    listener.begin(&format!("{id}: predicting validation cases for the cascade"), missing.len());
    let ending = stage.predict_all(&missing);
    listener.end();
    ending
}

impl PredictForCascade<'_> {
    /// The cases without a valid prediction.
    fn missing(&self) -> Result<Vec<PreparedCase>, ExperimentError> {
        let mut missing = Vec::new();
        let is_recorded = NetworkState::read(&self.context.network_folder(self.id))?.split.is_some();
        for id in &self.split.val {
            self.refuse_other_fold(id, is_recorded)?;
            let case = self.context.open_prepared(self.second, id)?;
            if !self.is_valid(&case) {
                missing.push(case);
            }
        }
        Ok(missing)
    }

    fn predict_all(&self, cases: &[PreparedCase]) -> Result<Ending, ExperimentError> {
        let (network, device) = (self.context.planned(self.id), &self.context.device);
        let networks = [network.load(&self.context.network_folder(self.id).weights(), device)?];
        let predictor = Predictor { network, networks: &networks, device };
        for case in cases {
            if self.context.is_interrupted() {
                return Ok(Ending::Interrupted);
            }
            match self.predict(&predictor, case) {
                Err(error) if error.is_stop() => return Ok(Ending::Interrupted),
                predicted => predicted?,
            }
            self.context.listener.advance();
        }
        Ok(Ending::Done)
    }

    fn predict(&self, predictor: &Predictor<'_>, second: &PreparedCase) -> Result<(), ExperimentError> {
        let case = self.context.open_prepared(self.id.configuration, &second.id)?;
        let member = EnsembleMember { predictor, image: case.image(), placement: &case.placement };
        let grid = Grid { shape: shape_of(second), placement: &second.placement };
        let plan = self.context.plan;
        let limit = MemoryLimit::from_gib(plan.runtime.memory_gib, &self.folder);
        let on_tiles = self.context.watch().on_tiles(&second.id);
        let labels = predict_first_stage(&member, &plan.configurations[&self.second], grid, &limit, &on_tiles)
            .map_err(|source| ExperimentError::Predict { case: second.id.clone(), source })?;
        Ok(write(&prepared_case(&self.folder, &second.id.0), &labels, &self.origin).map_err(PreprocessError::from)?)
    }

    /// Refuses a case that another fold predicted with the same plan and data: the folds were edited, and without a record of its
    /// training cases this fold's network may have been trained on the case.
    fn refuse_other_fold(&self, id: &CaseId, is_recorded: bool) -> Result<(), ExperimentError> {
        match Origin::of_file(&prepared_case(&self.folder, &id.0)) {
            Ok(Origin { digest, fold, .. })
                if !is_recorded && digest == self.origin.digest && fold != self.origin.fold =>
            {
                Err(ExperimentError::FirstStageSplit { case: id.clone(), network: self.id, fold })
            }
            _ => Ok(()),
        }
    }

    /// Whether the prediction of a case exists, by this fold with this plan, on the case's grid.
    fn is_valid(&self, second: &PreparedCase) -> bool {
        let found = FirstStage::open(&prepared_case(&self.folder, &second.id.0));
        found.is_ok_and(|found| found.origin.fits(&self.origin) && found.labels().shape() == shape_of(second).0)
    }
}

fn shape_of(case: &PreparedCase) -> Shape {
    Shape(case.labels().dim().into())
}
