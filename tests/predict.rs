//! `segplan predict` from outside: the same labels as in validation, for images in any axis order, stopped and resumed.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod common;
#[path = "predict/inputs.rs"]
mod inputs;
#[path = "predict/package.rs"]
mod package;
#[path = "predict/settings.rs"]
mod settings;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use common::{experiment, fail, segplan_in, set_arguments, signal};
use ndarray::{Array3, Array4};
use segplan::dataset::{Case, CaseId, gate};
use segplan::run::Split;
use segplan::run::folder::RunFolder;
use segplan::select::Selection;
use segplan::volume::io::{read_header, write_image};
use segplan::volume::orient::{AxisCodes, Reorder};
use segplan::volume::{FileOrigin, Geometry, Image, LabelMap, Shape};

/// Makes a run short. It learns little, but enough to distinguish two predictions.
const SHORT: [&str; 15] = [
    "data.cases=4",
    "data.generator=none",
    "split.folds=2",
    "train.max_epochs=2",
    "train.batches_per_epoch=4",
    "train.validation_batches_per_epoch=1",
    "predict.test_time_mirroring=false",
    "configurations.2d.batch_size=4",
    "configurations.3d_fullres.batch_size=2",
    "configurations.3d_lowres.batch_size=2",
    "configurations.3d_cascade.batch_size=2",
    "configurations.2d.features_per_stage=[4, 8, 8, 8]",
    "configurations.3d_fullres.features_per_stage=[4, 8, 8]",
    "configurations.3d_lowres.features_per_stage=[4, 8, 8]",
    "configurations.3d_cascade.features_per_stage=[4, 8, 8]",
];

/// A data set and three runs, shared by all tests.
static WORKPLACE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("predict");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    succeed(&mut segplan_in(&folder, &["phantom", "data/Phantom", "--cases", "4"]));
    for entry in fs::read_dir(folder.join("data/Phantom/imagesTr")).unwrap() {
        cut_corner(&entry.unwrap().path());
    }
    let all = ["run.folds=[0, 1]", "postprocess.rule=cross_validation"];
    succeed(&mut train(&folder, "all", &all));
    let masked = ["run.configurations=[\"2d\", \"3d_fullres\"]", "run.folds=[0]", "preprocess.normalize_in_mask=true"];
    succeed(&mut train(&folder, "masked", &masked));
    let ct = [
        "run.configurations=[\"3d_fullres\"]",
        "run.folds=[0]",
        "preprocess.normalization_scheme=[\"ct\"]",
        "preprocess.intensities=[{ mean = 353.047, sd = 102.946, p00_5 = 154.0, p99_5 = 645.19 }]",
        "preprocess.anisotropy_threshold=2.0",
        // The two ways of resampling differ only if the grid changes.
        "configurations.3d_fullres.spacing_mm=[3.0, 1.1, 0.9]",
        "postprocess.rule=single_component",
        "predict.test_time_mirroring=true",
    ];
    succeed(&mut train(&folder, "ct", &ct));
    folder
});

/// Sets a corner of an image to 0 that reaches into the organ, so that the non-zero mask leaves out labelled voxels.
fn cut_corner(path: &Path) {
    let mut image = read_image(path, 1);
    let labels = path.parent().unwrap().parent().unwrap().join("labelsTr").join(path.file_name().unwrap());
    let labels = read_labels(&labels).labels;
    let inside = labels.indexed_iter().filter(|&(_, &label)| label > 0);
    let mut diagonals: Vec<usize> = inside.map(|((_, y, x), _)| y + x).collect();
    diagonals.sort_unstable();
    // A fifth of the labelled voxels lie beyond it.
    let cut = diagonals[diagonals.len() * 4 / 5];
    for ((_, _, y, x), value) in image.voxels.indexed_iter_mut() {
        *value = if y + x > cut { 0.0 } else { *value };
    }
    write_image(path, &image).unwrap();
}

/// The gate's requirements on files like the data set's, with this number of channels.
fn expected(channels: usize) -> gate::Expected<'static> {
    static LABELS: LazyLock<BTreeMap<u8, String>> =
        LazyLock::new(|| BTreeMap::from([(1, "organ".to_owned()), (2, "core".to_owned())]));
    gate::Expected { channels, labels: &LABELS, memory_bytes: 1 << 30 }
}

fn read_image(path: &Path, channels: usize) -> Image {
    let case = Case { id: CaseId("case".to_owned()), images: vec![path.to_owned()], labels: None };
    gate::read_image(&case, &expected(channels)).unwrap()
}

fn read_labels(path: &Path) -> LabelMap {
    gate::read_labels(&CaseId("case".to_owned()), path, None, &expected(1)).unwrap()
}

fn train(folder: &Path, name: &str, set: &[&str]) -> Command {
    let mut command = segplan_in(folder, &["run"]);
    command.arg(experiment("phantom-cascade.toml")).args(["--set", &format!("name={name}")]);
    command.args(set_arguments(&SHORT)).args(set_arguments(set));
    command
}

fn predict(run: &str, input: &str, output: &str) -> Command {
    segplan_in(&WORKPLACE, &["predict", "--run", &format!("runs/{run}"), "--input", input, "--output", output])
}

/// Runs a command that must succeed, and returns its output.
fn succeed(command: &mut Command) -> String {
    common::succeed(command).text()
}

/// Copies a run as if only this fold had been trained, and its validation images to a folder. Returns the cases.
fn only_fold(run: &str, fold: usize) -> (String, String, Vec<String>) {
    let (name, images) = (format!("{run}_fold_{fold}"), format!("validation_{run}_{fold}"));
    let from = WORKPLACE.join("runs").join(run);
    copy(&from, &WORKPLACE.join("runs").join(&name), &|path: &Path| {
        let folder = path.file_name().unwrap().to_string_lossy();
        folder.strip_prefix("fold_").is_none_or(|number| number == fold.to_string())
    });
    let cases = validation_images(run, fold, &images);
    (name, images, cases)
}

/// Copies the validation images of a fold to a folder. Returns the cases.
fn validation_images(run: &str, fold: usize, to: &str) -> Vec<String> {
    let splits = fs::read(WORKPLACE.join("runs").join(run).join("splits_final.json")).unwrap();
    let splits: Vec<Split> = serde_json::from_slice(&splits).unwrap();
    let cases: Vec<String> = splits[fold].val.iter().map(|case| case.0.clone()).collect();
    fs::create_dir_all(WORKPLACE.join(to)).unwrap();
    for case in &cases {
        let file = format!("{case}.nii.gz");
        fs::copy(WORKPLACE.join("data/Phantom/imagesTr").join(&file), WORKPLACE.join(to).join(&file)).unwrap();
    }
    cases
}

/// Runs a command that must fail with an exit code, and returns its message without line breaks.
fn refusal(command: &mut Command, code: i32) -> String {
    fail(command, code).text().replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() && wanted(&path) {
            copy(&path, &target, wanted);
        } else if path.is_file() {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// Asserts that `predict` wrote the same bytes as the validation predictions of a candidate.
fn assert_as_in_validation(run: &str, candidate: &str, fold: usize, output: &str, cases: &[String]) {
    assert!(!cases.is_empty());
    let fold = RunFolder::new(&WORKPLACE.join("runs"), run).fold(candidate, 12345, fold);
    for case in cases {
        let (path, written) = (fold.prediction(case), WORKPLACE.join(output).join(format!("{case}.nii.gz")));
        let same = fs::read(&path).unwrap() == fs::read(&written).unwrap();
        let labels = |path: &Path| read_labels(path).labels;
        let differing = labels(&path).iter().zip(&labels(&written)).filter(|(one, other)| one != other).count();
        assert!(same, "{run} {candidate} {case}: {differing} voxels differ");
        assert!(labels(&path).iter().any(|&label| label > 0), "{run} {candidate} {case}: nothing was predicted");
    }
}

#[test]
fn every_configuration_segments_a_validation_image_as_in_validation() {
    let (run, images, cases) = only_fold("all", 0);
    for configuration in ["2d", "3d_fullres", "3d_lowres", "3d_cascade"] {
        let output = format!("as_in_validation/{configuration}");
        succeed(predict(&run, &images, &output).args(["--configuration", configuration]));
        assert_as_in_validation(&run, configuration, 0, &output, &cases);
    }
}

#[test]
fn an_ensemble_segments_a_validation_image_as_in_validation() {
    let (run, images, cases) = only_fold("all", 1);
    let path = WORKPLACE.join("runs").join(&run).join("selection.json");
    let mut selection: Selection = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let pairs: Vec<Vec<String>> = selection.candidates.iter().map(|one| one.configurations.clone()).collect();
    let mut seen = 0;
    for pair in pairs.into_iter().filter(|names| names.len() == 2) {
        // The first candidate is used by default.
        selection.candidates.sort_by_key(|one| one.configurations != pair);
        fs::write(&path, serde_json::to_string(&selection).unwrap()).unwrap();
        let (candidate, output) = (pair.join("+"), format!("as_in_validation/{}", pair.join("+")));
        let said = succeed(&mut predict(&run, &images, &output));
        assert!(said.contains(&pair.join(" + ")), "{said}");
        assert_as_in_validation(&run, &candidate, 1, &output, &cases);
        seen += 1;
    }
    assert_eq!(seen, 3, "2d+3d_fullres, 2d+3d_cascade and 3d_fullres+3d_cascade");
}

#[test]
fn ct_with_separately_resampled_slices_segments_a_validation_image_as_in_validation() {
    let (run, images, cases) = only_fold("ct", 0);
    succeed(&mut predict(&run, &images, "as_in_validation/ct"));
    assert_as_in_validation(&run, "3d_fullres", 0, "as_in_validation/ct", &cases);
}

#[test]
fn masked_normalisation_sees_the_same_of_a_validation_image_as_in_validation() {
    let (run, images, cases) = only_fold("masked", 0);
    for configuration in ["2d", "3d_fullres"] {
        let output = format!("as_in_validation/masked_{configuration}");
        succeed(predict(&run, &images, &output).args(["--configuration", configuration]));
        assert_as_in_validation(&run, configuration, 0, &output, &cases);
    }
}

/// All 48 axis orders.
fn all_codes() -> Vec<AxisCodes> {
    let axes = [["L", "R"], ["P", "A"], ["I", "S"]];
    let mut all = Vec::new();
    for [x, y, z] in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for flips in 0..8 {
            let side = |axis: usize, bit: usize| axes[axis][flips >> bit & 1];
            all.push((side(x, 0).to_owned() + side(y, 1) + side(z, 2)).parse().unwrap());
        }
    }
    all
}

fn reordered(image: &Image, reorder: Reorder) -> Image {
    Image {
        voxels: reorder.image(image.voxels.view()).as_standard_layout().into_owned(),
        geometry: reorder.geometry(&image.geometry),
    }
}

/// An image of the data set, with its codes, `RAS`.
fn an_image(case: &str) -> Image {
    let image = read_image(&WORKPLACE.join(format!("data/Phantom/imagesTr/{case}.nii.gz")), 1);
    assert_eq!(image.geometry.axis_codes().unwrap().to_string(), "RAS");
    image
}

fn output_labels(output: &str, case: &str) -> (Array3<i16>, Geometry) {
    let read = read_labels(&WORKPLACE.join(output).join(format!("{case}.nii.gz")));
    (read.labels, read.geometry)
}

#[test]
fn an_image_in_any_axis_order_gets_the_labels_of_the_original_in_its_own() {
    let image = an_image("phantom_002");
    let folder = WORKPLACE.join("orders");
    let mut orders = Vec::new();
    for codes in all_codes() {
        let reorder = image.geometry.axis_codes().unwrap().to(codes);
        let copy = reordered(&image, reorder);
        assert_eq!(copy.geometry.axis_codes(), Some(codes));
        write_image(&folder.join(format!("{codes}.nii.gz")), &copy).unwrap();
        orders.push((codes, reorder));
    }
    assert_eq!(orders.len(), 48);
    for (configuration, more) in [("2d", None), ("3d_fullres", Some("--probabilities")), ("3d_cascade", None)] {
        let output = format!("reordered/{configuration}");
        let said = succeed(predict("all", "orders", &output).args(["--configuration", configuration]).args(more));
        let count = said.matches("those of the training cases RAS: the image is reordered").count();
        assert_eq!(count, 47, "{said}");
        let (original, _) = output_labels(&output, "RAS");
        assert!(original.iter().any(|&label| label > 0));
        for (codes, reorder) in &orders {
            let (labels, geometry) = output_labels(&output, &codes.to_string());
            let back = reorder.inverse().volume(labels.view());
            assert_eq!(back, original, "{configuration}: {codes}");
            let own = read_header(&folder.join(format!("{codes}.nii.gz"))).unwrap().geometry;
            assert_eq!((geometry.affine, geometry.spacing), (own.affine, own.spacing), "{codes}");
            assert_eq!(geometry.is_placed, own.is_placed, "{codes}");
        }
        if more.is_some() {
            let read = |codes: &str| {
                read_image(&WORKPLACE.join(&output).join(format!("probabilities/{codes}.nii.gz")), 3).voxels
            };
            let (codes, reorder) = orders.iter().find(|(codes, _)| codes.to_string() == "PSL").unwrap();
            assert_eq!(reorder.inverse().image(read(&codes.to_string()).view()), read("RAS"));
        }
    }
}

#[test]
fn an_oblique_image_is_brought_into_order_by_its_nearest_axes_and_keeps_its_header() {
    let image = an_image("phantom_003");
    let folder = WORKPLACE.join("oblique");
    write_image(&folder.join("straight.nii.gz"), &image).unwrap();
    let mut turned = reordered(&image, image.geometry.axis_codes().unwrap().to("SLP".parse().unwrap()));
    // Turned by 40 degrees about the third axis of the world.
    let (sin, cos) = 40_f64.to_radians().sin_cos();
    let [x, y, z] = turned.geometry.affine;
    let mix = |a: f64, b: f64| std::array::from_fn(|at| a * x[at] + b * y[at]);
    turned.geometry.affine = [mix(cos, -sin), mix(sin, cos), z];
    turned.geometry.origin = FileOrigin::default();
    write_image(&folder.join("turned.nii.gz"), &turned).unwrap();
    succeed(predict("all", "oblique", "oblique_out").args(["--configuration", "3d_fullres"]));

    let (straight, _) = output_labels("oblique_out", "straight");
    let (labels, geometry) = output_labels("oblique_out", "turned");
    let reorder = image.geometry.axis_codes().unwrap().to(turned.geometry.axis_codes().unwrap());
    assert_eq!(reorder.inverse().volume(labels.view()), straight);
    assert_eq!(geometry.affine, read_header(&folder.join("turned.nii.gz")).unwrap().geometry.affine);
}

#[test]
fn an_image_too_large_at_the_plans_spacing_is_refused_by_name_and_the_others_are_done() {
    let folder = WORKPLACE.join("wrong_spacing");
    let mut image = an_image("phantom_001");
    write_image(&folder.join("right.nii.gz"), &image).unwrap();
    image.geometry.spacing.0 = image.geometry.spacing.0.map(|step| step * 100.0);
    image.geometry.origin = FileOrigin::default();
    write_image(&folder.join("a_hundredfold.nii.gz"), &image).unwrap();
    let started = Instant::now();
    let said = refusal(&mut predict("ct", "wrong_spacing", "wrong_spacing_out"), 3);
    assert!(
        said.contains("case `a_hundredfold`: its 22 × 35 × 36 voxels of 279.0000 × 111.0000 × 111.0000 mm become"),
        "{said}"
    );
    assert!(said.contains("Correct the spacing in its header"), "{said}");
    assert!(!said.contains("`right`"), "{said}");
    assert!(WORKPLACE.join("wrong_spacing_out/right.nii.gz").is_file());
    assert!(!WORKPLACE.join("wrong_spacing_out/a_hundredfold.nii.gz").exists());
    assert!(started.elapsed() < Duration::from_mins(1), "{:?}", started.elapsed());
}

#[test]
fn an_image_far_from_the_training_cases_is_segmented_with_a_warning() {
    let folder = WORKPLACE.join("unlike");
    let mut image = an_image("phantom_001");
    write_image(&folder.join("alike.nii.gz"), &image).unwrap();
    let largest = image.voxels.iter().copied().fold(0.0, f32::max);
    image.voxels.mapv_inplace(|value| value / largest);
    write_image(&folder.join("from_0_to_1.nii.gz"), &image).unwrap();
    let said = succeed(&mut predict("ct", "unlike", "unlike_out"));
    assert!(said.contains("`from_0_to_1`: warning: channel 0 (MRI): intensities from"), "{said}");
    assert!(said.contains("less than 1/10 of the narrowest range"), "{said}");
    assert!(!said.contains("`alike`: warning"), "{said}");
}

/// An image of the data set's kind with many tiles.
fn many_tiles(path: &Path) {
    let image = an_image("phantom_001");
    let (_, z, y, x) = image.voxels.dim();
    let shape = Shape([2 * z, 3 * y, 2 * x]);
    let voxels = Array4::from_shape_fn((1, shape.0[0], shape.0[1], shape.0[2]), |(c, k, j, i)| {
        image.voxels[[c, k % z, j % y, i % x]]
    });
    let geometry = Geometry::axis_aligned(shape, image.geometry.spacing, [0.0; 3]);
    write_image(path, &Image { voxels, geometry }).unwrap();
}

/// Starts a program, waits until it prints a line with these words, and sends a signal. Returns its output, its exit code, and the time
/// until it stopped.
fn stopped(command: &mut Command, words: &str, name: &str) -> (String, Option<i32>, Duration) {
    let mut child: Child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = String::new();
    for line in lines.by_ref() {
        let line = line.unwrap();
        said += &(line.clone() + "\n");
        if line.contains(words) {
            break;
        }
    }
    assert!(said.contains(words), "it ended before `{words}`:\n{said}");
    let started = Instant::now();
    signal(&child, name);
    for line in lines {
        said += &(line.unwrap() + "\n");
    }
    let code = child.wait().unwrap().code();
    (said, code, started.elapsed())
}

#[test]
fn a_prediction_stops_between_two_tiles_and_resumes_to_the_same_bytes() {
    let folder = WORKPLACE.join("many");
    write_image(&folder.join("a_small.nii.gz"), &an_image("phantom_004")).unwrap();
    many_tiles(&folder.join("b_large.nii.gz"));
    let begun = Instant::now();
    let said = succeed(&mut predict("ct", "many", "many_whole"));
    let whole = begun.elapsed();
    assert!(said.contains("`b_large`, 3d_fullres: tile") && said.contains(" left"), "{said}");

    let (said, code, took) =
        stopped(&mut predict("ct", "many", "many_stopped"), "`b_large`, 3d_fullres: tile", "-TERM");
    assert_eq!(code, Some(4), "{said}");
    assert!(took < whole / 3, "stopping took {took:?}, all of it {whole:?}");
    assert!(said.contains("asked to stop: stopping after the current step or tile"), "{said}");
    assert!(said.contains("interrupted: 1 of 2 images segmented"), "{said}");
    let files = |output: &str| ["a_small", "b_large"].map(|case| WORKPLACE.join(output).join(format!("{case}.nii.gz")));
    let [small, large] = files("many_stopped");
    assert!(!large.exists());
    let changed = fs::metadata(&small).unwrap().modified().unwrap();

    let said = succeed(&mut predict("ct", "many", "many_stopped"));
    assert!(said.contains("kept 1 of 2 images: these networks have segmented them before"), "{said}");
    assert_eq!(fs::metadata(&small).unwrap().modified().unwrap(), changed, "it was not computed again");
    for (one, other) in files("many_whole").iter().zip(&files("many_stopped")) {
        assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "`{}`", other.display());
    }
    let whole = fs::read_dir(WORKPLACE.join("many_stopped")).unwrap().map(|entry| entry.unwrap().file_name());
    let shown: Vec<_> = whole.filter(|name| !name.to_string_lossy().starts_with('.')).collect();
    assert_eq!(shown.len(), 3, "nothing but label maps and their record is left: {shown:?}");
}

#[test]
fn sigusr1_stops_a_run_in_training_and_between_the_tiles_of_validation_cases() {
    // A stride of one voxel in the plane: hundreds of tiles per case.
    let set = |name: &'static str| {
        let mut command = train(
            &WORKPLACE,
            name,
            &[
                "run.configurations=[\"3d_fullres\"]",
                "run.folds=[0]",
                "predict.tile_step_fraction=0.07",
                "train.max_epochs=1",
            ],
        );
        command.args(["--until", "predict"]);
        command
    };
    let validation = WORKPLACE.join("runs/usr1/3d_fullres/seed_12345/fold_0/validation");
    let (said, code, _) = stopped(&mut set("usr1"), "predicting validation cases", "-USR1");
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("SIGUSR1: stopping after the current step or tile"), "{said}");
    assert!(said.contains("interrupted; progress is saved"), "{said}");
    let count = |folder: &Path| fs::read_dir(folder).map_or(0, Iterator::count);
    assert_eq!(count(&validation), 0, "it stopped between the tiles of the first case");
    succeed(&mut set("usr1"));
    succeed(&mut set("whole"));
    assert_eq!(count(&validation), 2);
    for entry in fs::read_dir(&validation).unwrap() {
        let path = entry.unwrap().path();
        let whole =
            WORKPLACE.join("runs/whole/3d_fullres/seed_12345/fold_0/validation").join(path.file_name().unwrap());
        assert!(fs::read(&path).unwrap() == fs::read(whole).unwrap(), "`{}`", path.display());
    }

    // While it trains, too.
    let mut long =
        train(&WORKPLACE, "long", &["run.configurations=[\"3d_fullres\"]", "run.folds=[0]", "train.max_epochs=500"]);
    let (said, code, _) = stopped(&mut long, "epoch 1/", "-USR1");
    assert_eq!(code, Some(4), "{said}");
}
