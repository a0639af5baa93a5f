//! The graph of an experiment from outside: what is done, stale and next; sweeps; changed images; folds that fail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// What makes the phantom a matter of seconds: few cases, a small network, one short epoch, no mirroring.
const SHORT: &str = r"
[data]
cases = 4
[run]
folds = [0]
[split]
folds = 2
[configurations.3d_fullres]
features = [2, 4, 4, 4]
[train]
learning_rate = 0.003
max_epochs = 1
batches = 2
validation_batches = 1
[predict]
mirror = false
step = 1.0
";

/// A folder of its own with `plan.toml`, a short plan of the phantom.
struct Workplace {
    folder: tempfile::TempDir,
}

impl Workplace {
    fn new(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom.toml");
        let text = format!("extends = {:?}\nname = \"small\"\n{SHORT}{more}", base.display().to_string());
        fs::write(folder.path().join("plan.toml"), text).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program; standard output and standard error.
    fn segplan(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
        let Output { status, stdout, stderr } =
            command.current_dir(self.folder.path()).env("NO_COLOR", "1").args(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code(), text(stdout), text(stderr))
    }

    /// Standard output and standard error of a command that succeeds.
    fn done(&self, arguments: &[&str]) -> (String, String) {
        let (code, out, error) = self.segplan(arguments);
        assert_eq!(code, Some(0), "{arguments:?}\n{out}\n{error}");
        (out, error)
    }

    /// State of one piece of work.
    fn state(&self, id: &str, arguments: &[&str]) -> (String, String) {
        let all = [&["status", "plan.toml", "--format", "json"], arguments].concat();
        let graph: Value = serde_json::from_str(&self.done(&all).0).unwrap();
        let node = graph["nodes"].as_array().unwrap().iter().find(|node| node["id"] == id).unwrap().clone();
        (node["state"].as_str().unwrap().to_owned(), node["because"].to_string())
    }

    fn weights(&self, run: &str) -> Vec<u8> {
        fs::read(self.path(&format!("runs/{run}/3d_fullres/seed_12345/fold_0/weights.safetensors"))).unwrap()
    }

    fn prepared(&self) -> usize {
        let folders = fs::read_dir(self.path("runs/prepared")).unwrap();
        folders.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count()
    }
}

const TRAIN: &str = "train/3d_fullres/seed_12345/fold_0";
const PREPARE: &str = "prepare/3d_fullres";

#[test]
fn status_says_what_is_done_what_a_change_makes_stale_and_what_is_next() {
    let workplace = Workplace::new("");
    let (before, _) = workplace.done(&["status", "plan.toml"]);
    assert!(before.contains("next: data: `Phantom` is built in"), "{before}");
    let (dry, _) = workplace.done(&["run", "plan.toml", "--dry-run"]);
    assert!(dry.contains("GFLOP/s") && dry.contains("All costs are estimates"), "{dry}");
    assert!(!workplace.path("runs").exists() && !workplace.path("data").exists(), "nothing is run and nothing written");

    let (_, said) = workplace.done(&["run", "plan.toml"]);
    let [begun, ended] =
        ["to do", "done  "].map(|head| said.find(head).unwrap_or_else(|| panic!("`{head}` in {said}")));
    let trained = said.find("epoch   1").unwrap();
    assert!(begun < trained && trained < ended, "what is to do is said before, what was done is said behind: {said}");
    assert!(said[..trained].contains("1 network, at most 1 epoch "), "{said}");
    assert_eq!(said.matches("train 3d_fullres").count(), 2, "estimated, and measured: {said}");
    let (_, again) = workplace.done(&["run", "plan.toml"]);
    assert!(!again.contains("estimated") && !again.contains("timing"), "{again}");
    let (after, _) = workplace.done(&["status", "plan.toml"]);
    assert!(after.contains("everything is done"), "{after}");

    let rate = ["--set", "train.learning_rate=0.5"];
    assert_eq!(workplace.state(PREPARE, &rate).0, "done");
    let (state, because) = workplace.state(TRAIN, &rate);
    assert!(state == "stale" && because.contains("train.learning_rate: 0.003 → 0.5"), "{because}");
    let spacing = ["--set", "configurations.3d_fullres.spacing_mm=[3.0, 1.0, 1.0]"];
    let (state, because) = workplace.state(PREPARE, &spacing);
    assert!(state == "stale" && because.contains("configurations.3d_fullres.spacing_mm"), "{because}");
    let mirror = ["--set", "predict.test_time_mirroring=true"];
    assert_eq!(workplace.state(TRAIN, &mirror).0, "done");
    assert_eq!(workplace.state("predict/3d_fullres/seed_12345/fold_0", &mirror).0, "stale");

    let fold = workplace.path("runs/small/3d_fullres/seed_12345/fold_0");
    fs::remove_file(fold.join("state.json")).unwrap();
    let (again, _) = workplace.done(&["status", "plan.toml"]);
    assert!(again.contains("next: train 3d_fullres fold 0 seed 12345"), "{again}");
    let (estimated, _) = workplace.done(&["status", "plan.toml", "--estimate"]);
    assert!(estimated.contains("from this run's epochs (1)"), "{estimated}");
}

#[test]
fn a_changed_learning_rate_reuses_the_prepared_cases_and_a_changed_spacing_does_not() {
    let workplace = Workplace::new("");
    let (_, first) = workplace.done(&["run", "plan.toml"]);
    assert!(first.contains("4 cases prepared"), "{first}");

    let rate = ["run", "plan.toml", "--set", "train.learning_rate=0.0001"];
    let (code, _, refused) = workplace.segplan(&rate);
    assert_eq!(code, Some(2), "{refused}");
    assert!(refused.contains("train.learning_rate: 0.003 → 0.0001   (train)"), "{refused}");
    let offered = "segplan run plan.toml --set train.learning_rate=0.0001 --set name=small-learning_rate=0.0001";
    assert!(refused.contains(&format!("\n  {offered}\n")), "{refused}");
    let command: Vec<&str> = offered.split(' ').skip(1).collect();
    let (_, second) = workplace.done(&command);
    assert!(!second.contains("cases prepared"), "{second}");
    assert!(workplace.weights("small") != workplace.weights("small-learning_rate=0.0001"), "it was trained");
    assert_eq!(workplace.prepared(), 1);

    let spacing = "configurations.3d_fullres.spacing_mm=[3.0, 1.1, 1.1]";
    let (_, third) = workplace.done(&["run", "plan.toml", "--set", spacing, "--set", "name=coarse"]);
    assert!(third.contains("4 cases prepared"), "{third}");
    assert_eq!(workplace.prepared(), 2);
}

#[test]
fn a_changed_image_is_prepared_again_and_what_was_learnt_of_it_is_stale() {
    let workplace = Workplace::new("");
    workplace.done(&["run", "plan.toml"]);
    let mut images: Vec<PathBuf> =
        fs::read_dir(workplace.path("data/Phantom/imagesTr")).unwrap().map(|entry| entry.unwrap().path()).collect();
    images.sort();
    let name = images[0].file_name().unwrap().to_str().unwrap();

    // Written again with the same bytes, nothing has changed.
    let bytes = fs::read(&images[0]).unwrap();
    fs::write(&images[0], &bytes).unwrap();
    assert_eq!(workplace.state(TRAIN, &[]).0, "done");

    // Another scan of the same shape under the old name.
    let labels = |image: &Path| workplace.path("data/Phantom/labelsTr").join(image.file_name().unwrap());
    let [other, other_labels] = [images[1].clone(), labels(&images[1])].map(|path| fs::read(path).unwrap());
    fs::write(&images[0], other).unwrap();
    fs::write(labels(&images[0]), other_labels).unwrap();
    let (status, _) = workplace.done(&["status", "plan.toml"]);
    let changed = format!("files of the data set have changed since the last run: imagesTr/{name}, labelsTr/{name}");
    assert!(status.contains(&changed), "{status}");
    let (state, because) = workplace.state(PREPARE, &[]);
    assert!(state == "stale" && because.contains("1 of 4 cases"), "{because}");
    assert_eq!(workplace.state(TRAIN, &[]).0, "stale");

    let (_, said) = workplace.done(&["run", "plan.toml"]);
    assert!(said.contains(name) && said.contains("1 case prepared") && said.contains("trained anew"), "{said}");
    assert!(workplace.done(&["status", "plan.toml"]).0.contains("everything is done"));
    assert!(workplace.done(&["run", "plan.toml"]).1.contains("nothing to do"));
}

#[test]
fn a_failed_fold_never_hides_the_others() {
    let workplace = Workplace::new("");
    let both = ["run", "plan.toml", "--set", "run.folds=[0, 1]"];
    let fold = workplace.path("runs/small/3d_fullres/seed_12345/fold_0");
    fs::create_dir_all(&fold).unwrap();
    fs::write(fold.join("checkpoint.safetensors"), "no checkpoint").unwrap();

    let (code, out, error) = workplace.segplan(&both);
    assert_eq!(code, Some(3), "nothing was done, for a damaged file: {out}{error}");
    assert!(error.contains("3d_fullres fold 1 seed 12345: not begun"), "{error}");

    let (code, out, error) = workplace.segplan(&[&both[..], &["--keep-going"]].concat());
    assert_eq!(code, Some(5), "{out}{error}");
    assert!(out.contains("mean foreground"), "fold 1 is scored and tabled: {out}");
    assert!(error.contains("1 of 2 networks are not done") && error.contains("checkpoint.safetensors"), "{error}");
    assert!(workplace.path("runs/small/scores.parquet").is_file());

    // The fold that stopped the run before does not hide what is done by now.
    let (code, out, error) = workplace.segplan(&both);
    assert_eq!(code, Some(5), "{error}");
    assert!(out.contains("mean foreground") && !error.contains("not begun"), "{out}{error}");

    fs::remove_file(fold.join("checkpoint.safetensors")).unwrap();
    workplace.done(&both);
}

#[test]
fn a_failed_preparation_keeps_back_its_own_networks_alone() {
    let workplace = Workplace::new("[configurations.2d]\nfeatures = [2, 4, 4, 4]\nbatch_size = 2\n");
    let both = ["run", "plan.toml", "--configuration", "2d", "--configuration", "3d_fullres"];
    workplace.done(&["run", "plan.toml", "--configuration", "2d", "--until", "preprocess"]);
    let prepared = fs::read_dir(workplace.path("runs/prepared")).unwrap();
    let mut folders = prepared.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let folder = folders.next().unwrap();
    fs::remove_dir_all(&folder).unwrap();
    fs::write(&folder, "no folder").unwrap();

    let (code, _, error) = workplace.segplan(&both);
    assert_eq!(code, Some(3), "{error}");
    assert!(!workplace.path("runs/small/3d_fullres").exists(), "nothing goes on by itself");

    let (code, out, error) = workplace.segplan(&[&both[..], &["--keep-going"]].concat());
    assert_eq!(code, Some(5), "{out}{error}");
    assert!(out.contains("3d_fullres seed 12345") && out.contains("mean foreground"), "the other one is scored: {out}");
    let end = &error[error.rfind("1 of 2 networks are not done").unwrap()..];
    assert!(end.contains("preparing the cases for 2d: ") && end.contains("2d fold 0 seed 12345: not begun"), "{end}");

    fs::remove_file(&folder).unwrap();
    workplace.done(&both);
}

#[test]
fn a_variant_without_its_data_set_keeps_back_no_other() {
    let workplace = Workplace::new("[[sweep]]\ndata.dataset = [\"Absent\", \"Phantom\"]\n");
    workplace.done(&["phantom", "data/Phantom", "--cases", "4"]);
    let (code, out, error) =
        workplace.segplan(&["run", "plan.toml", "--keep-going", "--set", "data.generator=\"none\""]);
    assert_eq!(code, Some(5), "{out}{error}");
    assert!(out.contains("mean foreground") && workplace.path("runs/small-dataset=Phantom/scores.parquet").is_file());
    let end = &error[error.rfind("1 of 2 variants failed").unwrap()..];
    assert!(end.contains("small-dataset=Absent: data set `Absent` is not in `data`"), "{end}");
}

#[test]
fn a_sweep_is_run_listed_and_compared_and_what_is_missing_is_said() {
    let sweep = "[[sweep]]\ntrain.learning_rate = [0.003, 0.0003]\n\n[[sweep]]\ntrain.batches = [1, 2]\n\
                 train.validation_batches_per_epoch = [2, 1]\n";
    let workplace = Workplace::new(sweep);
    let names = [
        "small-learning_rate=0.003-batches=1-validation_batches=2",
        "small-learning_rate=0.003-batches=2-validation_batches=1",
        "small-learning_rate=0.0003-batches=1-validation_batches=2",
        "small-learning_rate=0.0003-batches=2-validation_batches=1",
    ];
    let (dry, _) = workplace.done(&["run", "plan.toml", "--dry-run"]);
    assert!(names.iter().all(|name| dry.contains(&format!("{name} → runs/{name}"))), "{dry}");

    let one = "learning_rate=0.003-batches=2-validation_batches=1";
    workplace.done(&["run", "plan.toml", "--variant", one]);
    let (partly, _) = workplace.done(&["compare", "plan.toml"]);
    assert_eq!(partly.matches("has not been run").count(), 3, "{partly}");

    let (_, said) = workplace.done(&["run", "plan.toml"]);
    assert!(names.iter().all(|name| said.contains(name)), "{said}");
    assert_eq!(workplace.prepared(), 1, "all variants share the prepared cases");

    let (table, _) = workplace.done(&["compare", "plan.toml", "--metric", "iou"]);
    let head = table.lines().next().unwrap();
    let columns =
        ["run", "batches", "learning_rate", "validation_batches", "configuration", "mean IoU", "organ", "core"];
    let mut place = 0;
    for column in columns {
        place += head[place..].find(column).unwrap_or_else(|| panic!("`{column}` in {head}"));
    }
    assert!(
        !head.contains("max_epochs")
            && table.lines().filter(|line| line.contains("3d_fullres") && line.ends_with("2      2        1")).count()
                == 4,
        "{table}"
    );
    assert!(table.contains("One seed only:") && !table.contains("not been run"), "{table}");

    let json: Value = serde_json::from_str(&workplace.done(&["compare", "plan.toml", "--format", "json"]).0).unwrap();
    for key in ["train.batches_per_epoch", "train.learning_rate", "train.validation_batches_per_epoch"] {
        assert!(json["rows"][0].get(key).is_some(), "{json}");
    }
    let (csv, _) = workplace.done(&["compare", "plan.toml", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 5, "{csv}");
    let (tex, _) = workplace.done(&["compare", "plan.toml", "--format", "tex"]);
    assert!(tex.contains("learning\\_rate") && tex.contains("\\bottomrule"), "{tex}");
    let (md, _) =
        workplace.done(&["compare", &format!("runs/{}", names[0]), &format!("runs/{}", names[1]), "--format", "md"]);
    assert!(md.starts_with("| run | batches | validation_batches | configuration |"), "{md}");

    let (code, _, error) = workplace.segplan(&["compare", "plan.toml", "--metric", "dise"]);
    assert!(code == Some(2) && error.contains("volume_difference"), "{error}");
    let (code, _, error) = workplace.segplan(&["run", "plan.toml", "--variant", "batches=3"]);
    assert!(code == Some(2) && error.contains("no variant `batches=3`"), "{error}");
}
