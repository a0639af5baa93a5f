//! The program from outside: the phantom through the real binary, killed, interrupted and resumed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use segplan::dataset::gate::{Expected, read_image};
use segplan::dataset::{Case, CaseId};
use segplan::run::log::{EpochRow, read_epochs};

/// A small phantom and a plan of two short folds, in a folder of its own.
struct Workplace {
    folder: tempfile::TempDir,
}

/// What makes a run of the phantom short. The numbers are too small to learn much; they are enough to tell runs apart.
const SHORT: [&str; 6] = [
    "train.max_epochs=3",
    "train.batches_per_epoch=4",
    "train.validation_batches_per_epoch=2",
    "configurations.3d_fullres.batch_size=2",
    "configurations.3d_fullres.features_per_stage=[4, 8, 16, 16]",
    "run.folds=[0]",
];

impl Workplace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn segplan(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
        command.current_dir(self.folder.path()).env("NO_COLOR", "1");
        command
    }

    fn run(&self, name: &str, set: &[&str]) -> Command {
        let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom.toml");
        let mut command = self.segplan();
        command.arg("run").arg(plan).args(["--set", &format!("name={name}")]);
        for value in SHORT.iter().chain(set) {
            command.args(["--set", value]);
        }
        command
    }

    /// What a run is compared by: its weights, its log and its scores, but not its times.
    fn results(&self, name: &str) -> Vec<Vec<u8>> {
        let fold = self.path(&format!("runs/{name}/3d_fullres/seed_12345/fold_0"));
        let mut files = vec![fs::read(fold.join("weights.safetensors")).unwrap()];
        files.push(losses(&fold.join("epochs.parquet")).into_bytes());
        let mut predictions: Vec<PathBuf> =
            fs::read_dir(fold.join("validation")).unwrap().map(|entry| entry.unwrap().path()).collect();
        predictions.sort();
        assert!(predictions.len() >= 4, "predictions of the held-out cases: {predictions:?}");
        files.extend(predictions.iter().map(|path| fs::read(path).unwrap()));
        files
    }
}

/// Losses and learning rates of each epoch, to the last bit.
fn losses(path: &Path) -> String {
    let rows = read_epochs(path).unwrap();
    assert!(!rows.is_empty());
    let bits = |row: &EpochRow| (row.epoch, row.train_loss.to_bits(), row.validation_loss.to_bits());
    format!("{:x?}", rows.iter().map(bits).collect::<Vec<_>>())
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn spawn(command: &mut Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_for(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < Duration::from_mins(2), "`{}` never came", path.display());
        sleep(Duration::from_millis(5));
    }
}

/// Waits until a folder, or one in it, holds a file of this ending.
fn wait_for_one_in(folder: &Path, ending: &str) {
    let found = |folder: &Path| {
        let mut names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.any(|name| name.to_str().is_some_and(|name| name.ends_with(ending) && !name.starts_with('.')))
    };
    let begun = Instant::now();
    while !(found(folder) || fs::read_dir(folder).into_iter().flatten().flatten().any(|inner| found(&inner.path()))) {
        assert!(begun.elapsed() < Duration::from_mins(2), "`{}` stayed empty", folder.display());
        sleep(Duration::from_millis(1));
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_run_that_was_killed_or_interrupted_ends_with_the_same_numbers() {
    let workplace = Workplace::new();
    succeed(&mut workplace.run("whole", &[]));
    let whole = workplace.results("whole");

    // Killed without warning, after its first checkpoint.
    let mut killed = spawn(&mut workplace.run("killed", &[]));
    wait_for(&workplace.path("runs/killed/3d_fullres/seed_12345/fold_0/checkpoint.safetensors"));
    killed.kill().unwrap();
    killed.wait().unwrap();
    succeed(&mut workplace.run("killed", &[]));
    assert!(workplace.results("killed") == whole, "the killed run differs from the whole one");

    // Interrupted as by Ctrl-C: a checkpoint in the middle of an epoch, and exit code 4.
    let mut interrupted = spawn(&mut workplace.run("interrupted", &[]));
    wait_for(&workplace.path("runs/interrupted/3d_fullres/seed_12345/fold_0/checkpoint.safetensors"));
    signal(&interrupted, "-INT");
    let status = interrupted.wait().unwrap();
    if status.code() != Some(0) {
        // The signal may have come after the last step; then there was nothing to interrupt.
        assert_eq!(status.code(), Some(4));
    }
    succeed(&mut workplace.run("interrupted", &[]));
    assert!(workplace.results("interrupted") == whole, "the interrupted run differs from the whole one");

    let again = text(&succeed(&mut workplace.run("whole", &[])));
    assert!(again.contains("nothing to do"), "{again}");
    assert!(workplace.results("whole") == whole, "a finished run was changed");
}

#[test]
fn a_training_in_16_bits_that_was_killed_ends_with_the_same_numbers() {
    let workplace = Workplace::new();
    let training = |name: &str| {
        let mut command = workplace.run(name, &["network.precision=f16", "train.batches_per_epoch=8"]);
        command.args(["--until", "train"]);
        command
    };
    let fold = |name: &str| workplace.path(&format!("runs/{name}/3d_fullres/seed_12345/fold_0"));
    succeed(&mut training("whole"));
    let mut killed = spawn(&mut training("killed"));
    wait_for(&fold("killed").join("checkpoint.safetensors"));
    killed.kill().unwrap();
    assert!(!killed.wait().unwrap().success(), "it was done before it could be killed");
    succeed(&mut training("killed"));
    let weights = |name: &str| fs::read(fold(name).join("weights.safetensors")).unwrap();
    assert!(weights("killed") == weights("whole"), "the weights differ");
    assert_eq!(losses(&fold("killed").join("epochs.parquet")), losses(&fold("whole").join("epochs.parquet")));
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_with_its_cases_and_without_a_checkpoint() {
    let workplace = Workplace::new();
    let diverging = workplace.run("diverging", &["train.learning_rate=1e30"]).output().unwrap();
    assert_eq!(diverging.status.code(), Some(1), "{}", text(&diverging));
    let said = text(&diverging);
    assert!(said.contains("at epoch 1, step 2, on a batch of the cases `"), "{said}");
    let fold = workplace.path("runs/diverging/3d_fullres/seed_12345/fold_0");
    assert!(!fold.join("checkpoint.safetensors").exists() && !fold.join("weights.safetensors").exists());
}

#[test]
fn a_run_killed_while_it_prepares_or_predicts_ends_with_the_same_numbers() {
    let workplace = Workplace::new();
    succeed(&mut workplace.run("whole", &[]));
    let whole = workplace.results("whole");

    let prepared = workplace.path("runs/prepared");
    fs::remove_dir_all(&prepared).unwrap();
    for (name, folder, ending) in [
        ("preparing", prepared, ".safetensors"),
        ("predicting", workplace.path("runs/predicting/3d_fullres/seed_12345/fold_0/validation"), ".nii.gz"),
    ] {
        let mut killed = spawn(&mut workplace.run(name, &[]));
        wait_for_one_in(&folder, ending);
        killed.kill().unwrap();
        assert!(!killed.wait().unwrap().success(), "{name}: it was done before it could be killed");
        succeed(&mut workplace.run(name, &[]));
        assert!(workplace.results(name) == whole, "the run killed while {name} differs from the whole one");
    }
}

#[test]
fn a_task_of_the_paper_says_where_its_data_are_to_be_had() {
    let workplace = Workplace::new();
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/task03.toml");
    let refused = workplace.segplan().arg("run").arg(plan).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused);
    assert!(said.contains("Task03_Liver.tar") && said.contains("medicaldecathlon.com"), "{said}");
}

#[test]
fn a_finished_run_segments_new_images_and_keeps_their_grid() {
    let workplace = Workplace::new();
    succeed(&mut workplace.run("whole", &[]));
    let data = workplace.path("data");
    let phantom = fs::read_dir(&data).unwrap().next().unwrap().unwrap().path();
    let output = succeed(
        workplace
            .segplan()
            .args(["predict", "--run", "runs/whole", "--output", "segmented", "--input"])
            .arg(phantom.join("imagesTr")),
    );
    let images = segplan::dataset::images::find_cases(&phantom.join("imagesTr"), 1).unwrap().cases;
    assert!(!images.is_empty(), "{}", text(&output));
    for case in images {
        let image = segplan::volume::io::read_header(&case.images[0]).unwrap();
        let labels =
            segplan::volume::io::read_header(&workplace.path("segmented").join(format!("{}.nii.gz", case.id))).unwrap();
        assert_eq!(labels.geometry.shape, image.geometry.shape);
        assert_eq!(labels.geometry.spacing, image.geometry.spacing);
        assert_eq!(labels.geometry.affine, image.geometry.affine);
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
    // One configuration alone leaves nothing to choose.
    succeed(workplace.run("whole", &set).args(["--configuration", "2d"]));
    assert!(!workplace.path("runs/whole/selection.json").exists());

    let all = text(&succeed(&mut workplace.run("whole", &set)));
    assert!(all.contains("2d+3d_fullres"), "{all}");
    let selection = fs::read(workplace.path("runs/whole/selection.json")).unwrap();
    let selection: segplan::select::Selection = serde_json::from_slice(&selection).unwrap();
    assert_eq!(selection.candidates.len(), 3);
    assert!(selection.candidates.iter().all(|candidate| candidate.cases == 30), "{selection:?}");
    let again = text(&succeed(&mut workplace.run("whole", &set)));
    assert!(again.contains("nothing to do"), "{again}");

    // Each candidate's post-processing is decided on by its own held-out cases, and is in the scores that it is chosen by.
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
    let said = text(&succeed(workplace.segplan().args(segment).arg(images).arg("--probabilities")));
    let members = selection.candidates[0].configurations.len();
    assert!(said.contains(&format!("the mean of {} networks", 2 * members)), "{said}");
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
fn a_changed_plan_is_refused_by_the_run_of_another_with_the_keys_that_differ() {
    let workplace = Workplace::new();
    succeed(&mut workplace.run("whole", &["train.max_epochs=1"]));
    let refused = workplace.run("whole", &["train.max_epochs=1", "train.learning_rate=0.001"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused);
    assert!(said.contains("train.learning_rate") && said.contains("--set name="), "{said}");
    // The command that is offered repeats what was set; only what differs is named with both its values.
    assert!(!said.contains("train.batches_per_epoch:"), "{said}");
}

#[test]
fn a_users_mistakes_are_named_and_nothing_is_lost() {
    let workplace = Workplace::new();
    succeed(&mut workplace.run("whole", &["train.max_epochs=1"]));
    let before = workplace.results("whole");

    let misspelt = workplace.run("whole", &["train.lerning_rate=1"]).output().unwrap();
    assert_eq!(misspelt.status.code(), Some(2));
    assert!(text(&misspelt).contains("learning_rate"), "{}", text(&misspelt));

    let patch = workplace.run("other", &["configurations.3d_fullres.patch_size=[16, 33, 32]"]).output().unwrap();
    assert_eq!(patch.status.code(), Some(2));
    assert!(text(&patch).contains("patch_size") && text(&patch).contains("33"), "{}", text(&patch));

    let data = fs::read_dir(workplace.path("data")).unwrap().next().unwrap().unwrap().path();
    let image = fs::read_dir(data.join("imagesTr")).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&image).unwrap();
    fs::write(&image, &whole[..whole.len() / 2]).unwrap();
    let truncated = workplace.run("other", &[]).output().unwrap();
    let name = image.file_name().unwrap().to_str().unwrap();
    assert_eq!(truncated.status.code(), Some(3), "{}", text(&truncated));
    assert!(text(&truncated).contains(name), "{}", text(&truncated));

    fs::remove_file(&image).unwrap();
    let missing = workplace.run("other", &[]).output().unwrap();
    assert_eq!(missing.status.code(), Some(3), "{}", text(&missing));
    assert!(text(&missing).contains(name), "{}", text(&missing));
    let listed = workplace.segplan().arg("verify").arg(&data).output().unwrap();
    assert_eq!(listed.status.code(), Some(3), "{}", text(&listed));
    assert!(text(&listed).contains(name), "{}", text(&listed));

    assert!(workplace.results("whole") == before, "a refused run changed the finished one");
}
