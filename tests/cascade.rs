//! The cascade from outside: no leak from the first stage to the second, killed and resumed, chosen and applied.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ndarray::Array3;
use segplan::dataset::CaseId;
use segplan::device::open_device;
use segplan::network::PlannedNetwork;
use segplan::plan::compare::stage_digests;
use segplan::plan::read::load_resolved;
use segplan::plan::schema::{ConfigurationName, Plan};
use segplan::predict::cascade::{Grid, predict_first_stage};
use segplan::predict::{EnsembleMember, MemoryLimit, Predictor};
use segplan::preprocess::cache::PreparedCase;
use segplan::preprocess::first_stage::FirstStage;
use segplan::run::Split;
use segplan::run::folder::{RunFolder, prepared_case, prepared_folder};
use segplan::run::log::read_epochs;
use segplan::volume::Shape;

/// What makes a run short. The numbers are too small to learn much; they are enough to tell networks apart.
const SHORT: [&str; 15] = [
    "data.cases=6",
    "split.folds=3",
    "run.folds=[0, 1, 2]",
    "train.max_epochs=2",
    "train.batches_per_epoch=3",
    "train.validation_batches_per_epoch=1",
    "predict.test_time_mirroring=false",
    "configurations.2d.batch_size=2",
    "configurations.3d_fullres.batch_size=2",
    "configurations.3d_lowres.batch_size=2",
    "configurations.3d_cascade.batch_size=2",
    "configurations.2d.features_per_stage=[4, 8, 8, 8]",
    "configurations.3d_fullres.features_per_stage=[4, 8, 8]",
    "configurations.3d_lowres.features_per_stage=[4, 8, 8]",
    "configurations.3d_cascade.features_per_stage=[4, 8, 8]",
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

    fn run(&self, name: &str) -> RunFolder {
        RunFolder::new(&self.path("runs"), name)
    }

    fn segplan(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
        command.current_dir(self.folder.path()).env("NO_COLOR", "1").args(arguments);
        command
    }

    fn train(&self, name: &str, arguments: &[&str]) -> Command {
        let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom-cascade.toml");
        let mut command = self.segplan(&["run", plan.to_str().unwrap(), "--set", &format!("name={name}")]);
        command.args(SHORT.iter().flat_map(|value| ["--set", value])).args(arguments);
        command
    }
}

fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{status}\n{said}");
    said
}

/// What a run is compared by: all weights, losses, predictions, and what the first stage says.
fn results(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(folder).unwrap().to_owned();
        if path.is_dir() {
            found.extend(results(&path).into_iter().map(|(inner, bytes)| (name.join(inner), bytes)));
        } else if path.ends_with("epochs.parquet") {
            let rows = read_epochs(&path).unwrap();
            let bits = rows.iter().map(|row| (row.train_loss.to_bits(), row.validation_loss.to_bits()));
            found.insert(name, format!("{:x?}", bits.collect::<Vec<_>>()).into_bytes());
        } else if [".safetensors", ".nii.gz"].iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
            found.insert(name, fs::read(&path).unwrap());
        }
    }
    found
}

/// What the first stage's network of a fold says of a case, computed here from its weights.
fn predicted_by(plan: &Plan, workplace: &Workplace, run: &RunFolder, fold: usize, case: &CaseId) -> Array3<u8> {
    let (low, second) = (ConfigurationName::LowRes, ConfigurationName::Cascade);
    let prepared = |name| {
        let folder = prepared_folder(&workplace.path("runs"), &stage_digests(plan, name).preprocess);
        PreparedCase::open(&folder, case).unwrap()
    };
    let device = open_device("cpu").unwrap();
    let weights = run.fold(low.as_str(), plan.run.seeds[0], fold).weights();
    let network = PlannedNetwork::new(plan, low);
    let networks = [network.load(&weights, &device).unwrap()];
    let predictor = Predictor { network, networks: &networks, device: &device };
    let (from, to) = (prepared(low), prepared(second));
    let member = EnsembleMember { predictor: &predictor, image: from.image(), placement: &from.placement };
    let grid = Grid { shape: Shape(to.labels().dim().into()), placement: &to.placement };
    let limit = MemoryLimit { bytes: usize::MAX, scratch: workplace.folder.path() };
    predict_first_stage(&member, &plan.configurations[&second], grid, &limit, &|_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn the_second_stage_never_sees_a_prediction_by_a_network_that_was_trained_on_the_case() {
    let workplace = Workplace::new();
    let said = succeed(&mut workplace.train("leak", &["--configuration", "3d_cascade", "--fold", "1"]));
    assert!(said.contains("training fold 0, 1, 2 of 3d_lowres first"), "{said}");

    let run = workplace.run("leak");
    let plan = load_resolved(&run.resolved_plan()).unwrap().plan;
    let splits: Vec<Split> = serde_json::from_slice(&fs::read(run.splits()).unwrap()).unwrap();
    let folder = run.first_stage_predictions(plan.run.seeds[0]);
    let mut by_others = 0;
    for (fold, split) in splits.iter().enumerate() {
        for case in &split.val {
            let seen = FirstStage::open(&prepared_case(&folder, &case.0)).unwrap();
            assert_eq!(seen.origin.fold, fold, "`{case}` is held out by fold {fold}");
            assert_eq!(seen.labels(), predicted_by(&plan, &workplace, &run, fold, case), "`{case}` by fold {fold}");
            let other = (fold + 1) % splits.len();
            by_others += usize::from(seen.labels() == predicted_by(&plan, &workplace, &run, other, case));
        }
    }
    assert!(by_others < 6, "networks of other folds say the same of every case: nothing was shown");

    // A damaged prediction is made anew, and the rest stays.
    let before = results(&folder);
    assert_eq!(before.len(), 6);
    let damaged = prepared_case(&folder, &splits[0].val[0].0);
    fs::write(&damaged, &fs::read(&damaged).unwrap()[..100]).unwrap();
    succeed(&mut workplace.train("leak", &["--configuration", "3d_cascade", "--fold", "1"]));
    assert!(results(&folder) == before);
    let again = succeed(&mut workplace.train("leak", &["--configuration", "3d_cascade", "--fold", "1"]));
    assert!(again.contains("nothing to do"), "{again}");
}

#[test]
fn a_cascade_that_was_killed_in_any_of_its_parts_ends_with_the_same_numbers() {
    let workplace = Workplace::new();
    let arguments = ["--configuration", "3d_cascade", "--fold", "0"];
    succeed(&mut workplace.train("whole", &arguments));
    let whole = results(&workplace.run("whole").root);
    assert_eq!(whole.keys().filter(|path| path.ends_with("weights.safetensors")).count(), 4);

    let seed = workplace.run("killed").first_stage_predictions(12345);
    let begun = [
        workplace.run("killed").fold("3d_lowres", 12345, 1).checkpoint(),
        seed,
        workplace.run("killed").fold("3d_cascade", 12345, 0).checkpoint(),
    ];
    for path in begun {
        let mut child =
            workplace.train("killed", &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        while !path.exists() {
            assert!(started.elapsed() < Duration::from_mins(3), "`{}` never came", path.display());
            sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    succeed(&mut workplace.train("killed", &arguments));
    let killed = results(&workplace.run("killed").root);
    assert_eq!(killed.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    for (path, bytes) in &whole {
        assert!(killed[path] == *bytes, "`{}` differs", path.display());
    }
}

#[test]
fn the_cascade_is_chosen_among_all_candidates_and_segments_unseen_images() {
    let workplace = Workplace::new();
    let said = succeed(&mut workplace.train("all", &[]));
    let selection = fs::read(workplace.run("all").selection()).unwrap();
    let selection: segplan::select::Selection = serde_json::from_slice(&selection).unwrap();
    let mut names: Vec<String> = selection.candidates.iter().map(|one| one.configurations.join("+")).collect();
    names.sort();
    let expected =
        ["2d", "2d+3d_cascade", "2d+3d_fullres", "3d_cascade", "3d_fullres", "3d_fullres+3d_cascade", "3d_lowres"];
    assert_eq!(names, expected, "{said}");
    assert!(selection.candidates.iter().all(|candidate| candidate.cases == 6), "{selection:?}");

    // What can be made again may be removed: a run of another configuration, whose ensemble with the cascade it is to make
    // anew, makes it.
    let run = workplace.run("all");
    let before = results(&run.root);
    fs::remove_dir_all(run.first_stage_predictions(12345)).unwrap();
    fs::remove_dir_all(run.fold("2d+3d_cascade", 12345, 1).root).unwrap();
    fs::remove_dir_all(workplace.path("runs/prepared")).unwrap();
    succeed(&mut workplace.train("all", &["--configuration", "2d"]));
    assert!(results(&run.root) == before);

    // A look at the second stage's patches, and its speed: with and without what the first one says.
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/phantom-cascade.toml");
    let look = |verb: &str, name: &str, more: &[&str]| {
        let mut command = workplace.segplan(&[verb, plan.to_str().unwrap(), "--configuration", "3d_cascade"]);
        command.args(SHORT.iter().flat_map(|value| ["--set", value])).args(["--set", &format!("name={name}")]);
        succeed(command.args(more))
    };
    let faults = ["-n", "2", "-o", "patches", "--set", "augment.morphology.probability=1"];
    let drawn = look("augment", "all", &faults);
    let made = ["eroded", "dilated", "opened", "closed"].map(|what| drawn.matches(what).count());
    assert!(drawn.contains("what the first stage says") && made.iter().sum::<usize>() == 4, "{drawn}");
    let drawn = look("augment", "untrained", &faults);
    assert!(drawn.contains("its reference, in place of that"), "{drawn}");
    let timed = look("bench", "untrained", &["--repetitions", "1"]);
    assert!(timed.contains("stand in for the first stage") && !timed.contains("not timed"), "{timed}");

    succeed(&mut workplace.segplan(&["phantom", "data/Unseen", "--cases", "2", "--seed", "7"]));
    let predict = ["predict", "--run", "runs/all", "--input", "data/Unseen/imagesTr", "--output"];
    let said = succeed(workplace.segplan(&predict).args(["by_cascade", "--configuration", "3d_cascade"]));
    assert!(said.contains("the mean of 3 networks of 3d_cascade"), "{said}");
    succeed(workplace.segplan(&predict).arg("by_best"));
    for image in segplan::dataset::images::find_cases(&workplace.path("data/Unseen/imagesTr"), 1).unwrap().cases {
        for folder in ["by_cascade", "by_best"] {
            let header = |path: &Path| segplan::volume::io::read_header(path).unwrap().geometry;
            let labels = header(&workplace.path(folder).join(format!("{}.nii.gz", image.id)));
            assert_eq!(labels.shape, header(&image.images[0]).shape);
        }
    }
}
