//! Which work a plan consists of, in which order.

use std::collections::BTreeSet;

use crate::experiment::options::Stage;
use crate::experiment::work::piece::{Members, Piece, Work};
use crate::plan::schema::{ConfigurationName, Plan, PostprocessRule};
use crate::run::NetworkId;

/// Configurations that form ensembles. The cascade's first stage is a candidate, but not a member of one.
const ENSEMBLED: [ConfigurationName; 3] =
    [ConfigurationName::TwoD, ConfigurationName::FullRes, ConfigurationName::Cascade];

/// All work of the requested networks up to a stage, in the order in which it is done.
///
/// A configuration is *complete* if all its networks are requested, or scored before. Complete configurations are candidates,
/// and so are their ensembles: a pair is added whether its members are trained now or were trained before. `is_done` reports
/// what is on disk; it decides nothing else.
pub(in crate::experiment) fn list_work(
    plan: &Plan,
    requested: &[NetworkId],
    until: Stage,
    is_done: &dyn Fn(Work) -> bool,
) -> Vec<Piece> {
    let complete = if until < Stage::Evaluate { Vec::new() } else { complete(plan, requested, is_done) };
    let pairs = pairs(&complete);
    let members = members_to_prepare(plan, requested, &pairs, is_done);

    let mut list = vec![Work::Data, Work::Fingerprint, Work::Split];
    let configurations = requested.iter().chain(&members).map(|id| id.configuration);
    let configurations: BTreeSet<ConfigurationName> =
        configurations.flat_map(|name| name.first_stage().into_iter().chain([name])).collect();
    list.extend(configurations.into_iter().map(Work::Preprocess));
    for &id in requested {
        list.extend(first_stage_work(plan, id));
        list.extend([Work::Train(id), Work::Predict(id), Work::Evaluate(id)]);
    }
    list.extend(members.iter().flat_map(|&id| first_stage_work(plan, id)));
    // The other rules need no cross-validation: each prediction is post-processed when it is made.
    let postprocess = |members: Members| match plan.postprocess.rule {
        PostprocessRule::CrossValidation | PostprocessRule::SingleComponent => Some(Work::Postprocess(members)),
        PostprocessRule::None => None,
    };
    list.extend(complete.iter().filter_map(|&first| postprocess(Members { first, second: None })));
    for &(first, second) in &pairs {
        list.extend(NetworkId::all(plan, first).map(|id| Work::Ensemble(id, second)));
        list.extend(postprocess(Members { first, second: Some(second) }));
    }
    if complete.len() > 1 {
        list.push(Work::Select);
    }
    with_needs(&list, until, &complete)
}

/// The configurations of a plan whose networks are all requested or scored.
fn complete(plan: &Plan, requested: &[NetworkId], is_done: &dyn Fn(Work) -> bool) -> Vec<ConfigurationName> {
    let is_scored = |id| requested.contains(&id) || is_done(Work::Evaluate(id));
    plan.configurations.keys().copied().filter(|&name| NetworkId::all(plan, name).all(is_scored)).collect()
}

/// The pairs of complete configurations that form ensembles.
fn pairs(complete: &[ConfigurationName]) -> Vec<(ConfigurationName, ConfigurationName)> {
    let ensembled: Vec<ConfigurationName> = ENSEMBLED.into_iter().filter(|name| complete.contains(name)).collect();
    let mut pairs = Vec::new();
    for (at, &first) in ensembled.iter().enumerate() {
        pairs.extend(ensembled[at + 1..].iter().map(|&second| (first, second)));
    }
    pairs
}

/// Networks that were not requested, but whose input is needed for an ensemble that is not done.
fn members_to_prepare(
    plan: &Plan,
    requested: &[NetworkId],
    pairs: &[(ConfigurationName, ConfigurationName)],
    is_done: &dyn Fn(Work) -> bool,
) -> Vec<NetworkId> {
    let mut members = Vec::new();
    for &(first, second) in pairs {
        for id in NetworkId::all(plan, first).filter(|&id| !is_done(Work::Ensemble(id, second))) {
            let both = [id, NetworkId { configuration: second, ..id }];
            members.extend(both.into_iter().filter(|member| !requested.contains(member)));
        }
    }
    members
}

/// The work of the first stage that a network of the cascade's second stage needs: training and predictions of all folds.
fn first_stage_work(plan: &Plan, id: NetworkId) -> Vec<Work> {
    let Some(configuration) = id.configuration.first_stage() else { return Vec::new() };
    let folds = (0..plan.split.folds).map(|fold| NetworkId { configuration, fold, ..id });
    folds.clone().map(Work::Train).chain(folds.map(Work::PredictForCascade)).collect()
}

/// Removes duplicates and later stages, and adds what each piece needs.
fn with_needs(list: &[Work], until: Stage, complete: &[ConfigurationName]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for &work in list.iter().filter(|work| work.stage() <= until) {
        if pieces.iter().all(|piece| piece.work != work) {
            let earlier = pieces.iter().map(|piece| piece.work);
            let needs = earlier.filter(|&other| work.needs(other, complete)).collect();
            pieces.push(Piece { work, needs });
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::schema::ConfigurationName::{Cascade, FullRes, LowRes, TwoD};

    fn plan(folds: usize) -> Plan {
        let mut plan: Plan = crate::plan::testing::example();
        plan.split.folds = folds;
        plan.run.seeds = vec![1];
        plan.postprocess.rule = PostprocessRule::CrossValidation;
        let full = plan.configurations[&FullRes].clone();
        for name in [TwoD, LowRes, Cascade] {
            plan.configurations.entry(name).or_insert_with(|| full.clone());
        }
        plan
    }

    fn networks(names: &[ConfigurationName], folds: usize) -> Vec<NetworkId> {
        let of = |&configuration| (0..folds).map(move |fold| NetworkId { configuration, seed: 1, fold });
        names.iter().flat_map(of).collect()
    }

    fn nothing(_: Work) -> bool {
        false
    }

    fn list(requested: &[NetworkId], is_done: &dyn Fn(Work) -> bool) -> Vec<Piece> {
        list_work(&plan(2), requested, Stage::Evaluate, is_done)
    }

    fn ids(pieces: &[Piece]) -> Vec<String> {
        pieces.iter().map(|piece| piece.work.id()).collect()
    }

    /// Identifiers of the work that a piece needs.
    fn needs(pieces: &[Piece], id: &str) -> Vec<String> {
        let piece = pieces.iter().find(|piece| piece.work.id() == id).unwrap_or_else(|| panic!("no `{id}`"));
        piece.needs.iter().map(|work| work.id()).collect()
    }

    #[test]
    fn needed_work_comes_first_and_nothing_is_listed_twice() {
        let pieces = list(&networks(&[TwoD, FullRes, LowRes, Cascade], 2), &nothing);
        for (at, piece) in pieces.iter().enumerate() {
            assert!(pieces[..at].iter().all(|earlier| earlier.work != piece.work), "{} is listed twice", piece.work);
            for need in &piece.needs {
                assert!(pieces[..at].iter().any(|earlier| earlier.work == *need), "{need} before {}", piece.work);
            }
        }
    }

    #[test]
    fn a_fold_needs_its_own_stages_and_the_cascade_all_folds_of_its_first_stage() {
        let pieces = list(&networks(&[LowRes, Cascade], 2), &nothing);
        assert_eq!(needs(&pieces, "train/3d_lowres/seed_1/fold_1"), ["split", "preprocess/3d_lowres"]);
        let predict = needs(&pieces, "predict/3d_lowres/seed_1/fold_1");
        assert_eq!(predict, ["preprocess/3d_lowres", "train/3d_lowres/seed_1/fold_1"]);
        let first_stage = needs(&pieces, "predict-for-cascade/3d_lowres/seed_1/fold_1");
        assert_eq!(first_stage, ["preprocess/3d_lowres", "preprocess/3d_cascade", "train/3d_lowres/seed_1/fold_1"]);
        let all_folds = [0, 1].map(|fold| format!("predict-for-cascade/3d_lowres/seed_1/fold_{fold}"));
        let train = needs(&pieces, "train/3d_cascade/seed_1/fold_0");
        assert_eq!(train[..2], ["split", "preprocess/3d_cascade"]);
        assert_eq!(train[2..], all_folds);
    }

    #[test]
    fn one_fold_of_the_cascade_brings_all_folds_of_its_first_stage() {
        let pieces = list(&[NetworkId { configuration: Cascade, seed: 1, fold: 1 }], &nothing);
        let first = ["preprocess/3d_lowres", "preprocess/3d_cascade", "train/3d_lowres/seed_1/fold_0"];
        assert_eq!(ids(&pieces)[3..6], first);
        assert_eq!(ids(&pieces).iter().filter(|id| id.starts_with("predict-for-cascade")).count(), 2);
        assert_eq!(ids(&pieces).last().unwrap(), "evaluate/3d_cascade/seed_1/fold_1");
    }

    /// The work that follows after all networks.
    fn decisions(requested: &[NetworkId], is_done: &dyn Fn(Work) -> bool) -> Vec<String> {
        let is_decision = |work: Work| matches!(work, Work::Ensemble(..) | Work::Postprocess(_) | Work::Select);
        let pieces = list(requested, is_done);
        pieces.iter().filter(|piece| is_decision(piece.work)).map(|piece| piece.work.id()).collect()
    }

    #[test]
    fn complete_configurations_are_ensembled() {
        let all = [
            "postprocess/2d",
            "postprocess/3d_fullres",
            "ensemble/2d+3d_fullres/seed_1/fold_0",
            "ensemble/2d+3d_fullres/seed_1/fold_1",
            "postprocess/2d+3d_fullres",
            "select",
        ];
        assert_eq!(decisions(&networks(&[TwoD, FullRes], 2), &nothing), all);
        assert_eq!(decisions(&networks(&[TwoD, FullRes], 1), &nothing), Vec::<String>::new(), "one fold of two");
        assert_eq!(decisions(&networks(&[FullRes], 2), &nothing), ["postprocess/3d_fullres"]);
        let scored = |work: Work| matches!(work, Work::Evaluate(id) if id.configuration == FullRes);
        assert_eq!(decisions(&networks(&[TwoD], 2), &scored), all, "the other one was scored before");
    }

    #[test]
    fn an_unfinished_ensemble_brings_the_input_of_a_member_that_was_trained_before() {
        let scored = |work: Work| matches!(work, Work::Evaluate(id) if id.configuration == Cascade);
        let pieces = ids(&list(&networks(&[TwoD], 2), &scored));
        for id in
            ["preprocess/3d_cascade", "train/3d_lowres/seed_1/fold_0", "predict-for-cascade/3d_lowres/seed_1/fold_1"]
        {
            assert!(pieces.contains(&id.to_owned()), "no `{id}` in {pieces:?}");
        }
        assert!(!pieces.contains(&"train/3d_cascade/seed_1/fold_0".to_owned()));
        let ensembled = |work: Work| scored(work) || matches!(work, Work::Ensemble(..));
        let pieces = ids(&list(&networks(&[TwoD], 2), &ensembled));
        assert!(!pieces.contains(&"preprocess/3d_cascade".to_owned()), "nothing needs it: {pieces:?}");
    }

    #[test]
    fn later_stages_are_left_out() {
        let pieces = list_work(&plan(2), &networks(&[TwoD, FullRes], 2), Stage::Train, &nothing);
        assert_eq!(ids(&pieces).last().unwrap(), "train/3d_fullres/seed_1/fold_1");
        assert!(pieces.iter().all(|piece| piece.work.stage() <= Stage::Train));
    }
}
