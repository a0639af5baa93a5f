//! The order of the work and what it needs, without a disk.

use super::*;
use crate::plan::schema::ConfigurationName::{Cascade, FullRes, LowRes, TwoD};
use crate::plan::schema::{ConfigurationName, Plan};
use crate::run::NetworkId;

fn plan(folds: usize) -> Plan {
    let mut plan: Plan = crate::plan::testing::example();
    plan.split.folds = folds;
    plan.run.seeds = vec![1];
    plan
}

fn networks(names: &[ConfigurationName], folds: usize) -> Vec<NetworkId> {
    let of = |&configuration| (0..folds).map(move |fold| NetworkId { configuration, seed: 1, fold });
    names.iter().flat_map(of).collect()
}

/// What each piece of work needs, by their names.
fn needs_of(all: &[Work]) -> Vec<(String, Vec<String>)> {
    let named = |&work: &Work| {
        let needed = all.iter().filter(|other| needs(work, **other)).map(|other| other.id()).collect();
        (work.id(), needed)
    };
    all.iter().map(named).collect()
}

#[test]
fn whatever_is_needed_stands_before_and_nothing_needs_itself() {
    let all = work(&plan(2), &networks(&[TwoD, FullRes, LowRes, Cascade], 2));
    for (place, work) in all.iter().enumerate() {
        let later = all[place..].iter().find(|other| needs(*work, **other));
        assert!(later.is_none(), "{work} needs {later:?}, which comes after it");
    }
}

#[test]
fn a_fold_needs_its_own_stages_and_the_cascade_all_folds_of_its_first_stage() {
    let all = work(&plan(2), &networks(&[LowRes, Cascade], 2));
    let needed = needs_of(&all);
    let of = |id: &str| needed.iter().find(|(name, _)| name == id).unwrap().1.clone();
    assert_eq!(of("train/3d_lowres/seed_1/fold_1"), ["prepare/3d_lowres", "split"]);
    assert_eq!(of("predict/3d_lowres/seed_1/fold_1"), ["train/3d_lowres/seed_1/fold_1"]);
    assert_eq!(of("hand_over/3d_lowres/seed_1/fold_1"), ["prepare/3d_cascade", "train/3d_lowres/seed_1/fold_1"]);
    let first_stage = ["hand_over/3d_lowres/seed_1/fold_0", "hand_over/3d_lowres/seed_1/fold_1"];
    assert_eq!(of("train/3d_cascade/seed_1/fold_0"), [&["prepare/3d_cascade", "split"][..], &first_stage].concat());
}

#[test]
fn one_fold_of_the_cascade_brings_all_folds_of_its_first_stage() {
    let cascade = NetworkId { configuration: Cascade, seed: 1, fold: 1 };
    let all: Vec<String> = work(&plan(2), &[cascade]).into_iter().map(Work::id).skip(2).collect();
    let first = ["prepare/3d_lowres", "prepare/3d_cascade", "split", "train/3d_lowres/seed_1/fold_0"];
    assert_eq!(all[..4], first);
    assert_eq!(all.iter().filter(|id| id.starts_with("hand_over")).count(), 2);
    assert_eq!(all.last().unwrap(), "evaluate/3d_cascade/seed_1/fold_1");
}

#[test]
fn pairs_are_ensembled_where_all_their_folds_are_asked_for() {
    let kinds = |names: &[ConfigurationName], folds: usize| -> Vec<String> {
        let all = work(&plan(2), &networks(names, folds));
        all.iter().filter(|work| matches!(work, Work::Ensemble(..) | Work::Select)).map(|work| work.id()).collect()
    };
    let both = ["ensemble/2d+3d_fullres/seed_1/fold_0", "ensemble/2d+3d_fullres/seed_1/fold_1", "select"];
    assert_eq!(kinds(&[TwoD, FullRes], 2), both);
    assert_eq!(kinds(&[TwoD, FullRes], 1), Vec::<String>::new());
    assert_eq!(kinds(&[FullRes], 2), Vec::<String>::new());
}
