//! What a run lacks, in sentences: a report opens with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::plan::check::tolerance::surface_note;
use crate::report::record::ensembles;
use crate::report::record::scores::Row;
use crate::report::record::{Planned, Record};
use crate::units::counted;

/// Names that a sentence lists before it says how many more there are.
const LISTED: usize = 6;

/// Everything that is planned and not there, and every empty reference.
pub(in crate::report) fn find(record: &Record) -> Vec<String> {
    let mut gaps = Vec::new();
    gaps.extend(files(record));
    gaps.extend(networks(record));
    gaps.extend(ensembles::gaps(record));
    gaps.extend(cases(record));
    gaps.extend(classes(record));
    gaps.extend(matrix(record));
    gaps
}

fn files(record: &Record) -> Vec<String> {
    let absent = [
        (record.manifest.is_none(), "The manifest is missing: version, machine and data folder are not known."),
        (record.cases.is_empty(), "The fingerprint is missing: spacings, shapes and volumes are not known."),
        (record.splits.is_empty(), "The folds are missing: which cases should have a score is not known."),
    ];
    absent.into_iter().filter(|(absent, _)| *absent).map(|(_, text)| text.to_owned()).collect()
}

fn networks(record: &Record) -> Vec<String> {
    let sentence = |network: &Planned| {
        let name = format!("{}, seed {}, fold {}", network.configuration, network.seed, network.fold);
        let state = &network.state;
        if state.trained.is_none() && network.epochs.is_empty() {
            Some(format!("{name}: planned, but not trained."))
        } else if state.trained.is_none() {
            Some(format!("{name}: training is not finished (epochs so far: {}).", network.epochs.len()))
        } else if state.predicted.is_none() {
            Some(format!("{name}: trained, but its held-out cases are not all predicted."))
        } else if state.evaluated.is_none() {
            Some(format!("{name}: predicted, but not scored."))
        } else {
            None
        }
    };
    record.networks.iter().filter_map(sentence).collect()
}

/// Held-out cases of a fold that has scores, but none of theirs.
fn cases(record: &Record) -> Vec<String> {
    let mut gaps = Vec::new();
    for (name, seed, fold, _) in record.folders() {
        let own = |row: &&Row| row.configuration == name && row.seed == seed && row.fold == fold;
        let scored: BTreeSet<&str> = record.scores.rows.iter().filter(own).map(|row| row.case.as_str()).collect();
        let Some(split) = record.splits.get(fold).filter(|_| !scored.is_empty()) else { continue };
        let lost: Vec<&str> =
            split.val.iter().map(|case| case.0.as_str()).filter(|case| !scored.contains(case)).collect();
        if !lost.is_empty() {
            let (count, all) = (lost.len(), split.val.len());
            gaps.push(format!(
                "{name}, seed {seed}, fold {fold}: {count} of {} {} no score: {}.",
                counted(all, "case"),
                if count == 1 { "has" } else { "have" },
                list(&lost)
            ));
        }
    }
    gaps
}

fn classes(record: &Record) -> Vec<String> {
    let mut empty = BTreeMap::<u8, BTreeSet<&str>>::new();
    for row in record.scores.rows.iter().filter(|row| row.reference_voxels == 0) {
        empty.entry(row.label).or_default().insert(&row.case);
    }
    let sentence = |(label, cases): (u8, BTreeSet<&str>)| {
        let cases: Vec<&str> = cases.into_iter().collect();
        let name = record.class(label);
        format!("Class {name}: the reference of {} is empty: {}.", counted(cases.len(), "case"), list(&cases))
    };
    empty.into_iter().map(sentence).collect()
}

/// What the plan itself leaves out: not a fault, but nothing that a reader should have to find out.
fn matrix(record: &Record) -> Vec<String> {
    let (run, folds) = (&record.plan.run, record.plan.split.folds);
    let mut gaps = Vec::new();
    let left_out: Vec<&str> = record.plan.data.exclude.iter().map(String::as_str).collect();
    if !left_out.is_empty() {
        let cases = counted(left_out.len(), "training case");
        gaps.push(format!("The plan leaves out {cases} of the data set: {}.", list(&left_out)));
    }
    gaps.extend(surface_note(&record.plan));
    if run.folds.len() < folds {
        let trained: Vec<String> = run.folds.iter().map(ToString::to_string).collect();
        gaps.push(format!(
            "The plan runs {} of {folds} folds ({}): scores are of these folds' held-out cases only.",
            run.folds.len(),
            trained.join(", ")
        ));
    }
    if run.seeds.len() == 1 {
        gaps.push("One seed only: how much of a difference is due to chance in training is not known.".to_owned());
    }
    gaps
}

fn list(names: &[&str]) -> String {
    let mut text = names.iter().take(LISTED).copied().collect::<Vec<_>>().join(", ");
    if names.len() > LISTED {
        let _ = write!(text, " and {} more", names.len() - LISTED);
    }
    text
}
