//! The cascade from outside: no leak from the first stage to the second, killed and resumed, chosen and applied.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod common;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use common::{Workplace, assert_same_results, experiment, kill, results, set_arguments, start, succeed, wait_for};
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
use segplan::volume::Shape;

/// Makes a run short. It learns little, but enough to distinguish two networks.
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

fn train(workplace: &Workplace, name: &str, arguments: &[&str]) -> Command {
    let mut command = workplace.run("phantom-cascade.toml", name, &SHORT);
    command.args(arguments);
    command
}

/// The prediction of a case by a fold of the first stage, computed from its weights.
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
    let limit = MemoryLimit { bytes: usize::MAX, scratch: workplace.root() };
    predict_first_stage(&member, &plan.configurations[&second], grid, &limit, &|_| ControlFlow::Continue(())).unwrap()
}

#[test]
fn the_second_stage_never_sees_a_prediction_by_a_network_that_was_trained_on_the_case() {
    let workplace = Workplace::new();
    let one = ["--configuration", "3d_cascade", "--fold", "1"];
    let said = succeed(&mut train(&workplace, "leak", &one)).text();
    let first_stage = "also training 3d_lowres fold 0 seed 12345, 3d_lowres fold 1 seed 12345, 3d_lowres fold 2";
    assert!(said.contains(first_stage), "{said}");

    let run = workplace.run_folder("leak");
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
    assert!(by_others < 6, "networks of other folds predict the same for every case: nothing is proved");

    // A damaged prediction is replaced, and the rest is kept.
    let before = results(&folder);
    assert_eq!(before.len(), 6);
    let damaged = prepared_case(&folder, &splits[0].val[0].0);
    fs::write(&damaged, &fs::read(&damaged).unwrap()[..100]).unwrap();
    succeed(&mut train(&workplace, "leak", &one));
    assert_same_results(&results(&folder), &before, "a damaged prediction");
    let again = succeed(&mut train(&workplace, "leak", &one)).text();
    assert!(again.contains("nothing to do"), "{again}");
}

#[test]
fn a_cascade_killed_in_any_of_its_stages_ends_with_the_same_results() {
    let workplace = Workplace::new();
    let arguments = ["--configuration", "3d_cascade", "--fold", "0"];
    succeed(&mut train(&workplace, "whole", &arguments));
    let whole = results(&workplace.run_folder("whole").root);
    assert_eq!(whole.keys().filter(|path| path.ends_with("weights.safetensors")).count(), 4);

    let seed = workplace.run_folder("killed").first_stage_predictions(12345);
    let begun = [
        workplace.run_folder("killed").fold("3d_lowres", 12345, 1).checkpoint(),
        seed,
        workplace.run_folder("killed").fold("3d_cascade", 12345, 0).checkpoint(),
    ];
    for path in begun {
        let child = start(&mut train(&workplace, "killed", &arguments));
        wait_for(&path);
        kill(child);
    }
    succeed(&mut train(&workplace, "killed", &arguments));
    assert_same_results(&results(&workplace.run_folder("killed").root), &whole, "killed");
}

#[test]
fn the_cascade_is_chosen_among_all_candidates_and_segments_unseen_images() {
    let workplace = Workplace::new();
    let said = succeed(&mut train(&workplace, "all", &[])).text();
    let selection = fs::read(workplace.run_folder("all").selection()).unwrap();
    let selection: segplan::select::Selection = serde_json::from_slice(&selection).unwrap();
    let mut names: Vec<String> = selection.candidates.iter().map(|one| one.configurations.join("+")).collect();
    names.sort();
    let expected =
        ["2d", "2d+3d_cascade", "2d+3d_fullres", "3d_cascade", "3d_fullres", "3d_fullres+3d_cascade", "3d_lowres"];
    assert_eq!(names, expected, "{said}");
    assert!(selection.candidates.iter().all(|candidate| candidate.cases == 6), "{selection:?}");

    // A run of another configuration restores what its ensemble with the cascade needs.
    let run = workplace.run_folder("all");
    let before = results(&run.root);
    fs::remove_dir_all(run.first_stage_predictions(12345)).unwrap();
    fs::remove_dir_all(run.fold("2d+3d_cascade", 12345, 1).root).unwrap();
    fs::remove_dir_all(workplace.path("runs/prepared")).unwrap();
    succeed(&mut train(&workplace, "all", &["--configuration", "2d"]));
    assert_same_results(&results(&run.root), &before, "an ensemble that was removed");

    // Previews of the second stage's patches, and its speed: with and without predictions of the first stage.
    let look = |verb: &str, name: &str, more: &[&str]| {
        let mut command = workplace.segplan(&[verb]);
        command.arg(experiment("phantom-cascade.toml")).args(["--configuration", "3d_cascade"]);
        command.args(set_arguments(&SHORT)).args(["--set", &format!("name={name}")]);
        succeed(command.args(more)).text()
    };
    let faults = ["-n", "2", "-o", "patches", "--set", "augment.morphology.probability=1"];
    let drawn = look("augment", "all", &faults);
    let made = ["eroded", "dilated", "opened", "closed"].map(|what| drawn.matches(what).count());
    assert!(drawn.contains("show the first stage's prediction") && made.iter().sum::<usize>() == 4, "{drawn}");
    let drawn = look("augment", "untrained", &faults);
    assert!(drawn.contains("show the reference instead"), "{drawn}");
    let timed = look("bench", "untrained", &["--repetitions", "1"]);
    assert!(timed.contains("reference labels replace the first stage") && !timed.contains("not timed"), "{timed}");

    succeed(&mut workplace.segplan(&["phantom", "data/Unseen", "--cases", "2", "--seed", "7"]));
    let predict = ["predict", "--run", "runs/all", "--input", "data/Unseen/imagesTr", "--output"];
    let said = succeed(workplace.segplan(&predict).args(["by_cascade", "--configuration", "3d_cascade"])).text();
    assert!(said.contains("segmented with 3d_cascade (3 networks)"), "{said}");
    succeed(workplace.segplan(&predict).arg("by_best"));
    for image in segplan::dataset::images::find_cases(&workplace.path("data/Unseen/imagesTr"), 1).unwrap().cases {
        for folder in ["by_cascade", "by_best"] {
            let header = |path: &Path| segplan::volume::io::read_header(path).unwrap().geometry;
            let labels = header(&workplace.path(folder).join(format!("{}.nii.gz", image.id)));
            assert_eq!(labels.shape, header(&image.images[0]).shape);
        }
    }
}
