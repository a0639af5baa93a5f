//! Notes on everything that is planned but missing, in sentences: a report begins with them.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::check::tolerance::surface_note;
use crate::report::record::{ModelFold, NetworkRecord, RunRecord};
use crate::units::{agree, counted, listed, plural};

/// Notes on missing results, on empty references, and on what the plan itself leaves out.
pub(crate) fn list_missing(record: &RunRecord) -> Vec<String> {
    let mut notes = missing_files(record);
    notes.extend(record.networks.iter().filter_map(unfinished_network));
    notes.extend(unscored_ensembles(record));
    notes.extend(record.model_folds().filter_map(|fold| unscored_cases(record, fold)));
    notes.extend(empty_references(record));
    notes.extend(left_out_by_plan(record));
    notes
}

fn missing_files(record: &RunRecord) -> Vec<String> {
    let files = [
        (record.manifest.is_none(), "The manifest is missing: version, machine and data folder are unknown."),
        (record.cases.is_empty(), "The fingerprint is missing: spacings, shapes and volumes are unknown."),
        (record.splits.is_empty(), "The splits are missing: which cases should have a score is unknown."),
    ];
    files.into_iter().filter(|(is_missing, _)| *is_missing).map(|(_, note)| note.to_owned()).collect()
}

/// Returns `None` if the network is scored.
fn unfinished_network(network: &NetworkRecord) -> Option<String> {
    let id = network.id;
    let name = format!("{}, seed {}, fold {}", id.configuration, id.seed, id.fold);
    let (state, epochs) = (&network.state, network.epochs.len());
    if state.trained.is_none() && epochs == 0 {
        Some(format!("{name}: planned, but not trained."))
    } else if state.trained.is_none() {
        Some(format!("{name}: training is not finished ({} so far).", counted(epochs, "epoch")))
    } else if state.predicted.is_none() {
        Some(format!("{name}: trained, but not all validation cases are predicted."))
    } else if state.evaluated.is_none() {
        Some(format!("{name}: predicted, but not scored."))
    } else {
        None
    }
}

fn unscored_ensembles(record: &RunRecord) -> Vec<String> {
    let unscored = record.ensembles.iter().filter(|ensemble| ensemble.state.evaluated.is_none());
    let mut notes: Vec<String> = unscored
        .map(|one| format!("{}, seed {}, fold {}: the ensemble is not scored.", one.name, one.seed, one.fold))
        .collect();
    if record.selection.is_none() && record.configurations().len() > 1 {
        notes.push(
            "No model was selected: that requires the scores of all folds of at least two configurations.".to_owned(),
        );
    }
    notes
}

/// Validation cases without a score, of a fold that has scores. Returns `None` if all have one.
fn unscored_cases(record: &RunRecord, fold: ModelFold<'_>) -> Option<String> {
    let scored: BTreeSet<&str> = record.scores_of_fold(fold).map(|score| score.case.0.as_str()).collect();
    let split = record.splits.get(fold.fold).filter(|_| !scored.is_empty())?;
    let all = split.val.iter().map(|case| case.0.as_str());
    let missing: Vec<&str> = all.filter(|case| !scored.contains(case)).collect();
    (!missing.is_empty()).then(|| {
        format!(
            "{}, seed {}, fold {}: {} of {} {} no score: {}.",
            fold.model,
            fold.seed,
            fold.fold,
            missing.len(),
            counted(split.val.len(), "case"),
            agree(missing.len(), "has", "have"),
            listed(&missing)
        )
    })
}

fn empty_references(record: &RunRecord) -> Vec<String> {
    let mut empty = BTreeMap::<u64, BTreeSet<&str>>::new();
    for score in record.scores.iter().filter(|score| score.counts.reference() == 0) {
        empty.entry(score.label).or_default().insert(&score.case.0);
    }
    let mut notes = Vec::new();
    for (label, cases) in empty {
        let class = u8::try_from(label).map_or("?", |label| record.class_name(label));
        let cases: Vec<&str> = cases.into_iter().collect();
        notes.push(format!(
            "Class {class}: the reference of {} is empty: {}.",
            counted(cases.len(), "case"),
            listed(&cases)
        ));
    }
    notes
}

/// Folds, seeds and cases that the plan itself omits: not a fault, but a reader has to know.
fn left_out_by_plan(record: &RunRecord) -> Vec<String> {
    let (run, folds) = (&record.plan.run, record.plan.split.folds);
    let mut notes = Vec::new();
    let excluded = &record.plan.data.exclude;
    if !excluded.is_empty() {
        let cases = counted(excluded.len(), "training case");
        notes.push(format!("The plan excludes {cases} of the data set: {}.", listed(excluded)));
    }
    notes.extend(surface_note(&record.plan));
    if run.folds.len() < folds {
        let planned: Vec<String> = run.folds.iter().map(ToString::to_string).collect();
        notes.push(format!(
            "The plan runs {} of {folds} folds ({} {}): scores cover only the validation cases of {}.",
            run.folds.len(),
            plural(run.folds.len(), "fold"),
            planned.join(", "),
            if run.folds.len() == 1 { "this fold" } else { "these folds" }
        ));
    }
    if run.seeds.len() == 1 {
        notes.push("One seed only: the variation of the results across repeated trainings is unknown.".to_owned());
    }
    notes
}
