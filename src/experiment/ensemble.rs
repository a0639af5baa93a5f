//! Ensembles of two configurations on the held-out cases, and the choice among all candidates.
//!
//! The probabilities of a case are made again from the weights of its fold: nothing is kept that can be made.
//! Source: arXiv:1809.10486, section 2.4 (spec section 14.1).

use crate::evaluate::scores::Score;
use crate::experiment::ExperimentError;
use crate::experiment::fold::{Fold, Progress};
use crate::experiment::graph::Work;
use crate::experiment::held_out::{HeldOut, Labeller};
use crate::experiment::matrix::Experiment;
use crate::experiment::postprocessing::settle;
use crate::network::PlannedNetwork;
use crate::plan::compare::StageDigests;
use crate::plan::schema::ConfigurationName;
use crate::predict::memory::Room;
use crate::predict::{Member, Predictor, labels};
use crate::preprocess::cache::PreparedCase;
use crate::run::NetworkId;
use crate::run::Watch;
use crate::select::{Selection, joined};
use crate::store;

/// The configurations whose pairs are candidates; the cascade's first stage is one only by itself.
const PAIRED: [ConfigurationName; 3] =
    [ConfigurationName::TwoD, ConfigurationName::FullRes, ConfigurationName::Cascade];

/// What came of the choice.
pub(super) struct Chosen {
    pub(super) progress: Progress,
    /// Scores of the ensembles.
    pub(super) scores: Vec<Score>,
    /// All candidates; none where the cross-validation is not complete, or there is nothing to choose from.
    pub(super) selection: Option<Selection>,
}

/// Predicts and scores each pair of configurations all of whose folds are done, and writes down which candidate is best.
///
/// `complete` are the configurations all of whose folds are scored, and `scores` those of the single configurations.
pub(super) fn choose(
    experiment: &Experiment<'_>,
    complete: &[ConfigurationName],
    scores: &[Score],
) -> Result<Chosen, ExperimentError> {
    let mut chosen = Chosen { progress: Progress::AlreadyDone, scores: Vec::new(), selection: None };
    if complete.len() < 2 {
        return Ok(chosen);
    }
    for (first, second) in pairs(complete) {
        let mut all = Vec::new();
        for id in experiment.all_folds(first) {
            let members = [id, NetworkId { configuration: second, ..id }];
            let folds: Vec<Fold<'_>> = members.into_iter().map(|id| experiment.fold(id)).collect();
            let cases = held_out(experiment, &folds);
            if !cases.are_predicted()? {
                for id in members {
                    if experiment.provide(id)? == Progress::Interrupted {
                        return Ok(Chosen { progress: Progress::Interrupted, ..chosen });
                    }
                }
            }
            let score = || match cases.predict(|| labeller(&folds))? {
                Progress::AlreadyDone => cases.evaluate().map(|(progress, _)| progress),
                predicted => Ok(predicted),
            };
            match experiment.forecast.time(Work::Ensemble(id, second), score)? {
                Progress::Interrupted => return Ok(Chosen { progress: Progress::Interrupted, ..chosen }),
                Progress::Done => chosen.progress = Progress::Done,
                Progress::AlreadyDone => (),
            }
            all.push(cases);
        }
        let name = joined(&[first.to_string(), second.to_string()]);
        let (progress, scores) = settle(experiment, &name, &all)?;
        if progress == Progress::Done {
            chosen.progress = progress;
        }
        chosen.scores.extend(scores);
    }
    let is_complete = |score: &&Score| complete.iter().any(|name| name.as_str() == score.network.configuration);
    let candidates: Vec<Score> = scores.iter().filter(is_complete).chain(&chosen.scores).cloned().collect();
    let selection = Selection::of(&candidates);
    let mut text = serde_json::to_string_pretty(&selection).expect("a selection is texts and finite numbers");
    text.push('\n');
    store::write_atomic(&experiment.folder.selection(), text.as_bytes())?;
    chosen.selection = Some(selection);
    Ok(chosen)
}

/// The pairs of some configurations that are candidates.
pub(super) fn pairs(complete: &[ConfigurationName]) -> Vec<(ConfigurationName, ConfigurationName)> {
    let paired: Vec<ConfigurationName> = PAIRED.into_iter().filter(|name| complete.contains(name)).collect();
    let with_later = |(at, &first): (usize, &ConfigurationName)| {
        paired[at + 1..].iter().map(move |&second| (first, second)).collect::<Vec<_>>()
    };
    paired.iter().enumerate().flat_map(with_later).collect()
}

/// Digests of what decides on the predictions of an ensemble, and on their scores.
pub(super) fn digests(members: &[&StageDigests]) -> (String, String) {
    let of = |stage: fn(&StageDigests) -> &str| {
        let all: Vec<&str> = members.iter().map(|digests| stage(digests)).collect();
        store::digest(all.join(" ").as_bytes())
    };
    (of(|digests| &digests.predict), of(|digests| &digests.evaluate))
}

/// The held-out cases of one fold, as several networks predict them together.
fn held_out<'a>(experiment: &'a Experiment<'_>, folds: &[Fold<'a>]) -> HeldOut<'a> {
    let names: Vec<String> = folds.iter().map(|fold| fold.id.configuration.to_string()).collect();
    let id = folds[0].id;
    let folder = experiment.folder.fold(&joined(&names), id.seed, id.fold);
    let (predict, evaluate) = digests(&folds.iter().map(|fold| &fold.digests).collect::<Vec<_>>());
    let mut cases = HeldOut { folder, is_trained_alone: false, predict, evaluate, ..folds[0].held_out() };
    cases.network.configuration = joined(&names);
    cases
}

/// Labels a held-out case by the mean probability of some networks.
pub(super) fn labeller<'a>(folds: &'a [Fold<'a>]) -> Result<Labeller<'a>, ExperimentError> {
    let load = |fold: &Fold<'a>| {
        Ok([PlannedNetwork::new(fold.plan, fold.id.configuration).load(&fold.folder.weights(), fold.device)?])
    };
    let networks: Vec<_> = folds.iter().map(load).collect::<Result<_, ExperimentError>>()?;
    let Fold { events, interrupted, .. } = folds[0];
    Ok(Box::new(move |id, spacing| {
        let prepared: Vec<PreparedCase> = folds.iter().map(|fold| fold.open(id)).collect::<Result<_, _>>()?;
        let foreground = folds.first().map_or(0, |fold| fold.plan.data.labels.len());
        let inputs: Vec<_> = prepared.iter().map(|case| case.input(foreground)).collect();
        let predictors: Vec<Predictor<'_>> = folds
            .iter()
            .zip(&networks)
            .map(|(fold, networks)| Predictor {
                plan: fold.plan,
                name: fold.id.configuration,
                configuration: fold.configuration,
                networks,
                device: fold.device,
            })
            .collect();
        let members: Vec<Member<'_>> = predictors
            .iter()
            .zip(inputs.iter().zip(&prepared))
            .map(|(predictor, (input, case))| Member { predictor, image: input.view(), placement: &case.placement })
            .collect();
        let (memory, scratch) = (folds[0].plan.runtime.memory_gib, &folds[0].folder.root);
        let on_tiles = Watch { listener: events, interrupted }.on_tiles(id);
        labels(&members, spacing, &Room::gib(memory, scratch), &on_tiles, None)
            .map_err(|source| ExperimentError::Predict { case: id.clone(), source })
    }))
}
