//! What a user owns stays as it is, every result is what it claims to be, and a reader that goes away ends nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use segplan::run::Split;
use segplan::run::folder::{FoldFolder, RunFolder};

/// What makes a run short. The numbers are too small to learn anything; they are enough to tell networks apart.
const SHORT: [&str; 10] = [
    "data.cases=6",
    "split.folds=3",
    "run.folds=[0]",
    "train.max_epochs=1",
    "train.batches_per_epoch=2",
    "train.validation_batches_per_epoch=1",
    "predict.test_time_mirroring=false",
    "configurations.3d_fullres.batch_size=2",
    "configurations.3d_fullres.features_per_stage=[4, 8, 8, 8]",
    "configurations.2d.features_per_stage=[4, 8, 8, 8]",
];

struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn segplan(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
        command.current_dir(self.folder.path()).env("NO_COLOR", "1").args(arguments);
        command
    }

    fn run(&self, name: &str, set: &[&str]) -> Command {
        self.run_plan("experiments/phantom.toml", name, set)
    }

    fn run_plan(&self, plan: &str, name: &str, set: &[&str]) -> Command {
        let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join(plan);
        let mut command = self.segplan(&["run", plan.to_str().unwrap(), "--set", &format!("name={name}")]);
        command.args(SHORT.iter().chain(set).flat_map(|value| ["--set", value]));
        command
    }

    fn fold(&self, run: &str, configuration: &str, fold: usize) -> FoldFolder {
        RunFolder::new(&self.path("runs"), run).fold(configuration, 12345, fold)
    }

    fn splits(&self, run: &str) -> Vec<Split> {
        serde_json::from_slice(&fs::read(self.path(&format!("runs/{run}/splits_final.json"))).unwrap()).unwrap()
    }

    /// Exchanges a case that fold 0 holds out with one that fold 1 does, in the file of folds.
    fn edit_splits(&self, run: &str) -> Vec<u8> {
        let path = self.path(&format!("runs/{run}/splits_final.json"));
        let before = fs::read(&path).unwrap();
        let splits = self.splits(run);
        let (first, second) = (&splits[0].val[0].0, &splits[1].val[0].0);
        let text = String::from_utf8(before.clone()).unwrap();
        let quoted = |name: &str| format!("\"{name}\"");
        let text =
            text.replace(&quoted(first), "?").replace(&quoted(second), &quoted(first)).replace('?', &quoted(second));
        fs::write(&path, text).unwrap();
        before
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What a command says, which ends with this exit code; without the breaks of its lines.
fn ends(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{said}");
    said.replace(['│', '×'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All files of a folder with what they hold.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

/// The files of a folder that are not hidden: what was asked for, and no record of it.
fn shown(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let is_hidden = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    tree(folder).into_iter().filter(|(path, _)| !is_hidden(path)).collect()
}

/// Changes one bit of a file, near its end.
fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let at = bytes.len() - 5;
    bytes[at] ^= 16;
    fs::write(path, bytes).unwrap();
}

fn copy_images(from: &Path, to: &Path, count: usize) {
    fs::create_dir_all(to).unwrap();
    let mut paths: Vec<PathBuf> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in &paths[..count] {
        fs::copy(path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn predict_replaces_its_own_files_alone_and_never_an_input_or_a_data_set() {
    let at = Workplace::new();
    ends(&mut at.run("whole", &[]), 0);
    copy_images(&at.path("data/Phantom/imagesTr"), &at.path("new"), 2);
    let predict = |output: &str, more: &[&str]| {
        let mut command = at.segplan(&["predict", "--run", "runs/whole", "--input", "new", "--output", output]);
        command.args(more);
        command
    };
    ends(&mut predict("segmented", &["--probabilities"]), 0);
    let (first, all) = (shown(&at.path("segmented")), tree(&at.path("segmented")));
    assert_eq!(first.len(), 4, "label maps and probabilities: {:?}", first.keys());
    ends(&mut predict("segmented", &["--probabilities"]), 0);
    assert!(tree(&at.path("segmented")) == all, "the same prediction gives other bytes");

    // A label map that a person has corrected, a new one in the way, and what is read.
    let corrected = at.path("segmented/phantom_001.nii.gz");
    fs::write(&corrected, "corrected by hand").unwrap();
    let said = ends(&mut predict("segmented", &[]), 2);
    assert!(said.contains("has been changed since segplan wrote it") && !said.contains("segmenting with"), "{said}");
    assert_eq!(fs::read(&corrected).unwrap(), b"corrected by hand");
    ends(&mut predict("segmented", &["--overwrite"]), 0);
    assert!(shown(&at.path("segmented")) == first, "the corrected file is not as it was predicted");
    fs::create_dir(at.path("others")).unwrap();
    fs::write(at.path("others/phantom_002.nii.gz"), "a person's").unwrap();
    let said = ends(&mut predict("others", &[]), 2);
    assert!(said.contains("exists already") && !at.path("others/phantom_001.nii.gz").exists(), "{said}");

    let owned = ["new", "data", "runs"].map(|folder| (folder, tree(&at.path(folder))));
    #[cfg(unix)]
    std::os::unix::fs::symlink(at.path("new"), at.path("link")).unwrap();
    let links = if cfg!(unix) { vec!["link", "link/../new"] } else { Vec::new() };
    let into = [
        "new",
        "data/Phantom/imagesTr",
        "data/Phantom/labelsTr",
        "data/Phantom",
        "data/Phantom/segmented",
        "runs/whole",
    ];
    for output in into.into_iter().chain(links) {
        for more in [&[][..], &["--overwrite"], &["--probabilities"]] {
            let said = ends(&mut predict(output, more), 2);
            assert!(said.contains("nothing is written into"), "{output}: {said}");
            assert!(!said.contains("segmenting with"), "{output}: it was computed first\n{said}");
        }
    }
    fs::write(at.path("file"), "").unwrap();
    let said = ends(&mut predict("file/segmented", &[]), 1);
    assert!(said.contains("file/segmented") && !said.contains("segmenting with"), "{said}");
    for (folder, before) in owned {
        assert!(tree(&at.path(folder)) == before, "`{folder}` was changed");
    }
}

/// A phantom with its plan, a run of it and what the verbs that write a file or a folder need.
fn finished() -> Workplace {
    let at = Workplace::new();
    ends(&mut at.run("whole", &[]), 0);
    ends(&mut at.segplan(&["plan", "data/Phantom", "-o", "phantom.toml"]), 0);
    ends(&mut at.segplan(&["export", "--nnunet", "phantom.toml", "-o", "nnunet"]), 0);
    at
}

#[test]
fn no_verb_replaces_a_file_of_others_or_writes_into_a_data_set() {
    let at = finished();
    // Each with the file that it writes, below a folder that is put in place of `OUT`.
    let verbs: [(&[&str], &str); 7] = [
        (&["plan", "data/Phantom", "-o", "OUT/new.toml"], "new.toml"),
        (&["plan", "--published", "task04", "-o", "OUT/new.toml"], "new.toml"),
        (&["import", "nnunet", "-o", "OUT/new.toml"], "new.toml"),
        (&["export", "--nnunet", "phantom.toml", "-o", "OUT"], "dataset.json"),
        (
            &[
                "evaluate",
                "--reference",
                "data/Phantom/labelsTr",
                "--prediction",
                "data/Phantom/labelsTr",
                "-o",
                "OUT/scores.parquet",
            ],
            "scores.parquet",
        ),
        (&["augment", "phantom.toml", "-n", "1", "-o", "OUT"], "augment_phantom_001_3d_fullres.png"),
        (&["report", "runs/whole", "-o", "OUT"], "methods.md"),
    ];
    let data = tree(&at.path("data"));
    for (number, (arguments, file)) in verbs.into_iter().enumerate() {
        let place = format!("out{number}");
        let segplan = |place: &str, more: &[&str]| {
            let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace("OUT", place)).collect();
            let mut command = at.segplan(&[]);
            command.args(arguments).args(more);
            command
        };
        fs::create_dir(at.path(&place)).unwrap();
        let path = at.path(&place).join(file);
        fs::write(&path, "a person's").unwrap();
        let said = ends(&mut segplan(&place, &[]), 2);
        assert!(said.contains("exists already"), "{arguments:?}: {said}");
        assert_eq!(fs::read(&path).unwrap(), b"a person's", "{arguments:?}");
        assert_eq!(tree(&at.path(&place)).len(), 1, "{arguments:?}");
        ends(&mut segplan(&place, &["--overwrite"]), 0);
        assert!(fs::read(&path).unwrap() != b"a person's", "{arguments:?}");
        for place in ["data/Phantom", "data/Phantom/imagesTr", "data/Phantom/new/deep"] {
            for more in [&[][..], &["--overwrite"]] {
                let said = ends(&mut segplan(place, more), 2);
                assert!(said.contains("nothing is written into"), "{arguments:?}: {said}");
            }
        }
        fs::write(at.path("file"), "").unwrap();
        let said = ends(&mut segplan("file/inner", &["--overwrite"]), 1);
        assert!(said.contains("file/inner"), "{arguments:?}: {said}");
    }
    ends(&mut at.segplan(&["phantom", "data/Phantom"]), 2);
    ends(&mut at.segplan(&["phantom", "data/Phantom/inner", "--overwrite"]), 2);
    assert!(tree(&at.path("data")) == data, "the data set was changed");
    ends(&mut at.segplan(&["phantom", "data/Phantom", "--cases", "6", "--overwrite"]), 0);
    assert!(tree(&at.path("data")) == data, "the phantom made anew is another one");
}

#[test]
fn a_report_replaces_its_own_files_and_keeps_an_edited_one() {
    let at = finished();
    let report = |more: &[&str]| {
        let mut command = at.segplan(&["report", "runs/whole"]);
        command.args(more);
        command
    };
    ends(&mut report(&[]), 0);
    let first = tree(&at.path("reports/whole"));
    assert!(first.len() > 10);
    ends(&mut report(&["--without-images"]), 0);
    let without = tree(&at.path("reports/whole"));
    assert!(without.len() < first.len(), "figures of cases stay");
    ends(&mut report(&[]), 0);
    assert!(tree(&at.path("reports/whole")) == first, "the same run gives another report");

    for name in ["methods.md", "tables/dice.md"] {
        let path = at.path("reports/whole").join(name);
        fs::write(&path, "written by a person").unwrap();
        let before = tree(&at.path("reports/whole"));
        let said = ends(&mut report(&[]), 2);
        assert!(said.contains(name), "{said}");
        assert!(tree(&at.path("reports/whole")) == before, "{name}: a refused report has changed files");
        ends(&mut report(&["--overwrite"]), 0);
        assert!(tree(&at.path("reports/whole")) == first);
    }
    // A table of a person's in a folder without a record.
    fs::create_dir_all(at.path("other/tables")).unwrap();
    fs::write(at.path("other/tables/dice.md"), "written by a person").unwrap();
    ends(&mut at.segplan(&["report", "runs/whole", "-o", "other"]), 2);
    assert_eq!(tree(&at.path("other")).len(), 1, "a refused report has left files");
    let run = tree(&at.path("runs"));
    let said = ends(&mut at.segplan(&["report", "runs/whole", "-o", "runs/whole", "--overwrite"]), 2);
    assert!(said.contains("nothing is written into") && tree(&at.path("runs")) == run, "{said}");
}

#[test]
fn a_run_makes_no_phantom_over_files_of_others() {
    let at = Workplace::new();
    fs::create_dir_all(at.path("data/Phantom/imagesTr")).unwrap();
    let image = at.path("data/Phantom/imagesTr/phantom_001.nii.gz");
    fs::write(&image, "a person's").unwrap();
    ends(&mut at.run("whole", &[]), 2);
    assert_eq!(fs::read(&image).unwrap(), b"a person's");
    assert!(!at.path("runs/whole").exists());
}

#[test]
fn folds_that_were_edited_after_training_are_refused_and_nothing_is_scored_by_them() {
    let at = Workplace::new();
    // Trained, not yet predicted: what was scored as held out before.
    ends(at.run("whole", &[]).args(["--until", "train"]), 0);
    let before = at.edit_splits("whole");
    let held_out = at.splits("whole")[0].val[0].to_string();
    let said = ends(&mut at.run("whole", &[]), 2);
    for expected in
        ["3d_fullres fold 0", &held_out, "now holds out", "remove `runs/whole/splits_final.json`", "--set name="]
    {
        assert!(said.contains(expected), "`{expected}` is not in\n{said}");
    }
    assert!(!at.fold("whole", "3d_fullres", 0).validation().exists(), "it was predicted");
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom.toml");
    let mut status = at.segplan(&["status", plan.to_str().unwrap(), "--set", "name=whole"]);
    let said = ends(status.args(SHORT.iter().flat_map(|value| ["--set", value])), 0);
    assert!(said.contains("its fold's cases were others"), "{said}");

    // The file as it was: it goes on, and the state says what the network was trained on.
    fs::write(at.path("runs/whole/splits_final.json"), &before).unwrap();
    ends(&mut at.run("whole", &[]), 0);
    let state: serde_json::Value =
        serde_json::from_slice(&fs::read(at.fold("whole", "3d_fullres", 0).state()).unwrap()).unwrap();
    let split = &at.splits("whole")[0];
    assert_eq!(state["split"], split.digest());
    assert_eq!(state["trained_on"], serde_json::json!(split.train));
    // Scored, edited: nobody reports it, and removing the file brings back the folds that were drawn.
    at.edit_splits("whole");
    let said = ends(&mut at.segplan(&["report", "runs/whole"]), 2);
    assert!(said.contains("splits_final.json") && said.contains("3d_fullres fold 0"), "{said}");
    ends(&mut at.segplan(&["compare", "runs/whole"]), 2);
    ends(&mut at.run("whole", &[]), 2);
    fs::remove_file(at.path("runs/whole/splits_final.json")).unwrap();
    let said = ends(&mut at.run("whole", &[]), 0);
    assert!(said.contains("nothing to do"), "{said}");
    assert_eq!(fs::read(at.path("runs/whole/splits_final.json")).unwrap(), before);

    // The other way on, as it is offered.
    at.edit_splits("whole");
    let said = ends(&mut at.run("whole", &[]), 2);
    let command = &said[said.find("mkdir -p ").unwrap()..];
    let name = command.rsplit_once("name=").unwrap().1;
    let command = command.replace("segplan run", &format!("'{}' run", env!("CARGO_BIN_EXE_segplan")));
    let other = Command::new("sh").arg("-c").arg(&command).current_dir(at.folder.path()).output().unwrap();
    assert!(other.status.success(), "{command}\n{}", text(&other));
    assert_eq!(at.splits(name), at.splits("whole"));
    assert!(at.fold(name, "3d_fullres", 0).scores().is_file());
}

#[test]
fn a_state_of_an_earlier_version_is_kept_unless_its_scores_are_of_other_folds() {
    let at = Workplace::new();
    ends(&mut at.run("whole", &[]), 0);
    let path = at.fold("whole", "3d_fullres", 0).state();
    let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let entries = state.as_object_mut().unwrap();
    assert!(entries.remove("split").is_some() && entries.remove("trained_on").is_some());
    fs::write(&path, state.to_string()).unwrap();
    let said = ends(&mut at.run("whole", &[]), 0);
    assert!(said.contains("nothing to do"), "{said}");
    at.edit_splits("whole");
    let said = ends(&mut at.run("whole", &[]), 2);
    assert!(said.contains("which the file does not hold out"), "{said}");
    ends(&mut at.segplan(&["report", "runs/whole"]), 2);
}

#[test]
fn folds_that_were_edited_between_the_stages_of_a_cascade_are_an_error_and_no_panic() {
    let at = Workplace::new();
    let set = [
        "configurations.3d_lowres.features_per_stage=[4, 8, 8]",
        "configurations.3d_cascade.features_per_stage=[4, 8, 8]",
        "configurations.3d_fullres.features_per_stage=[4, 8, 8]",
    ];
    let run = || at.run_plan("experiments/phantom-cascade.toml", "whole", &set);
    ends(run().args(["--configuration", "3d_cascade", "--until", "train"]), 0);
    at.edit_splits("whole");
    let said = ends(run().args(["--configuration", "3d_cascade"]), 2);
    assert!(said.contains("3d_lowres fold 1") && said.contains("3d_cascade fold 0"), "{said}");
    // Even where no state has a record.
    for (configuration, folds) in [("3d_lowres", 0..3), ("3d_cascade", 0..1)] {
        for fold in folds {
            let path = at.fold("whole", configuration, fold).state();
            let mut state: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let entries = state.as_object_mut().unwrap();
            entries.retain(|key, _| key != "split" && key != "trained_on");
            fs::write(&path, state.to_string()).unwrap();
        }
    }
    let said = ends(run().args(["--configuration", "3d_cascade"]), 2);
    assert!(said.contains("the first stage's network of fold") && said.contains("splits_final.json"), "{said}");
}

#[test]
fn a_corrected_label_map_of_the_same_size_and_time_is_noticed() {
    let at = Workplace::new();
    ends(at.run("whole", &[]).args(["--until", "preprocess"]), 0);
    // Files that were made just now are read again; then they are known.
    sleep(Duration::from_secs(4));
    ends(at.run("whole", &[]).args(["--until", "preprocess"]), 0);
    let path = at.path("data/Phantom/labelsTr/phantom_003.nii.gz");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    // The operating system that the gzip header names: the voxels are the same, the file is not.
    bytes[9] ^= 1;
    fs::write(&path, bytes).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    let said = ends(at.run("whole", &[]).args(["--until", "preprocess"]), 0);
    assert!(said.contains("labelsTr/phantom_003.nii.gz") && said.contains("1 case"), "{said}");
    let said = ends(at.run("whole", &[]).args(["--until", "preprocess"]), 0);
    assert!(!said.contains("phantom_003"), "{said}");
}

fn prepared_cases(at: &Workplace) -> Vec<PathBuf> {
    let all = tree(&at.path("runs/prepared")).into_keys();
    all.filter(|path| path.extension().is_some_and(|ending| ending == "safetensors")).collect()
}

#[test]
fn a_damaged_prepared_case_is_made_again_and_nothing_is_trained_on_it() {
    let at = Workplace::new();
    ends(&mut at.run("whole", &[]), 0);
    let weights = fs::read(at.fold("whole", "3d_fullres", 0).weights()).unwrap();
    let before = tree(&at.path("runs/prepared"));
    let damaged: Vec<PathBuf> = prepared_cases(&at);
    assert!(damaged.len() >= 6);
    for path in &damaged {
        damage(path);
    }
    let said = ends(&mut at.run("again", &[]), 0);
    assert!(said.contains("is damaged") && said.contains("it is made again"), "{said}");
    assert!(fs::read(at.fold("again", "3d_fullres", 0).weights()).unwrap() == weights, "the weights differ");
    for path in damaged {
        let cases = at.splits("again");
        let used = cases[0].train.iter().chain(&cases[0].val).any(|case| path.ends_with(format!("{case}.safetensors")));
        if used {
            assert!(fs::read(&path).unwrap() == before[&path], "`{}` is another file", path.display());
        }
    }
}

#[test]
fn a_label_out_of_range_in_a_prepared_case_of_an_earlier_version_is_no_panic() {
    let at = Workplace::new();
    ends(at.run("whole", &[]).args(["--until", "preprocess"]), 0);
    let path = prepared_cases(&at).remove(0);
    let bytes = fs::read(&path).unwrap();
    let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let metadata = header.metadata().as_ref().unwrap()["segplan"].split_once(' ').unwrap().1.to_owned();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut all: BTreeMap<String, (safetensors::Dtype, Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, view) in tensors.iter() {
        all.insert(name.to_owned(), (view.dtype(), view.shape().to_vec(), view.data().to_vec()));
    }
    let labels = &mut all.get_mut("labels").unwrap().2;
    labels[..2].copy_from_slice(&77_i16.to_le_bytes());
    let views = all.iter().map(|(name, (dtype, shape, data))| {
        (name, safetensors::tensor::TensorView::new(*dtype, shape.clone(), data).unwrap())
    });
    let metadata = std::collections::HashMap::from([("segplan".to_owned(), metadata)]);
    safetensors::serialize_to_file(views, Some(metadata), &path).unwrap();
    let said = ends(&mut at.run("whole", &["run.folds=[0, 1]"]), 0);
    assert!(said.contains("it has the label 77") && said.contains("it is made again"), "{said}");
    assert!(fs::read(&path).unwrap() == bytes, "the case that was made again is another one");
}

#[test]
fn damaged_weights_are_an_error_with_advice() {
    let at = Workplace::new();
    ends(at.run("whole", &[]).args(["--until", "train"]), 0);
    let weights = at.fold("whole", "3d_fullres", 0).weights();
    let before = fs::read(&weights).unwrap();
    damage(&weights);
    let predict =
        ["predict", "--run", "runs/whole", "--input", "data/Phantom/imagesTr", "--output", "segmented"].as_slice();
    for command in [&mut at.run("whole", &[]), &mut at.segplan(predict)] {
        let said = ends(command, 3);
        assert!(said.contains("weights.safetensors") && said.contains("remove the folder"), "{said}");
    }
    assert!(!at.path("segmented/phantom_001.nii.gz").exists());
    // As it is advised.
    fs::remove_dir_all(weights.parent().unwrap()).unwrap();
    ends(&mut at.run("whole", &[]), 0);
    assert!(fs::read(&weights).unwrap() == before, "the network that was trained anew is another one");
}

#[test]
fn a_damaged_checkpoint_is_an_error_with_advice() {
    let at = Workplace::new();
    let set = ["train.max_epochs=60", "train.batches_per_epoch=20"];
    let checkpoint = at.fold("whole", "3d_fullres", 0).checkpoint();
    let mut killed = at.run("whole", &set).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !checkpoint.exists() {
        assert!(begun.elapsed() < Duration::from_mins(2), "there is no checkpoint");
        sleep(Duration::from_millis(5));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    damage(&checkpoint);
    let said = ends(&mut at.run("whole", &set), 3);
    assert!(said.contains("checkpoint.safetensors") && said.contains("from the beginning"), "{said}");
}

#[test]
fn a_refused_run_does_not_keep_its_name() {
    let at = Workplace::new();
    ends(&mut at.segplan(&["phantom", "data/Phantom", "--cases", "6"]), 0);
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
        ends(&mut at.run("whole", set), code);
        assert!(!folder.exists(), "{set:?}: `runs/whole` stays");
    }
    ends(at.run("whole", &[]).args(["--fold", "9"]), 2);
    assert!(!folder.exists());
    fs::write(&label, &whole[..whole.len() / 2]).unwrap();
    ends(&mut at.run("whole", &[]), 3);
    assert!(!folder.exists(), "damaged data: `runs/whole` stays");
    fs::remove_file(&label).unwrap();
    ends(&mut at.run("whole", &[]), 3);
    assert!(!folder.exists(), "missing data: `runs/whole` stays");
    fs::write(&label, &whole).unwrap();

    // What came to no network does not stand in the way of another plan, nor do its folds.
    ends(at.run("whole", &["train.batches_per_epoch=3"]).args(["--until", "preprocess"]), 0);
    assert_eq!(at.splits("whole").len(), 3);
    ends(at.run("whole", &["split.folds=2", "train.batches_per_epoch=4"]).args(["--until", "preprocess"]), 0);
    assert_eq!(at.splits("whole").len(), 2);
    // One that did, does.
    ends(&mut at.run("whole", &[]), 0);
    let before = tree(&folder);
    ends(&mut at.run("whole", &["split.folds=2"]), 2);
    assert!(tree(&folder) == before);
}

#[test]
fn lines_added_to_a_plan_end_as_its_own() {
    let at = Workplace::new();
    let plan = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom.toml")).unwrap();
    fs::write(at.path("plan.toml"), plan.replace('\n', "\r\n")).unwrap();
    ends(
        &mut at.segplan(&[
            "set",
            "plan.toml",
            "train.batches_per_epoch=7",
            "evaluate.surface_tolerance_mm=2.0",
            "predict.test_time_mirroring=false",
        ]),
        0,
    );
    let text = fs::read_to_string(at.path("plan.toml")).unwrap();
    assert!(text.lines().count() > plan.lines().count());
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// Every verb with its exit code where the output is read.
fn printing() -> Vec<(Vec<&'static str>, i32)> {
    let labels = "data/Phantom/labelsTr";
    let verbs: [(&[&str], i32); 20] = [
        (&["verify", "data/Phantom"], 0),
        (&["plan", "data/Phantom"], 0),
        (&["show", "phantom.toml", "--resolved"], 0),
        (&["set", "phantom.toml", "train.batches_per_epoch=7"], 0),
        (&["explain"], 0),
        (&["diff", "phantom.toml", "runs/whole"], 1),
        (&["schema"], 0),
        (&["import", "nnunet", "-o", "imported.toml", "--overwrite"], 0),
        (&["export", "--nnunet", "phantom.toml", "-o", "nnunet", "--overwrite"], 0),
        (&["augment", "phantom.toml", "-n", "1", "-o", "sheets"], 0),
        (&["run", "phantom.toml", "--until", "fingerprint"], 0),
        (&["status", "phantom.toml"], 0),
        (&["predict", "--run", "runs/whole", "--input", "new", "--output", "segmented"], 0),
        (&["evaluate", "--reference", labels, "--prediction", labels], 0),
        (&["compare", "runs/whole"], 0),
        (&["report", "runs/whole"], 0),
        (
            &[
                "bench",
                "phantom.toml",
                "--configuration",
                "2d",
                "--repetitions",
                "1",
                "--set",
                "configurations.2d.batch_size=2",
            ],
            0,
        ),
        (&["phantom", "made", "--cases", "2", "--overwrite"], 0),
        (&["doctor"], 0),
        (&["completions", "bash"], 0),
    ];
    verbs.into_iter().map(|(arguments, code)| (arguments.to_vec(), code)).collect()
}

#[test]
fn a_reader_that_goes_away_ends_no_verb() {
    let at = finished();
    copy_images(&at.path("data/Phantom/imagesTr"), &at.path("new"), 1);
    let help = String::from_utf8(at.segplan(&["--help"]).output().unwrap().stdout).unwrap();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let listed: Vec<&str> = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).collect();
    let verbs = printing();
    for verb in listed.into_iter().filter(|verb| !verb.is_empty() && *verb != "help") {
        assert!(verbs.iter().any(|(arguments, _)| arguments[0] == verb), "`{verb}` is not tried");
    }
    for (arguments, code) in &verbs {
        ends(&mut at.segplan(arguments), *code);
        let output = at.segplan(arguments).stdout(unread()).output().unwrap();
        let said = text(&output);
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}\n{said}");
        assert!(!said.contains("panicked") && !said.contains("roken pipe"), "{arguments:?}\n{said}");
        let output = at.segplan(arguments).stdout(unread()).stderr(unread()).output().unwrap();
        assert_eq!(output.status.code(), Some(*code), "{arguments:?}: nobody reads either");
    }
    for arguments in [&["--help"][..], &["explain", "--help"], &["--version"]] {
        assert_eq!(at.segplan(arguments).stdout(unread()).status().unwrap().code(), Some(0), "{arguments:?}");
    }
    for arguments in [&["show", "missing.toml"][..], &["explain", "nothing"], &["verify", "missing"], &["nonsense"]] {
        let code = at.segplan(arguments).output().unwrap().status.code();
        assert_eq!(code, Some(2), "{arguments:?}");
        assert_eq!(
            at.segplan(arguments).stderr(unread()).stdout(unread()).status().unwrap().code(),
            code,
            "{arguments:?}"
        );
    }
}

#[test]
fn a_training_that_nobody_watches_any_more_is_finished() {
    let at = Workplace::new();
    let status = at.run("whole", &[]).stdout(unread()).stderr(unread()).status().unwrap();
    assert_eq!(status.code(), Some(0));
    assert!(at.fold("whole", "3d_fullres", 0).scores().is_file());
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_cannot_be_written_is_a_failure() {
    let at = Workplace::new();
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = at.segplan(&["explain"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("cannot write to standard output"), "{}", text(&output));
}
