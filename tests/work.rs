//! One list of work: what `run --dry-run` announces is what `run` does, piece by piece.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use common::{Workplace, fail, succeed};
use serde_json::Value;

/// Pieces of work by the name of their run.
type Pieces = BTreeMap<String, BTreeSet<String>>;

/// A plan of the phantom that takes seconds: few cases, small networks, one short epoch.
const SHORT: &str = r#"
name = "small"
[data]
cases = 4
[split]
folds = 2
[run]
configurations = ["2d", "3d_fullres", "3d_lowres", "3d_cascade"]
folds = [0, 1]
[train]
max_epochs = 1
batches_per_epoch = 1
validation_batches_per_epoch = 1
[predict]
test_time_mirroring = false
tile_step_fraction = 1.0
[postprocess]
rule = "cross_validation"
[configurations.2d]
batch_size = 2
features_per_stage = [2, 4, 4, 4]
[configurations.3d_fullres]
batch_size = 2
features_per_stage = [2, 4, 4]
[configurations.3d_lowres]
batch_size = 2
features_per_stage = [2, 4, 4]
[configurations.3d_cascade]
batch_size = 2
features_per_stage = [2, 4, 4]
"#;

fn workplace(more: &str) -> Workplace {
    Workplace::with_plan("phantom-cascade.toml", &format!("{SHORT}{more}"))
}

/// What `run --dry-run` announces.
fn announced(workplace: &Workplace, arguments: &[&str]) -> Pieces {
    let all = [&["run", "plan.toml", "--dry-run", "--format", "json"], arguments].concat();
    let plans: Value = serde_json::from_str(&succeed(&mut workplace.segplan(&all)).out).unwrap();
    let plans = if let Value::Array(plans) = plans { plans } else { vec![plans] };
    let is_open = |piece: &&Value| !["done", "shared"].contains(&piece["state"].as_str().unwrap());
    let name = |piece: &Value| piece["name"].as_str().unwrap().to_owned();
    let of_plan = |plan: Value| {
        let pieces = plan["work"].as_array().unwrap().iter().filter(is_open).map(name).collect();
        (plan["run"].as_str().unwrap().to_owned(), pieces)
    };
    plans.into_iter().map(of_plan).collect()
}

/// The finished work that a run reports: lines `done: train 3d_fullres fold 0 seed 12345`, after `variant 1 of 2: NAME` in a sweep.
fn done(error: &str) -> Pieces {
    let mut run = "small".to_owned();
    let mut pieces = Pieces::new();
    for line in error.lines() {
        if let Some((_, name)) = line.strip_prefix("variant ").and_then(|rest| rest.split_once(": ")) {
            run = name.to_owned();
        }
        pieces.entry(run.clone()).or_default();
        if let Some(piece) = line.strip_prefix("done: ") {
            assert!(pieces.get_mut(&run).unwrap().insert(piece.to_owned()), "`{piece}` is done twice\n{error}");
        }
    }
    pieces.retain(|run, pieces| run != "small" || !pieces.is_empty());
    pieces
}

/// Runs the plan, compares what was announced with what was done, and returns that.
fn agree(workplace: &Workplace, arguments: &[&str]) -> BTreeSet<String> {
    let announced = announced(workplace, arguments);
    let ran = succeed(&mut workplace.segplan(&[&["run", "plan.toml"], arguments].concat()));
    let mut done = done(&ran.error);
    for name in announced.keys() {
        done.entry(name.clone()).or_default();
    }
    assert_eq!(done, announced, "{arguments:?}\n{}", ran.error);
    let again = self::announced(workplace, arguments);
    assert!(again.values().all(BTreeSet::is_empty), "everything is done: {again:?}");
    done.into_values().flatten().collect()
}

fn count(pieces: &BTreeSet<String>, kind: &str) -> usize {
    pieces.iter().filter(|piece| piece.starts_with(kind)).count()
}

#[test]
fn a_network_and_then_its_other_stages_and_folds() {
    let workplace = workplace("");
    let only = ["--configuration", "3d_fullres", "--fold", "0"];
    let trained = agree(&workplace, &[&only[..], &["--until", "train"]].concat());
    let expected = ["data", "fingerprint", "preprocess 3d_fullres", "split", "train 3d_fullres fold 0 seed 12345"]
        .map(str::to_owned);
    assert_eq!(trained, BTreeSet::from(expected));
    assert_eq!(agree(&workplace, &only).len(), 2, "prediction and scores");
    assert_eq!(agree(&workplace, &only).len(), 0, "nothing is left");
    let rest = agree(&workplace, &["--configuration", "3d_fullres"]);
    assert_eq!(rest.len(), 4, "the other fold, and post-processing: {rest:?}");
}

#[test]
fn ensembles_of_a_configuration_that_was_trained_before() {
    let workplace = workplace("");
    agree(&workplace, &["--configuration", "3d_fullres"]);
    let second = agree(&workplace, &["--configuration", "2d"]);
    assert_eq!(count(&second, "ensemble 2d+3d_fullres"), 2, "{second:?}");
    assert!(second.contains("select") && second.contains("postprocess 2d+3d_fullres"), "{second:?}");

    // The input of an ensemble's member that was not requested is announced, too.
    fs::remove_dir_all(workplace.path("runs/prepared")).unwrap();
    fs::remove_dir_all(workplace.run_folder("small").fold("2d+3d_fullres", 12345, 1).root).unwrap();
    let again = agree(&workplace, &["--configuration", "2d"]);
    assert!(again.contains("preprocess 3d_fullres"), "{again:?}");
}

#[test]
fn a_cascade_with_its_first_stage_and_then_everything() {
    let workplace = workplace("");
    let one = agree(&workplace, &["--configuration", "3d_cascade", "--fold", "1"]);
    assert_eq!(count(&one, "train 3d_lowres"), 2, "{one:?}");
    assert_eq!(count(&one, "predict-for-cascade 3d_lowres"), 2, "{one:?}");
    assert_eq!(count(&one, "train 3d_cascade"), 1, "{one:?}");
    let all = agree(&workplace, &[]);
    assert_eq!(count(&all, "ensemble"), 6, "{all:?}");
    assert_eq!(count(&all, "postprocess"), 7, "{all:?}");
    assert_eq!(count(&all, "train 3d_lowres"), 0, "{all:?}");
}

#[test]
fn a_sweep_whose_variants_share_the_preprocessed_cases() {
    let workplace = workplace("[[sweep]]\ntrain.learning_rate = [0.003, 0.0003]\n");
    let all = agree(&workplace, &["--configuration", "2d", "--fold", "0"]);
    assert!(all.contains("preprocess 2d"), "{all:?}");
    assert_eq!(
        agree(&workplace, &["--variant", "learning_rate=0.003", "--configuration", "2d", "--fold", "0"]).len(),
        0
    );
}

#[test]
fn after_a_failure_the_rest_is_announced_again() {
    let workplace = workplace("");
    let two = ["--configuration", "2d", "--configuration", "3d_fullres"];
    let fold = workplace.run_folder("small").fold("2d", 12345, 0).root;
    fs::create_dir_all(&fold).unwrap();
    fs::write(fold.join("checkpoint.safetensors"), "no checkpoint").unwrap();

    let before = announced(&workplace, &two).remove("small").unwrap();
    let ran = fail(&mut workplace.segplan(&[&["run", "plan.toml", "--keep-going"], &two[..]].concat()), 5);
    let done = done(&ran.error).remove("small").unwrap();
    assert!(done.is_subset(&before) && count(&done, "evaluate 3d_fullres") == 2, "{done:?}");
    let after = announced(&workplace, &two).remove("small").unwrap();
    assert_eq!(after, before.difference(&done).cloned().collect(), "{}", ran.error);
    let failed = "train 2d fold 0 seed 12345";
    assert!(ran.error.contains(&format!("failed: {failed}")) && after.contains(failed), "{}", ran.error);
    // Its own prediction and scores, the post-processing of the configuration, two ensembles with theirs, and the choice.
    assert_eq!(after.len(), 8, "{after:?}");
    assert!(ran.error.contains("blocks 7 steps"), "{}", ran.error);

    fs::remove_file(fold.join("checkpoint.safetensors")).unwrap();
    assert_eq!(agree(&workplace, &two), after);
}

#[test]
fn without_keep_going_nothing_is_started_after_a_failure() {
    let workplace = workplace("");
    let two = ["--configuration", "2d", "--configuration", "3d_fullres", "--fold", "0"];
    let fold = workplace.run_folder("small").fold("2d", 12345, 0).root;
    fs::create_dir_all(&fold).unwrap();
    fs::write(fold.join("checkpoint.safetensors"), "no checkpoint").unwrap();
    let before = announced(&workplace, &two).remove("small").unwrap();
    let ran = fail(&mut workplace.segplan(&[&["run", "plan.toml"], &two[..]].concat()), 3);
    let done = done(&ran.error).remove("small").unwrap();
    assert_eq!(count(&done, "train"), 0, "{done:?}");
    assert!(ran.error.contains("3 steps not started: train 3d_fullres fold 0"), "{}", ran.error);
    let after = announced(&workplace, &two).remove("small").unwrap();
    assert_eq!(after, before.difference(&done).cloned().collect());
}
