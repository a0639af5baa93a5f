//! `segplan plan` from outside: refusals, messages, plans and printed commands, compared with `segplan run`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ndarray::{Array3, Array4};
use segplan::volume::io::{write_image, write_labels};
use segplan::volume::{Geometry, Image, Shape, Spacing};

const SHAPE: [usize; 3] = [12, 16, 14];

/// One case, as it is made.
#[derive(Clone, Copy)]
struct Case {
    shape: [usize; 3],
    spacing: [f64; 3],
    /// Value of a voxel from its position along x, and whether it is foreground.
    value: fn(usize, bool) -> f32,
    foreground: bool,
    /// Scale of the affine relative to the spacing.
    affine: f32,
}

const SOUND: Case = Case {
    shape: SHAPE,
    spacing: [1.0; 3],
    value: |x, inside| x as f32 + if inside { 40.0 } else { 0.0 },
    foreground: true,
    affine: 1.0,
};

fn write_case(folder: &Path, name: &str, case: Case) {
    let Case { shape, spacing, value, foreground, affine } = case;
    let mut geometry = Geometry::axis_aligned(Shape(shape), Spacing(spacing), [0.0; 3]);
    geometry.affine[0][0] *= f64::from(affine);
    let center = shape.map(|edge| edge / 2);
    let labels = Array3::from_shape_fn(shape, |(z, y, x)| {
        let near = [z, y, x].iter().zip(center).all(|(place, center)| place.abs_diff(center) < 3);
        i16::from(foreground && near)
    });
    let voxels =
        Array4::from_shape_fn((1, shape[0], shape[1], shape[2]), |(_, z, y, x)| value(x, labels[[z, y, x]] > 0));
    write_labels(&folder.join("labelsTr").join(format!("{name}.nii.gz")), labels.view(), &geometry).unwrap();
    write_image(&folder.join("imagesTr").join(format!("{name}_0000.nii.gz")), &Image { voxels, geometry }).unwrap();
}

/// An nnU-Net v2 folder of these cases.
fn data_set(folder: &Path, channel: &str, labels: &[&str], cases: &[(&str, Case)]) {
    for (name, case) in cases {
        write_case(folder, name, *case);
    }
    let classes: Vec<String> = labels.iter().enumerate().map(|(at, name)| format!("\"{name}\": {}", at + 1)).collect();
    let text = format!(
        r#"{{"channel_names": {{"0": "{channel}"}}, "labels": {{"background": 0, {}}}, "numTraining": {}, "file_ending": ".nii.gz"}}"#,
        classes.join(", "),
        cases.len()
    );
    fs::write(folder.join("dataset.json"), text).unwrap();
}

fn sound(folder: &Path, names: &[&str]) {
    let cases: Vec<(&str, Case)> = names.iter().map(|&name| (name, SOUND)).collect();
    data_set(folder, "MRI", &["organ"], &cases);
}

const SIX: [&str; 6] = ["a1", "b2", "c3", "d4", "e5", "f6"];

fn segplan(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segplan"));
    command.current_dir(folder).env("NO_COLOR", "1").args(arguments).output().unwrap()
}

/// The text on standard error, with broken lines joined.
fn message(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    text.replace(['│', '|'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

fn planned(folder: &Path, arguments: &[&str]) -> String {
    let output = segplan(folder, &[&["plan"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", message(&output));
    message(&output)
}

/// The command that is printed last.
fn next_command(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    text.lines().last().unwrap().trim().to_owned()
}

/// Runs a printed command up to the fingerprint, as a user pastes it into a shell in some folder.
fn paste(folder: &Path, command: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_segplan")).parent().unwrap().display().to_string();
    let path = format!("{program}:{}", option_env!("PATH").unwrap_or("/usr/bin:/bin"));
    let command = format!("{command} --until fingerprint");
    Command::new("sh").current_dir(folder).env("PATH", path).args(["-c", &command]).output().unwrap()
}

/// Name and channel of a data set, its cases, and exit code and text of its refusal.
type Set = (&'static str, &'static str, Vec<(&'static str, Case)>, Option<(i32, &'static str)>);

#[test]
fn a_plan_that_is_written_is_one_that_run_takes() {
    let nan = Case { value: |x, inside| if inside { f32::NAN } else { x as f32 }, ..SOUND };
    let huge = Case { value: |x, inside| if inside { f32::MAX } else { x as f32 }, ..SOUND };
    let empty = Case { foreground: false, ..SOUND };
    let point = Case { shape: [1, 1, 1], foreground: false, ..SOUND };
    let dot = Case { shape: [1, 1, 1], ..SOUND };
    let slice = Case { shape: [1, 16, 14], ..SOUND };
    let flat = Case { value: |_, _| 7.0, ..SOUND };
    let fine = Case { spacing: [1e-3; 3], ..SOUND };
    let all = |case: Case| SIX.map(|name| (name, case)).to_vec();
    let one_of = |case: Case| {
        let mut cases = all(SOUND);
        cases[2].1 = case;
        cases
    };
    // Name, channel, cases; the text that a refusal must contain, or `None` if the data set is accepted.
    let sets: Vec<Set> = vec![
        ("sound", "MRI", all(SOUND), None),
        ("sound ct", "CT", all(SOUND), None),
        ("one", "MRI", vec![("a1", SOUND)], Some((2, "a single training case, `a1`"))),
        ("two", "MRI", vec![("a1", SOUND), ("b2", SOUND)], None),
        ("nan in one", "MRI", one_of(nan), Some((3, "c3"))),
        ("nan in all, ct", "CT", all(nan), Some((3, "a1"))),
        ("huge", "CT", all(huge), None),
        ("no foreground", "MRI", all(empty), Some((3, "has no foreground"))),
        ("no foreground, ct", "CT", all(empty), Some((3, "has no foreground"))),
        ("no foreground in one", "CT", one_of(empty), None),
        ("points", "MRI", all(point), Some((3, "has no foreground"))),
        ("dots", "CT", all(dot), Some((3, "is a single voxel"))),
        ("slices", "MRI", all(slice), None),
        ("constant", "CT", all(flat), None),
        ("fine", "MRI", all(fine), None),
    ];
    let (mut refused, mut taken) = (0, 0);
    for (name, channel, cases, refusal) in sets {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        data_set(&at.join("data").join(name), channel, &["organ"], &cases);
        let output = segplan(at, &["plan", &format!("data/{name}"), "-o", "written/plan.toml"]);
        let text = message(&output);
        assert!(!text.contains("NaN") || refusal.is_some(), "{name}: {text}");
        if let Some((code, reason)) = refusal {
            assert_eq!(output.status.code(), Some(code), "{name}: {text}");
            assert!(
                text.contains(reason) && !text.contains(".toml"),
                "{name}: shown of the data, not of a plan: {text}"
            );
            assert!(!at.join("written/plan.toml").exists(), "{name}: nothing is written");
            refused += 1;
            continue;
        }
        assert_eq!(output.status.code(), Some(0), "{name}: {text}");
        assert!(!fs::read_to_string(at.join("written/plan.toml")).unwrap().contains("nan"), "{name}");
        let run = paste(at, &next_command(&output));
        assert_eq!(run.status.code(), Some(0), "{name}: {}", message(&run));
        taken += 1;
    }
    assert!(refused > 4 && taken > 6);
}

#[test]
fn the_printed_command_runs_from_any_folder_whatever_names_hold() {
    // Folder of the data set, and the plan's file; relative to the folder where `plan` is called.
    let places = [
        ("data/Hearts", "hearts.toml", false),
        ("data/Hearts", "experiments/hearts.toml", false),
        ("Hearts", "hearts.toml", false),
        ("elsewhere/deep/Hearts", "hearts.toml", true),
        ("data/my hearts & lungs (2)", "plans with spaces/it's a \"plan\".toml", false),
        ("großer Ordner/Herzen; $HOME `ls`", "grün.toml", true),
        ("../outside/it's 'quoted'", "-o.toml", true),
    ];
    for (data, plan, set) in places {
        let folder = tempfile::tempdir().unwrap();
        let (here, other) = (folder.path().join("here"), folder.path().join("other"));
        fs::create_dir_all(&here).unwrap();
        fs::create_dir_all(&other).unwrap();
        sound(&here.join(data), &SIX);
        let file = format!("--output={plan}");
        let output = segplan(&here, &["plan", data, &file]);
        assert_eq!(output.status.code(), Some(0), "{data}: {}", message(&output));
        let command = next_command(&output);
        assert_eq!(command.contains("runtime.data"), set, "{command}");
        for from in [&other, &here] {
            let run = paste(from, &command);
            assert_eq!(run.status.code(), Some(0), "{command}: {}", message(&run));
            assert!(message(&run).contains("the data set matches the plan"), "{command}: {}", message(&run));
        }
    }
}

#[test]
fn a_plan_does_not_take_another_data_set_of_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    sound(&at.join("data/Hearts"), &["x1", "x2"]);
    sound(&at.join("store/Hearts"), &SIX);
    let output = segplan(at, &["plan", "store/Hearts", "-o", "hearts.toml"]);
    let run = paste(at, &next_command(&output));
    assert_eq!(run.status.code(), Some(0), "{}", message(&run));
    assert!(message(&run).contains("the data set matches the plan"), "{}", message(&run));
}

#[test]
fn an_experiment_has_a_name_that_a_folder_can_have() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    sound(&at.join("data/My Hearts & Lungs"), &SIX);
    let text = planned(at, &["data/My Hearts & Lungs", "-o", "plan.toml"]);
    assert!(text.contains("the name of the experiment is `my-hearts-lungs`"), "{text}");
    assert!(fs::read_to_string(at.join("plan.toml")).unwrap().contains("\nname = \"my-hearts-lungs\"\n"));
    let refused = segplan(at, &["plan", "data/My Hearts & Lungs", "--name", "a b", "-o", "other.toml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        message(&refused).contains("such as `--name a-b`") && !message(&refused).contains("computing fingerprint"),
        "{}",
        message(&refused)
    );
}

#[test]
fn unwritable_outputs_are_refused_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    sound(&at.join("data/Hearts"), &SIX);
    fs::write(at.join("file"), "mine").unwrap();
    for (output, named) in [("file/plan.toml", "`file"), ("data", "data` is a folder")] {
        let refused = segplan(at, &["plan", "data/Hearts", "-o", output, "--overwrite"]);
        assert!(matches!(refused.status.code(), Some(1 | 2)), "{}", message(&refused));
        assert!(
            message(&refused).contains(named) && !message(&refused).contains("computing fingerprint"),
            "{}",
            message(&refused)
        );
    }
    assert_eq!(fs::read_to_string(at.join("file")).unwrap(), "mine");
}

#[test]
fn an_excluded_case_is_never_read_and_always_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let data = at.join("data/Hearts");
    sound(&data, &["one-a", "one-b", "one-c", "one-d", "one-e", "one-f"]);
    for broken in ["imagesTr/one-c_0000.nii.gz", "labelsTr/one-e.nii.gz"] {
        fs::write(data.join(broken), "no image").unwrap();
    }
    let refused = segplan(at, &["plan", "data/Hearts", "-o", "plan.toml"]);
    let text = message(&refused);
    assert_eq!(refused.status.code(), Some(3), "{text}");
    assert!(
        text.contains("one-c") && text.contains("--exclude one-c --exclude one-e"),
        "all faulty cases, and the way on: {text}"
    );
    let text = planned(at, &["data/Hearts", "--exclude", "one-c", "--exclude", "one-e", "-o", "plan.toml"]);
    assert!(!text.contains("one-c"), "{text}");
    let plan = fs::read_to_string(at.join("plan.toml")).unwrap();
    assert!(plan.contains("\nexclude = [\"one-c\", \"one-e\"]\n") && plan.contains("\ncases = 4\n"), "{plan}");

    let small = [
        "--set",
        "configurations.3d_fullres.features_per_stage=[4, 8]",
        "--set",
        "configurations.3d_fullres.pool_depths=[1, 1, 1]",
    ];
    let train = [
        "--set",
        "train.max_epochs=1",
        "--set",
        "train.batches_per_epoch=1",
        "--set",
        "train.validation_batches_per_epoch=1",
    ];
    let only = ["--set", "run.configurations=[\"3d_fullres\"]", "--set", "run.folds=[0]"];
    let run = segplan(at, &[&["run", "plan.toml"][..], &small, &train, &only].concat());
    assert_eq!(run.status.code(), Some(0), "{}", message(&run));
    let record = at.join("runs/hearts");
    let read = |name: &str| fs::read_to_string(record.join(name)).unwrap();
    for file in ["splits_final.json", "fingerprint.json", "data.json"] {
        assert!(
            read(file).contains("one-d") && !read(file).contains("one-c") && !read(file).contains("one-e"),
            "{file}"
        );
    }
    assert!(read("manifest.json").contains("\"excluded\""), "{}", read("manifest.json"));
    let report = segplan(at, &["report", "plan.toml", "--without-images"]);
    assert_eq!(report.status.code(), Some(0), "{}", message(&report));
    let methods = fs::read_to_string(at.join("reports/hearts/methods.md")).unwrap();
    assert!(methods.contains("after the exclusion of 2 cases (one-c, one-e)"), "{methods}");
    let page = fs::read_to_string(at.join("reports/hearts/report.md")).unwrap();
    assert!(page.contains("excludes 2 training cases of the data set: one-c, one-e"), "{page}");

    let updated = segplan(at, &["plan", "--update", "plan.toml"]);
    assert_eq!((updated.status.code(), updated.stdout.len()), (Some(0), 0), "{}", message(&updated));
    // Another choice of cases is another experiment.
    let other = segplan(at, &["run", "plan.toml", "--set", "data.exclude=[\"one-c\", \"one-e\", \"one-a\"]"]);
    assert_eq!(other.status.code(), Some(2), "{}", message(&other));
    assert!(message(&other).contains("data.exclude"), "{}", message(&other));
}

#[test]
fn an_unknown_case_is_not_left_out_silently() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    sound(&at.join("data/Hearts"), &["patient_1", "patient_2", "patient_3"]);
    let refused = segplan(at, &["plan", "data/Hearts", "--exclude", "patient-2"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(message(&refused).contains("did you mean `patient_2`?"), "{}", message(&refused));
    planned(at, &["data/Hearts", "-o", "plan.toml"]);
    let refused = segplan(at, &["run", "plan.toml", "--set", "data.exclude=[\"patient-2\"]"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(message(&refused).contains("did you mean `patient_2`?"), "{}", message(&refused));
    let twice = segplan(at, &["run", "plan.toml", "--set", "data.exclude=[\"patient_2\", \"patient_2\"]"]);
    assert!(message(&twice).contains("contains `patient_2` twice"), "{}", message(&twice));
}

#[test]
fn any_key_is_set_at_planning_and_checked_before_measuring() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    sound(&at.join("data/Hearts"), &["p1_ED", "p1_ES", "p2_ED", "p2_ES", "p3_ED", "p3_ES"]);
    let group = "split.patient_pattern=^(.+)_E[DS]$";
    let text = planned(
        at,
        &["data/Hearts", "-o", "plan.toml", "--set", group, "--set", "split.folds=3", "--set", "train.max_epochs=7"],
    );
    assert!(!text.contains("differ only in their suffix"), "it is set already: {text}");
    let run = segplan(at, &["run", "plan.toml", "--until", "fingerprint"]);
    assert_eq!(run.status.code(), Some(0), "{}", message(&run));
    let splits: Vec<serde_json::Value> =
        serde_json::from_str(&fs::read_to_string(at.join("runs/hearts/splits_final.json")).unwrap()).unwrap();
    for split in &splits {
        let held_out: Vec<&str> = split["val"].as_array().unwrap().iter().map(|case| case.as_str().unwrap()).collect();
        assert!(held_out.len() == 2 && held_out[0][..2] == held_out[1][..2], "{splits:?}");
    }
    for (pair, expected) in [
        ("train.lerning_rate=1", "did you mean `learning_rate`?"),
        ("split.patient_pattern=(", "not a regular expression"),
        ("rules.cascade_treshold=2", "did you mean `cascade_threshold`?"),
        ("train.batches_per_epoch=many", "`train.batches_per_epoch` is `\"many\"`"),
    ] {
        let refused = segplan(at, &["plan", "data/Hearts", "--set", pair]);
        let text = message(&refused);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0), "{pair}: {text}");
        assert!(text.contains(expected) && !text.contains("computing fingerprint"), "{pair}: {text}");
    }
    // Mistakes that only the data set reveals.
    for (pairs, expected) in [
        (["split.patient_pattern=^(.+)_ED$", "split.folds=3"], "finds no patient in the name of the case `p1_ES`"),
        ([group, "split.folds=4"], "3 patients cannot be split into 4 folds"),
    ] {
        let refused = segplan(at, &["plan", "data/Hearts", "--set", pairs[0], "--set", pairs[1], "-o", "refused.toml"]);
        assert_eq!(refused.status.code(), Some(2), "{}", message(&refused));
        assert!(message(&refused).contains(expected) && !at.join("refused.toml").exists(), "{}", message(&refused));
    }
}

#[test]
fn cases_that_may_be_of_one_patient_bring_a_hint_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    sound(&at.join("data/Hearts"), &["p1_ED", "p1_ES", "p2_ED", "p2_ES", "p3_ED", "p3_ES"]);
    let text = planned(at, &["data/Hearts", "-o", "plan.toml"]);
    let group = text.split("set `split.patient_pattern = ").nth(1).unwrap().split('`').next().unwrap();
    assert!(text.contains("6 cases of 3 patients"), "{text}");
    let set = format!("split.patient_pattern={group}");
    planned(at, &["data/Hearts", "-o", "grouped.toml", "--set", &set, "--set", "split.folds=3"]);

    sound(&at.join("data/Numbers"), &["hippocampus_001", "hippocampus_002", "hippocampus_003", "hippocampus_004"]);
    let text = planned(at, &["data/Numbers", "-o", "numbers.toml"]);
    assert!(!text.contains("note:"), "{text}");
}

/// The names of the cardiac set: each patient once, with its phase and vendor.
#[test]
#[ignore = "needs Dataset112_MnMs_shortaxis in the folder $SEGPLAN_TEST_DATA; run with `-- --ignored`"]
#[expect(clippy::disallowed_methods, reason = "a plan does not read this variable")]
fn real_names_of_one_case_per_patient_give_no_suggestion() {
    let data =
        std::env::var_os("SEGPLAN_TEST_DATA").expect("SEGPLAN_TEST_DATA is a folder with Dataset112_MnMs_shortaxis");
    let real = Path::new(&data).join("Dataset112_MnMs_shortaxis");
    let folder = tempfile::tempdir().unwrap();
    let text = planned(folder.path(), &[real.to_str().unwrap(), "-o", "mnms.toml"]);
    assert!(!text.contains("split.patient_pattern"), "{text}");
    assert!(text.contains("below the smallest edge of the median voxel, 1.25 mm"), "{text}");
    assert!(text.contains("evaluate.surface_tolerance_mm=1.3"), "{text}");
}

#[test]
fn unusual_data_sets_are_planned_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let scaled = Case { affine: 2.0, ..SOUND };
    let cases = [
        ("a1", SOUND),
        ("b2", Case { value: |_, _| 7.0, ..SOUND }),
        ("c3", Case { value: |_, _| 0.0, ..SOUND }),
        ("d4", scaled),
        ("e5", SOUND),
        ("f6", Case { affine: -1.0, ..SOUND }),
    ];
    data_set(&at.join("data/Odd"), "noNorm", &["organ", "never"], &cases);
    let text = planned(at, &["data/Odd", "-o", "plan.toml"]);
    for expected in [
        "note: the axes of the images have different orientations: 5 cases RAS, 1 LAS",
        "note: no training case has a voxel of label 2 (never)",
        "note: channel 0 (noNorm) is zero everywhere in 1 case: c3",
        "note: channel 0 (noNorm) is constant in 1 case: b2",
        "note: in the headers of 1 case, the scale of the affine differs from the spacing",
        "in `d4` it is 1.0000 × 1.0000 × 2.0000",
        "note: the name of channel 0 is `noNorm`: its intensities are not normalised",
    ] {
        assert!(text.contains(expected), "`{expected}` is not in {text}");
    }
    assert!(fs::read_to_string(at.join("plan.toml")).unwrap().contains("\nnormalization_scheme = [\"none\"]\n"));
    sound(&at.join("data/Sound"), &SIX);
    assert!(!planned(at, &["data/Sound", "-o", "sound.toml"]).contains("note:"));
}

#[test]
fn a_tolerance_below_the_voxel_is_warned_of_by_plan_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let coarse = Case { spacing: [3.3, 5.47, 5.47], ..SOUND };
    data_set(&at.join("data/Pet"), "PET", &["tumour"], &SIX.map(|name| (name, coarse)));
    let text = planned(at, &["data/Pet", "-o", "pet.toml"]);
    let warning = "the surface tolerance, 1 mm, is below the smallest edge of the median voxel, 3.3 mm";
    assert!(text.contains(warning) && text.contains("evaluate.surface_tolerance_mm=3.3"), "{text}");
    let run = segplan(at, &["run", "pet.toml", "--until", "fingerprint"]);
    assert!(run.status.success() && message(&run).contains(warning), "{}", message(&run));
    let text = planned(at, &["data/Pet", "-o", "set.toml", "--set", "evaluate.surface_tolerance_mm=3.3"]);
    assert!(!text.contains("tolerance"), "{text}");
}

#[test]
fn a_single_folder_is_taken_for_a_list_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    sound(&at.join("my store/Hearts"), &SIX);
    planned(at, &["my store/Hearts", "-o", "plan.toml"]);
    let set = segplan(at, &["run", "plan.toml", "--until", "fingerprint", "--set", "runtime.data=my store"]);
    assert_eq!(set.status.code(), Some(0), "{}", message(&set));
    let text = fs::read_to_string(at.join("plan.toml")).unwrap();
    fs::write(at.join("plan.toml"), format!("{text}\n[runtime]\ndata = \"my store\"\n")).unwrap();
    let file = segplan(at, &["run", "plan.toml", "--until", "fingerprint"]);
    assert_eq!(file.status.code(), Some(0), "{}", message(&file));
    let wrong = segplan(at, &["run", "plan.toml", "--set", "runtime.data=3"]);
    assert!(message(&wrong).contains("expected a folder in quotes, or a list of folders"), "{}", message(&wrong));
}

#[test]
fn the_memory_that_was_fitted_is_the_memory_that_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let large = Case { shape: [60, 90, 90], ..SOUND };
    data_set(&at.join("data/Large"), "MRI", &["organ"], &SIX.map(|name| (name, large)));
    let text = planned(at, &["data/Large", "--memory-gib", "2", "-o", "plan.toml"]);
    let fitted: Vec<f64> = text
        .split("about ")
        .skip(1)
        .map(|rest| {
            let memory = rest.split(" to train on a GPU (`--memory-gib 2`)").next().unwrap();
            let (number, unit) = memory.split_once(' ').unwrap();
            number.parse::<f64>().unwrap() / if unit == "GiB" { 1.0 } else { 1024.0 }
        })
        .collect();
    assert!(fitted.len() == 2 && fitted.iter().all(|gib| *gib <= 2.0) && fitted.iter().any(|gib| *gib > 1.0), "{text}");
    let text = planned(at, &["data/Large", "-o", "own.toml"]);
    assert!(text.contains("to train on `cpu`"), "{text}");
}

#[test]
fn a_fault_is_reported_once_with_correct_plurals() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let made = segplan(at, &["phantom", "data/One", "--cases", "1"]);
    assert!(message(&made).contains("1 case in"), "{}", message(&made));
    sound(&at.join("data/Hearts"), &SIX);
    planned(at, &["data/Hearts", "-o", "plan.toml"]);
    let refused = segplan(at, &["run", "plan.toml", "--set", "train.schedule.factor=3"]);
    assert_eq!(message(&refused).matches("`train.schedule.factor` is `3`").count(), 1, "{}", message(&refused));
    assert!(!message(&refused).contains("1 error") && !message(&refused).contains("Error:"), "{}", message(&refused));
    let two =
        segplan(at, &["run", "plan.toml", "--set", "train.schedule.factor=3", "--set", "train.batches_per_epoch=0"]);
    assert!(message(&two).contains("the plan has 2 errors"), "{}", message(&two));
}

#[test]
fn a_link_to_a_data_set_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, here) = (folder.path().join("store"), folder.path().join("here"));
    sound(&store.join("Hearts"), &SIX);
    fs::create_dir_all(&here).unwrap();
    std::os::unix::fs::symlink(store.join("Hearts"), here.join("Alias")).unwrap();
    let output = segplan(&here, &["plan", "Alias", "-o", "plan.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", message(&output));
    let run = paste(&here, &next_command(&output));
    assert_eq!(run.status.code(), Some(0), "{}", message(&run));
}
