//! The validation cases of one fold of a candidate, a network or an ensemble, and the files of their predictions and scores.

use std::fs;
use std::path::Path;

use ndarray::Array3;
use rayon::prelude::*;

use crate::dataset::gate::read_labels;
use crate::dataset::{Case, CaseId};
use crate::evaluate::scores::{self, Score, ScoredNetwork};
use crate::evaluate::{CaseScores, LabelFiles, confusion, score_files};
use crate::experiment::digests::CandidateDigests;
use crate::experiment::error::ExperimentError;
use crate::experiment::stages::context::{Context, Ending};
use crate::experiment::work::Members;
use crate::plan::schema::{ConfigurationName, PostprocessRule};
use crate::postprocess::Filter;
use crate::run::folder::FoldFolder;
use crate::run::listener::ScoredCases;
use crate::run::{NetworkId, NetworkState, Split};
use crate::statistics::mean;
use crate::store;
use crate::volume::Spacing;
use crate::volume::io::{ImageFileError, read_header, write_labels};

/// Predicts a case: labels `[z, y, x]` on the grid of its image, which has this spacing; without post-processing.
pub(super) type PredictFn<'a> = Box<dyn Fn(&CaseId, Spacing) -> Result<Array3<i16>, ExperimentError> + 'a>;

/// The validation cases of one fold of a candidate.
pub(super) struct ValidationCases<'a> {
    context: &'a Context<'a>,
    pub(super) members: Vec<NetworkId>,
    network: ScoredNetwork,
    pub(super) folder: FoldFolder,
    pub(super) split: &'a Split,
    pub(super) digests: CandidateDigests,
}

impl<'a> ValidationCases<'a> {
    /// The cases that a network is validated on.
    pub(super) fn of_network(context: &'a Context<'a>, id: NetworkId) -> Self {
        let digests = CandidateDigests::of_network(context.plan, id.configuration);
        Self::new(context, vec![id], Members { first: id.configuration, second: None }, digests)
    }

    /// The cases that both members of an ensemble are validated on.
    pub(super) fn of_ensemble(context: &'a Context<'a>, id: NetworkId, second: ConfigurationName) -> Self {
        let digests = CandidateDigests::of_ensemble(context.plan, [id.configuration, second]);
        let members = vec![id, NetworkId { configuration: second, ..id }];
        Self::new(context, members, Members { first: id.configuration, second: Some(second) }, digests)
    }

    fn new(context: &'a Context<'a>, members: Vec<NetworkId>, names: Members, digests: CandidateDigests) -> Self {
        let NetworkId { seed, fold, .. } = members[0];
        let network = ScoredNetwork { run: context.plan.name.clone(), configuration: names.to_string(), fold, seed };
        let folder = context.folder.fold(&network.configuration, seed, fold);
        Self { context, members, folder, split: &context.splits[fold], network, digests }
    }

    /// Predicts the cases that are not predicted yet; `open` loads the networks.
    pub(super) fn predict(
        &self,
        open: impl FnOnce() -> Result<PredictFn<'a>, ExperimentError>,
    ) -> Result<Ending, ExperimentError> {
        let state = self.start_predicting()?;
        if state.predicted.as_ref() == Some(&self.digests.predict) {
            return Ok(Ending::Done);
        }
        let predict = open()?;
        let ScoredNetwork { configuration, fold, seed, .. } = &self.network;
        let task = format!("{configuration} fold {fold} seed {seed}: predicting validation cases");
        self.context.listener.begin(&task, self.split.val.len());
        let ending = self.predict_missing(&predict);
        self.context.listener.end();
        if ending.as_ref().is_ok_and(|ending| *ending == Ending::Done) {
            NetworkState { predicted: Some(self.digests.predict.clone()), ..state }.write(&self.folder)?;
        }
        ending
    }

    /// The state of the fold; predictions of another plan, other data or another split are removed first.
    fn start_predicting(&self) -> Result<NetworkState, ExperimentError> {
        let state = NetworkState::read(&self.folder)?;
        if state.predicting.as_ref() == Some(&self.digests.predict) && state.is_of(&self.context.data, self.split) {
            return Ok(state);
        }
        for folder in [self.folder.validation(), self.folder.raw_validation()] {
            store::remove_files(&folder)?;
        }
        let is_ensemble = self.members.len() > 1;
        let state = NetworkState {
            trained: state.trained,
            trained_on: state.trained_on,
            predicting: Some(self.digests.predict.clone()),
            data: Some(self.context.data.clone()),
            // An unknown split stays unknown: a network of an earlier version does not become known by being used.
            split: if is_ensemble { Some(self.split.digest()) } else { state.split },
            ..NetworkState::default()
        };
        state.write(&self.folder)?;
        Ok(state)
    }

    fn predict_missing(&self, predict: &PredictFn<'_>) -> Result<Ending, ExperimentError> {
        for id in &self.split.val {
            if self.context.is_interrupted() {
                return Ok(Ending::Interrupted);
            }
            if !fs::exists(self.folder.prediction(&id.0)).unwrap_or(false) {
                match self.predict_case(predict, id) {
                    Err(error) if error.is_stop() => return Ok(Ending::Interrupted),
                    predicted => predicted?,
                }
            }
            self.context.listener.advance();
        }
        Ok(Ending::Done)
    }

    fn predict_case(&self, predict: &PredictFn<'_>, id: &CaseId) -> Result<(), ExperimentError> {
        let plan = self.context.plan;
        let nifti = |source: ImageFileError| ExperimentError::Image { case: id.clone(), source };
        let header = read_header(&self.context.case(id)?.images[0]).map_err(nifti)?;
        let mut labels = predict(id, header.geometry.spacing)?;
        let write =
            |path: &Path, labels: &Array3<i16>| write_labels(path, labels.view(), &header.geometry).map_err(nifti);
        let filter = Filter::of_plan(plan);
        if !filter.is_empty() || plan.postprocess.rule == PostprocessRule::CrossValidation {
            write(&self.folder.raw_prediction(&id.0), &labels)?;
        }
        filter.apply(&mut labels);
        write(&self.folder.prediction(&id.0), &labels)
    }

    /// Scores the predictions.
    pub(super) fn evaluate(&self) -> Result<(), ExperimentError> {
        let plan = self.context.plan;
        let mut state = NetworkState::read(&self.folder)?;
        let seen = self.split.val.iter().find(|id| state.trained_on.contains(id));
        assert_eq!(seen, None, "`{}` is scored on a case that it was trained on", self.folder.root.display());
        let (expected, tolerance_mm) = (plan.expected(), plan.evaluate.surface_tolerance_mm);
        let cases: Vec<&Case> = self.split.val.iter().map(|id| self.context.case(id)).collect::<Result<_, _>>()?;
        let score = |case: &&Case| {
            let reference = case.labels.as_ref().ok_or_else(|| ExperimentError::Unlabelled(case.id.clone()))?;
            let prediction = self.folder.prediction(&case.id.0);
            let files = LabelFiles { case: &case.id, reference, prediction: &prediction };
            Ok(score_files(files, &self.network, &expected, tolerance_mm)?)
        };
        let scored: Vec<CaseScores> = cases.par_iter().map(score).collect::<Result<_, ExperimentError>>()?;
        let cells: Vec<_> = scored.iter().flat_map(|scored| scored.confusion.iter().cloned()).collect();
        confusion::write(&self.folder.confusion(), &cells)?;
        let rows: Vec<Score> = scored.into_iter().flat_map(|scored| scored.scores).collect();
        scores::write(&self.folder.scores(), &rows)?;
        let ranked = rank_by_dice(&cases, &rows);
        self.context.listener.scored(&ScoredCases { folder: &self.folder, ranked, expected });
        state.scores = Some(store::digest_of_file(&self.folder.scores())?);
        state.evaluated = Some(self.digests.evaluate.clone());
        Ok(state.write(&self.folder)?)
    }

    /// Labels of a case in its reference, and as they were predicted before post-processing.
    pub(super) fn read_raw(&self, id: &CaseId) -> Result<RawPrediction, ExperimentError> {
        let expected = self.context.plan.expected();
        let raw = self.folder.raw_prediction(&id.0);
        let raw = if fs::exists(&raw).unwrap_or(false) { raw } else { self.folder.prediction(&id.0) };
        let reference =
            self.context.case(id)?.labels.as_ref().ok_or_else(|| ExperimentError::Unlabelled(id.clone()))?;
        let reference = read_labels(id, reference, None, &expected)?;
        let prediction = read_labels(id, &raw, Some(&reference.geometry), &expected)?;
        Ok(RawPrediction { reference: reference.labels, prediction: prediction.labels })
    }

    /// Post-processes the raw predictions and scores the result, unless that is done.
    pub(super) fn apply_postprocessing(&self, filter: &Filter) -> Result<(), ExperimentError> {
        if NetworkState::read(&self.folder)?.filter == *filter {
            return Ok(());
        }
        for id in &self.split.val {
            let nifti = |source: ImageFileError| ExperimentError::Image { case: id.clone(), source };
            let mut raw = read_labels(id, &self.folder.raw_prediction(&id.0), None, &self.context.plan.expected())?;
            filter.apply(&mut raw.labels);
            write_labels(&self.folder.prediction(&id.0), raw.labels.view(), &raw.geometry).map_err(nifti)?;
        }
        let state = NetworkState::read(&self.folder)?;
        NetworkState { evaluated: None, ..state }.write(&self.folder)?;
        self.evaluate()?;
        // Recorded last: if the run is stopped before, all of this is repeated.
        let state = NetworkState::read(&self.folder)?;
        Ok(NetworkState { filter: filter.clone(), ..state }.write(&self.folder)?)
    }
}

/// The label maps of one validation case, `[z, y, x]`.
pub(super) struct RawPrediction {
    pub(super) reference: Array3<i16>,
    pub(super) prediction: Array3<i16>,
}

/// Cases with their mean Dice over the classes, best first; cases without any Dice are left out.
fn rank_by_dice<'a>(cases: &[&'a Case], scores: &[Score]) -> Vec<(&'a Case, f64)> {
    let mean_dice = |case: &&'a Case| {
        let own = scores.iter().filter(|score| score.case == case.id);
        let dice: Vec<f64> = own.filter_map(|score| score.counts.dice()).collect();
        Some((*case, mean(&dice)?))
    };
    let mut ranked: Vec<(&Case, f64)> = cases.iter().filter_map(mean_dice).collect();
    ranked.sort_by(|(left, left_dice), (right, right_dice)| {
        right_dice.total_cmp(left_dice).then_with(|| left.id.cmp(&right.id))
    });
    ranked
}
