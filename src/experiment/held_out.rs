//! The held-out cases of a fold, predicted and scored: whatever of that is not yet done.
//!
//! The same for one network and for an ensemble, which differ in nothing but who labels a case.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::Array3;
use rayon::prelude::*;

use crate::dataset::gate::read_labels;
use crate::dataset::{Case, CaseId, Dataset};
use crate::evaluate::scores::{self, Score};
use crate::evaluate::{CaseScores, LabelFiles, confusion, score_files};
use crate::experiment::ExperimentError;
use crate::experiment::fold::Progress;
use crate::plan::schema::{Plan, PostprocessRule};
use crate::postprocess::Filter;
use crate::run::Listener;
use crate::run::NetworkState;
use crate::run::Split;
use crate::run::folder::FoldFolder;
use crate::run::listener::ScoredCases;
use crate::store;
use crate::volume::Spacing;
use crate::volume::io::{ImageFileError, read_header, write_labels};

/// Labels a case, `[z, y, x]` on the grid of its image, whose spacing is given; without post-processing.
pub(super) type Labeller<'a> = Box<dyn Fn(&CaseId, Spacing) -> Result<Array3<i16>, ExperimentError> + 'a>;

/// The held-out cases of a fold, and where their predictions and scores go.
pub(super) struct HeldOut<'a> {
    pub(super) plan: &'a Plan,
    pub(super) dataset: &'a Dataset,
    pub(super) split: &'a Split,
    pub(super) network: scores::ScoredNetwork,
    pub(super) folder: FoldFolder,
    /// Whether these are one network's, whose state records what it was trained on; not those of an ensemble.
    pub(super) is_trained_alone: bool,
    /// Digest of what decides on the predictions.
    pub(super) predict: String,
    /// Digest of what decides on the scores.
    pub(super) evaluate: String,
    /// Digest of what the data set's files hold.
    pub(super) data: &'a str,
    pub(super) events: &'a dyn Listener,
    pub(super) interrupted: &'a AtomicBool,
}

impl<'a> HeldOut<'a> {
    /// Predicts the cases, unless that is done; `labeller` is opened where there is something to do.
    pub(super) fn predict(
        &self,
        labeller: impl FnOnce() -> Result<Labeller<'a>, ExperimentError>,
    ) -> Result<Progress, ExperimentError> {
        if self.are_predicted()? {
            return Ok(Progress::AlreadyDone);
        }
        let mut state = NetworkState::read(&self.folder)?;
        if state.predicting.as_ref() != Some(&self.predict) || !state.is_of(self.data, self.split) {
            // Predictions of another plan, of other images or of cases of another fold must not be taken for this one's.
            for folder in [self.folder.validation(), self.folder.raw_validation()] {
                store::remove_files(&folder)?;
            }
            state = NetworkState {
                trained: state.trained,
                trained_on: state.trained_on,
                predicting: Some(self.predict.clone()),
                data: Some(self.data.to_owned()),
                // What nothing is known of stays so: a network of an earlier version does not get a record by being used.
                split: if self.is_trained_alone { state.split } else { Some(self.split.digest()) },
                ..NetworkState::default()
            };
            state.write(&self.folder)?;
        }
        let labeller = labeller()?;
        let scores::ScoredNetwork { configuration, fold, seed, .. } = &self.network;
        let what = format!("{configuration} fold {fold} seed {seed}: predicting held-out cases");
        self.events.begin(&what, self.split.val.len());
        for id in &self.split.val {
            if self.interrupted.load(Ordering::Relaxed) {
                self.events.end();
                return Ok(Progress::Interrupted);
            }
            if !fs::exists(self.folder.prediction(&id.0)).unwrap_or(false) {
                match self.predict_case(&labeller, id) {
                    Err(error) if error.is_stop() => {
                        self.events.end();
                        return Ok(Progress::Interrupted);
                    }
                    predicted => predicted?,
                }
            }
            self.events.advance();
        }
        self.events.end();
        state.predicted = Some(self.predict.clone());
        state.write(&self.folder)?;
        Ok(Progress::Done)
    }

    /// Whether all cases are predicted, by this plan and from the files that there are now.
    pub(super) fn are_predicted(&self) -> Result<bool, ExperimentError> {
        let state = NetworkState::read(&self.folder)?;
        Ok(state.predicted.as_ref() == Some(&self.predict) && state.is_of(self.data, self.split))
    }

    fn predict_case(&self, labeller: &Labeller<'_>, id: &CaseId) -> Result<(), ExperimentError> {
        let nifti = |source: ImageFileError| ExperimentError::Nifti { case: id.clone(), source };
        let header = read_header(&self.case(id)?.images[0]).map_err(nifti)?;
        let mut labels = labeller(id, header.geometry.spacing)?;
        let write =
            |path: &Path, labels: &Array3<i16>| write_labels(path, labels.view(), &header.geometry).map_err(nifti);
        let filter = Filter::of_plan(self.plan);
        if !filter.is_empty() || self.plan.postprocess.rule == PostprocessRule::CrossValidation {
            write(&self.folder.raw_prediction(&id.0), &labels)?;
        }
        filter.apply(&mut labels);
        write(&self.folder.prediction(&id.0), &labels)
    }

    /// Labels of a case in its reference, and as they were predicted.
    pub(super) fn read_raw(&self, id: &CaseId) -> Result<(Array3<i16>, Array3<i16>), ExperimentError> {
        let raw = self.folder.raw_prediction(&id.0);
        let raw = if fs::exists(&raw).unwrap_or(false) { raw } else { self.folder.prediction(&id.0) };
        let reference = self.case(id)?.labels.as_ref().ok_or_else(|| ExperimentError::Unlabelled(id.clone()))?;
        let reference = read_labels(id, reference, None, &self.plan.expected())?;
        let raw = read_labels(id, &raw, Some(&reference.geometry), &self.plan.expected())?;
        Ok((reference.labels, raw.labels))
    }

    /// Makes the predictions of the raw ones by a filter and scores them, unless they are made by it.
    pub(super) fn filter(&self, filter: &Filter) -> Result<(Progress, Vec<Score>), ExperimentError> {
        if NetworkState::read(&self.folder)?.filter == *filter {
            return self.evaluate();
        }
        for id in &self.split.val {
            let nifti = |source: ImageFileError| ExperimentError::Nifti { case: id.clone(), source };
            let mut raw = read_labels(id, &self.folder.raw_prediction(&id.0), None, &self.plan.expected())?;
            filter.apply(&mut raw.labels);
            write_labels(&self.folder.prediction(&id.0), raw.labels.view(), &raw.geometry).map_err(nifti)?;
        }
        let state = NetworkState::read(&self.folder)?;
        NetworkState { evaluated: None, ..state }.write(&self.folder)?;
        let scored = self.evaluate()?;
        // Last, so that a run that is stopped before filters anew.
        let state = NetworkState::read(&self.folder)?;
        NetworkState { filter: filter.clone(), ..state }.write(&self.folder)?;
        Ok(scored)
    }

    /// Scores the cases and draws the best, median and worst of them, unless that is done.
    pub(super) fn evaluate(&self) -> Result<(Progress, Vec<Score>), ExperimentError> {
        let mut state = NetworkState::read(&self.folder)?;
        let seen = self.split.val.iter().find(|id| state.trained_on.contains(id));
        assert_eq!(seen, None, "a case that `{}` was trained on is scored", self.folder.root.display());
        if state.evaluated.as_ref() == Some(&self.evaluate) && state.has_scores(&self.folder) {
            return Ok((Progress::AlreadyDone, scores::read(&self.folder.scores())?));
        }
        let (expected, tolerance) = (self.plan.expected(), self.plan.evaluate.surface_tolerance_mm);
        let cases: Vec<&Case> = self.split.val.iter().map(|id| self.case(id)).collect::<Result<_, _>>()?;
        let score = |case: &&Case| {
            let reference = case.labels.as_ref().ok_or_else(|| ExperimentError::Unlabelled(case.id.clone()))?;
            let prediction = self.folder.prediction(&case.id.0);
            let files = LabelFiles { case: &case.id, reference, prediction: &prediction };
            Ok(score_files(files, &self.network, &expected, tolerance)?)
        };
        let scored: Vec<CaseScores> = cases.par_iter().map(score).collect::<Result<_, ExperimentError>>()?;
        let cells: Vec<_> = scored.iter().flat_map(|scored| scored.confusion.iter().cloned()).collect();
        confusion::write(&self.folder.confusion(), &cells)?;
        let rows: Vec<Score> = scored.into_iter().flat_map(|scored| scored.scores).collect();
        scores::write(&self.folder.scores(), &rows)?;
        self.events.scored(&ScoredCases { folder: &self.folder, ranked: ranked(&cases, &rows), expected });
        state.scores = Some(store::digest_of_file(&self.folder.scores())?);
        state.evaluated = Some(self.evaluate.clone());
        state.write(&self.folder)?;
        Ok((Progress::Done, rows))
    }

    fn case(&self, id: &CaseId) -> Result<&'a Case, ExperimentError> {
        let found = self.dataset.training.iter().find(|case| case.id == *id);
        found.ok_or_else(|| ExperimentError::UnknownCase { case: id.clone(), dataset: self.dataset.name.clone() })
    }
}

/// Cases with their mean Dice over the classes, best first; cases without any Dice are left out.
fn ranked<'a>(cases: &[&'a Case], scores: &[Score]) -> Vec<(&'a Case, f64)> {
    let mean = |case: &&'a Case| {
        let own = scores.iter().filter(|score| score.case == case.id);
        let dice: Vec<f64> = own.filter_map(|score| score.counts.dice()).collect();
        (!dice.is_empty()).then(|| (*case, dice.iter().sum::<f64>() / dice.len() as f64))
    };
    let mut sorted: Vec<(&Case, f64)> = cases.iter().filter_map(mean).collect();
    sorted.sort_by(|(left, _), (right, _)| left.id.cmp(&right.id));
    sorted.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    sorted
}
