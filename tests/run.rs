//! The program from outside: the phantom through the real binary, killed, interrupted and resumed.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use common::{
    Workplace, assert_same_results, experiment, fail, finish, interrupt, kill, losses, results, start, succeed,
    wait_for, wait_for_one_in,
};
use segplan::dataset::gate::{Expected, read_image};
use segplan::dataset::{Case, CaseId};

/// Makes a run of the phantom short. It learns little, but enough to distinguish two runs.
const SHORT: [&str; 6] = [
    "train.max_epochs=3",
    "train.batches_per_epoch=4",
    "train.validation_batches_per_epoch=2",
    "configurations.3d_fullres.batch_size=2",
    "configurations.3d_fullres.features_per_stage=[4, 8, 16, 16]",
    "run.folds=[0]",
];

/// `segplan run` of the short phantom.
fn run(workplace: &Workplace, name: &str, set: &[&str]) -> Command {
    workplace.run("phantom.toml", name, &[&SHORT[..], set].concat())
}

/// Results of the only network of a run.
fn network_results(workplace: &Workplace, name: &str) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let results = results(&workplace.run_folder(name).fold("3d_fullres", 12345, 0).root);
    let predictions = results.keys().filter(|path| path.starts_with("validation")).count();
    assert!(predictions >= 4, "predictions of the validation cases: {predictions}");
    results
}

#[test]
fn a_killed_or_interrupted_run_ends_with_the_same_results() {
    let workplace = Workplace::new();
    succeed(&mut run(&workplace, "whole", &[]));
    let whole = network_results(&workplace, "whole");
    let checkpoint = |name: &str| workplace.run_folder(name).fold("3d_fullres", 12345, 0).checkpoint();

    // Killed without warning, after its first checkpoint.
    let child = start(&mut run(&workplace, "killed", &[]));
    wait_for(&checkpoint("killed"));
    kill(child);
    succeed(&mut run(&workplace, "killed", &[]));
    assert_same_results(&network_results(&workplace, "killed"), &whole, "killed");

    // Interrupted as by Ctrl-C: a checkpoint in the middle of an epoch, and exit code 4.
    let child = start(&mut run(&workplace, "interrupted", &[]));
    wait_for(&checkpoint("interrupted"));
    interrupt(child, "-INT");
    succeed(&mut run(&workplace, "interrupted", &[]));
    assert_same_results(&network_results(&workplace, "interrupted"), &whole, "interrupted");

    let again = succeed(&mut run(&workplace, "whole", &[])).text();
    assert!(again.contains("up to date: nothing to do"), "{again}");
    assert_same_results(&network_results(&workplace, "whole"), &whole, "a finished run that was run again");
}

#[test]
fn a_killed_training_in_16_bits_ends_with_the_same_results() {
    let workplace = Workplace::new();
    let training = |name: &str| {
        let mut command = run(&workplace, name, &["network.precision=f16", "train.batches_per_epoch=8"]);
        command.args(["--until", "train"]);
        command
    };
    let fold = |name: &str| workplace.run_folder(name).fold("3d_fullres", 12345, 0);
    succeed(&mut training("whole"));
    let child = start(&mut training("killed"));
    wait_for(&fold("killed").checkpoint());
    kill(child);
    succeed(&mut training("killed"));
    let weights = |name: &str| fs::read(fold(name).weights()).unwrap();
    assert!(weights("killed") == weights("whole"), "the weights differ");
    assert_eq!(losses(&fold("killed").epochs()), losses(&fold("whole").epochs()));
}

#[test]
fn a_non_finite_loss_ends_the_run_with_the_cases_of_its_batch_and_without_a_checkpoint() {
    let workplace = Workplace::new();
    let diverging = fail(&mut run(&workplace, "diverging", &["train.learning_rate=1e30"]), 1).text();
    assert!(diverging.contains("at epoch 1, step 2, on a batch of the cases `"), "{diverging}");
    let fold = workplace.run_folder("diverging").fold("3d_fullres", 12345, 0);
    assert!(!fold.checkpoint().exists() && !fold.weights().exists());
}

#[test]
fn a_run_killed_during_preprocessing_or_prediction_ends_with_the_same_results() {
    let workplace = Workplace::new();
    succeed(&mut run(&workplace, "whole", &[]));
    let whole = network_results(&workplace, "whole");

    let prepared = workplace.path("runs/prepared");
    fs::remove_dir_all(&prepared).unwrap();
    let validation = workplace.run_folder("predicting").fold("3d_fullres", 12345, 0).validation();
    for (name, folder, ending) in [("preparing", prepared, ".safetensors"), ("predicting", validation, ".nii.gz")] {
        let child = start(&mut run(&workplace, name, &[]));
        wait_for_one_in(&folder, ending);
        kill(child);
        succeed(&mut run(&workplace, name, &[]));
        assert_same_results(&network_results(&workplace, name), &whole, name);
    }
}

#[test]
fn a_task_of_the_paper_without_its_data_names_the_archive() {
    let workplace = Workplace::new();
    let refused = fail(workplace.segplan(&["run"]).arg(experiment("task03.toml")), 2).text();
    assert!(refused.contains("Task03_Liver.tar") && refused.contains("medicaldecathlon.com"), "{refused}");
}

#[test]
fn a_finished_run_segments_new_images_on_their_grid() {
    let workplace = Workplace::new();
    succeed(&mut run(&workplace, "whole", &[]));
    let input = workplace.path("data/Phantom/imagesTr");
    let predict = ["predict", "--run", "runs/whole", "--output", "segmented", "--input"];
    succeed(workplace.segplan(&predict).arg(&input));
    let images = segplan::dataset::images::find_cases(&input, 1).unwrap().cases;
    assert!(!images.is_empty());
    for case in images {
        let header = |path: &std::path::Path| segplan::volume::io::read_header(path).unwrap().geometry;
        let image = header(&case.images[0]);
        let labels = header(&workplace.path("segmented").join(format!("{}.nii.gz", case.id)));
        assert_eq!((labels.shape, labels.spacing, labels.affine), (image.shape, image.spacing, image.affine));
    }
}

#[test]
fn pairs_of_configurations_are_ensembled_and_the_best_candidate_segments_new_images() {
    let workplace = Workplace::new();
    let set = [
        "split.folds=2",
        "run.folds=[0, 1]",
        "run.configurations=[\"2d\", \"3d_fullres\"]",
        "configurations.2d.batch_size=4",
        "configurations.2d.features_per_stage=[4, 8, 16, 16]",
        "postprocess.rule=cross_validation",
    ];
    // A single configuration leaves nothing to choose from.
    succeed(run(&workplace, "whole", &set).args(["--configuration", "2d"]));
    assert!(!workplace.path("runs/whole/selection.json").exists());

    let all = succeed(&mut run(&workplace, "whole", &set)).text();
    assert!(all.contains("2d+3d_fullres"), "{all}");
    let selection = fs::read(workplace.path("runs/whole/selection.json")).unwrap();
    let selection: segplan::select::Selection = serde_json::from_slice(&selection).unwrap();
    assert_eq!(selection.candidates.len(), 3);
    assert!(selection.candidates.iter().all(|candidate| candidate.cases == 30), "{selection:?}");
    let again = succeed(&mut run(&workplace, "whole", &set)).text();
    assert!(again.contains("nothing to do"), "{again}");

    // Post-processing is chosen for each candidate by its own validation cases, before the candidates are compared.
    let decided = fs::read(workplace.path("runs/whole/postprocessing.json")).unwrap();
    let decided: segplan::run::postprocessing::Postprocessing = serde_json::from_slice(&decided).unwrap();
    assert_eq!(decided.candidates.len(), 3);
    for candidate in &selection.candidates {
        let decision = &decided.candidates[&candidate.configurations.join("+")].decision;
        assert_eq!(decision.predictions, 30);
        for evidence in decision.classes.values() {
            let after = evidence.mean_dice_after.unwrap();
            assert!((after - candidate.classes[&evidence.name]).abs() < 1e-9, "{candidate:?}: {evidence:?}");
            assert!(after >= evidence.mean_dice_before.unwrap(), "{evidence:?}");
        }
    }

    let images = workplace.path("data/Phantom/imagesTr");
    let segment = ["predict", "--run", "runs/whole", "--output", "segmented", "--input"];
    let said = succeed(workplace.segplan(&segment).arg(images).arg("--probabilities")).text();
    let members = selection.candidates[0].configurations.len();
    assert!(said.contains(&format!("({} networks)", 2 * members)), "{said}");
    let probabilities =
        fs::read_dir(workplace.path("segmented/probabilities")).unwrap().next().unwrap().unwrap().path();
    let case = Case { id: CaseId("any".to_owned()), images: vec![probabilities], labels: None };
    let expected = Expected { channels: 3, labels: &BTreeMap::new(), memory_bytes: 1 << 30 };
    let probabilities = read_image(&case, &expected).unwrap();
    let sums = probabilities.voxels.sum_axis(ndarray::Axis(0));
    assert_eq!(probabilities.voxels.dim().0, 3);
    assert!(sums.iter().all(|sum| (sum - 1.0).abs() < 0.02), "probabilities of a voxel sum up to 1");
}

#[test]
fn a_changed_plan_is_refused_with_the_keys_that_differ() {
    let workplace = Workplace::new();
    succeed(&mut run(&workplace, "whole", &["train.max_epochs=1"]));
    let changed = ["train.max_epochs=1", "train.learning_rate=0.001"];
    let refused = fail(&mut run(&workplace, "whole", &changed), 2).text();
    assert!(refused.contains("train.learning_rate") && refused.contains("--set name="), "{refused}");
    // The offered command repeats what was set; the list names only what differs, with both values.
    assert!(!refused.contains("train.batches_per_epoch:"), "{refused}");
}

#[test]
fn mistakes_of_the_user_are_named_and_no_result_is_lost() {
    let workplace = Workplace::new();
    succeed(&mut run(&workplace, "whole", &["train.max_epochs=1"]));
    let before = network_results(&workplace, "whole");

    let misspelt = fail(&mut run(&workplace, "whole", &["train.lerning_rate=1"]), 2).text();
    assert!(misspelt.contains("learning_rate"), "{misspelt}");
    let patch = fail(&mut run(&workplace, "other", &["configurations.3d_fullres.patch_size=[16, 33, 32]"]), 2).text();
    assert!(patch.contains("patch_size") && patch.contains("33"), "{patch}");

    let data = workplace.path("data/Phantom");
    let image = fs::read_dir(data.join("imagesTr")).unwrap().next().unwrap().unwrap().path();
    let name = image.file_name().unwrap().to_str().unwrap();
    let bytes = fs::read(&image).unwrap();
    fs::write(&image, &bytes[..bytes.len() / 2]).unwrap();
    let truncated = fail(&mut run(&workplace, "other", &[]), 3).text();
    assert!(truncated.contains(name), "{truncated}");

    fs::remove_file(&image).unwrap();
    let missing = fail(&mut run(&workplace, "other", &[]), 3).text();
    assert!(missing.contains(name), "{missing}");
    let listed = finish(workplace.segplan(&["verify"]).arg(&data));
    assert_eq!(listed.code, Some(3), "{}", listed.text());
    assert!(listed.text().contains(name), "{}", listed.text());

    assert_same_results(&network_results(&workplace, "whole"), &before, "a refused run");
}
