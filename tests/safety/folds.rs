//! A network is never scored on cases that it was trained on, whatever happens to the file of folds.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::workplace::{SHORT, Workplace, expect_exit, files_below, output_text};

#[test]
fn folds_edited_after_training_are_refused_and_nothing_is_scored() {
    let at = Workplace::new();
    // Trained, not yet predicted: a prediction would be scored on training cases.
    expect_exit(at.run("whole", &[]).args(["--until", "train"]), 0);
    let before = at.edit_splits("whole");
    let validation_case = at.splits("whole")[0].val[0].to_string();
    let message = expect_exit(&mut at.run("whole", &[]), 2);
    for expected in [
        "3d_fullres fold 0",
        &validation_case,
        "which is now a validation case",
        "remove `runs/whole/splits_final.json`",
        "--set name=",
    ] {
        assert!(message.contains(expected), "`{expected}` is not in\n{message}");
    }
    assert!(!at.fold("whole", "3d_fullres", 0).validation().exists(), "it was predicted");
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom.toml");
    let mut status = at.segplan(&["status", plan.to_str().unwrap(), "--set", "name=whole"]);
    let message = expect_exit(status.args(SHORT.iter().flat_map(|value| ["--set", value])), 0);
    assert!(message.contains("its fold had other cases"), "{message}");

    // With the original file the run continues, and the state records the training cases.
    fs::write(at.path("runs/whole/splits_final.json"), &before).unwrap();
    expect_exit(&mut at.run("whole", &[]), 0);
    let state: serde_json::Value =
        serde_json::from_slice(&fs::read(at.fold("whole", "3d_fullres", 0).state()).unwrap()).unwrap();
    let split = &at.splits("whole")[0];
    assert_eq!(state["split"], split.digest());
    assert_eq!(state["trained_on"], serde_json::json!(split.train));
    // Edited after scoring: no report is written. Without the file, the same folds are drawn again.
    at.edit_splits("whole");
    let message = expect_exit(&mut at.segplan(&["report", "runs/whole"]), 2);
    assert!(message.contains("splits_final.json") && message.contains("3d_fullres fold 0"), "{message}");
    expect_exit(&mut at.segplan(&["compare", "runs/whole"]), 2);
    expect_exit(&mut at.run("whole", &[]), 2);
    fs::remove_file(at.path("runs/whole/splits_final.json")).unwrap();
    let message = expect_exit(&mut at.run("whole", &[]), 0);
    assert!(message.contains("done: split"), "{message}");
    assert!(!message.contains("done: train") && !message.contains("done: predict"), "{message}");
    assert_eq!(fs::read(at.path("runs/whole/splits_final.json")).unwrap(), before);

    // The printed command continues under a new name.
    at.edit_splits("whole");
    let message = expect_exit(&mut at.run("whole", &[]), 2);
    let command = &message[message.find("mkdir -p ").unwrap()..];
    let name = command.rsplit_once("name=").unwrap().1;
    let command = command.replace("segplan run", &format!("'{}' run", env!("CARGO_BIN_EXE_segplan")));
    let other = Command::new("sh").arg("-c").arg(&command).current_dir(at.folder.path()).output().unwrap();
    assert!(other.status.success(), "{command}\n{}", output_text(&other));
    assert_eq!(at.splits(name), at.splits("whole"));
    assert!(at.fold(name, "3d_fullres", 0).scores().is_file());
}

#[test]
fn a_state_without_a_split_is_kept_unless_its_scores_are_of_other_folds() {
    let at = Workplace::new();
    expect_exit(&mut at.run("whole", &[]), 0);
    let path = at.fold("whole", "3d_fullres", 0).state();
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let entries = state.as_object_mut().unwrap();
    assert!(entries.remove("split").is_some() && entries.remove("trained_on").is_some());
    fs::write(&path, state.to_string()).unwrap();
    let message = expect_exit(&mut at.run("whole", &[]), 0);
    assert!(message.contains("nothing to do"), "{message}");
    at.edit_splits("whole");
    let message = expect_exit(&mut at.run("whole", &[]), 2);
    assert!(message.contains("which is not a validation case of its fold"), "{message}");
    expect_exit(&mut at.segplan(&["report", "runs/whole"]), 2);
}

#[test]
fn folds_edited_between_the_stages_of_a_cascade_are_refused() {
    let at = Workplace::new();
    let set = [
        "configurations.3d_lowres.features_per_stage=[4, 8, 8]",
        "configurations.3d_cascade.features_per_stage=[4, 8, 8]",
        "configurations.3d_fullres.features_per_stage=[4, 8, 8]",
    ];
    let run = || at.run_plan("experiments/phantom-cascade.toml", "whole", &set);
    expect_exit(run().args(["--configuration", "3d_cascade", "--until", "train"]), 0);
    at.edit_splits("whole");
    let message = expect_exit(run().args(["--configuration", "3d_cascade"]), 2);
    assert!(message.contains("3d_lowres fold 1") && message.contains("3d_cascade fold 0"), "{message}");
    // The same if no state records its split.
    for (configuration, folds) in [("3d_lowres", 0..3), ("3d_cascade", 0..1)] {
        for fold in folds {
            let path = at.fold("whole", configuration, fold).state();
            let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let entries = state.as_object_mut().unwrap();
            entries.retain(|key, _| key != "split" && key != "trained_on");
            fs::write(&path, state.to_string()).unwrap();
        }
    }
    let message = expect_exit(run().args(["--configuration", "3d_cascade"]), 2);
    assert!(
        message.contains("of the first stage, which contradicts") && message.contains("splits_final.json"),
        "{message}"
    );
}

#[test]
fn a_refused_run_leaves_no_folder() {
    let at = Workplace::new();
    expect_exit(&mut at.segplan(&["phantom", "data/Phantom", "--cases", "6"]), 0);
    let folder = at.path("runs/whole");
    let label = at.path("data/Phantom/labelsTr/phantom_002.nii.gz");
    let whole = fs::read(&label).unwrap();
    let refusals: [(&[&str], i32); 4] = [
        (&["split.patient_pattern=^(patient.)_"], 2),
        (&["split.folds=7"], 2),
        (&["run.folds=[5]"], 2),
        (&["runtime.device=nowhere"], 2),
    ];
    for (set, code) in refusals {
        expect_exit(&mut at.run("whole", set), code);
        assert!(!folder.exists(), "{set:?}: `runs/whole` was created");
    }
    expect_exit(at.run("whole", &[]).args(["--fold", "9"]), 2);
    assert!(!folder.exists());
    fs::write(&label, &whole[..whole.len() / 2]).unwrap();
    expect_exit(&mut at.run("whole", &[]), 3);
    assert!(!folder.exists(), "damaged data: `runs/whole` was created");
    fs::remove_file(&label).unwrap();
    expect_exit(&mut at.run("whole", &[]), 3);
    assert!(!folder.exists(), "missing data: `runs/whole` was created");
    fs::write(&label, &whole).unwrap();

    // A run without a network does not block another plan of the same name, nor do its folds.
    expect_exit(at.run("whole", &["train.batches_per_epoch=3"]).args(["--until", "preprocess"]), 0);
    assert_eq!(at.splits("whole").len(), 3);
    expect_exit(at.run("whole", &["split.folds=2", "train.batches_per_epoch=4"]).args(["--until", "preprocess"]), 0);
    assert_eq!(at.splits("whole").len(), 2);
    // A run with a network does.
    expect_exit(&mut at.run("whole", &[]), 0);
    let before = files_below(&folder);
    expect_exit(&mut at.run("whole", &["split.folds=2"]), 2);
    assert!(files_below(&folder) == before);
}
