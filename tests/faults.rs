//! Random small data sets with one random fault: no verb may use the faulty file and exit with 0, and none may panic.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

#[path = "faults/kinds.rs"]
mod kinds;
#[path = "faults/nifti.rs"]
mod nifti;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use kinds::{At, KINDS, Kind, Random};
use nifti::Nifti;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// A small data set in either layout.
struct Data {
    root: tempfile::TempDir,
    images: Vec<PathBuf>,
    labels: Vec<PathBuf>,
    ids: Vec<String>,
}

impl Data {
    /// Cases of a bright box that contains a brighter box.
    fn new(random: &mut Random) -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("data/Set");
        let (raw, ending) = (random.below(2) == 0, if random.below(2) == 0 { ".nii.gz" } else { ".nii" });
        let cases = 3 + random.below(3);
        let mut data = Self { root, images: Vec::new(), labels: Vec::new(), ids: Vec::new() };
        let mut listed = Vec::new();
        for number in 0..cases {
            let id = format!("case_{number}");
            let suffix = if raw { "_0000" } else { "" };
            let image = folder.join(format!("imagesTr/{id}{suffix}{ending}"));
            let label = folder.join(format!("labelsTr/{id}{ending}"));
            let sizes = [12 + random.below(6), 12 + random.below(6), 12 + random.below(4)];
            let spacing = [1.0, 1.0, 1.0 + random.unit()];
            let (values, classes) = boxes(sizes, random);
            Nifti::of(sizes, spacing, &values).write(&image);
            Nifti::of(sizes, spacing, &classes).write(&label);
            listed.push(format!(r#"{{"image": "./imagesTr/{id}{ending}", "label": "./labelsTr/{id}{ending}"}}"#));
            data.images.push(image);
            data.labels.push(label);
            data.ids.push(id);
        }
        let description = if raw {
            format!(
                r#"{{"channel_names": {{"0": "MRI"}}, "labels": {{"background": 0, "a": 1, "b": 2}}, "file_ending": "{ending}"}}"#
            )
        } else {
            let labels = r#""modality": {"0": "MRI"}, "labels": {"0": "background", "1": "a", "2": "b"}"#;
            format!(r#"{{{labels}, "training": [{}]}}"#, listed.join(", "))
        };
        fs::write(data.description(), description).unwrap();
        data
    }

    fn folder(&self) -> PathBuf {
        self.root.path().join("data/Set")
    }

    fn description(&self) -> PathBuf {
        self.folder().join("dataset.json")
    }

    fn segplan(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_segplan"))
            .current_dir(self.root.path())
            .env("NO_COLOR", "1")
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Plans the intact data set with small networks.
    fn plan(&self) {
        let output = self.segplan(&["plan", "data/Set", "-o", "set.toml", "--set", "rules.base_features=4"]);
        assert!(output.status.success(), "{}", output_text(&output));
    }
}

/// Intensities and labels of a box that contains a smaller one; x varies fastest.
fn boxes([nx, ny, nz]: [usize; 3], random: &mut Random) -> (Vec<f32>, Vec<f32>) {
    let (mut values, mut classes) = (Vec::new(), Vec::new());
    for z in 0..nz {
        for y in 0..ny {
            for x in 0..nx {
                let inside = |margin: usize| {
                    let within = |at: usize, size: usize| (margin..size - margin).contains(&at);
                    within(x, nx) && within(y, ny) && within(z, nz)
                };
                let class = u8::from(inside(3)) + u8::from(inside(5));
                values.push(1.0 + f32::from(class) + 0.1 * random.unit());
                classes.push(f32::from(class));
            }
        }
    }
    (values, classes)
}

fn output_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Checks that a verb refused: exit code 2 or 3, and neither a panic nor a signal.
fn refuses(output: &Output, what: &str) -> Result<(), TestCaseError> {
    let text = output_text(output);
    prop_assert!(!text.contains("panicked"), "{what} panics: {text}");
    prop_assert!(matches!(output.status.code(), Some(2 | 3)), "{what}: {}\n{text}", output.status);
    Ok(())
}

/// A run of one tiny network, trained for one step.
static TRAINED: LazyLock<Data> = LazyLock::new(|| {
    let data = Data::new(&mut Random(3));
    data.plan();
    let mut arguments =
        vec!["run", "set.toml", "--fold", "0", "--configuration", "3d_fullres", "--set", "name=trained"];
    for value in [
        "train.max_epochs=1",
        "train.batches_per_epoch=1",
        "train.validation_batches_per_epoch=1",
        "configurations.3d_fullres.batch_size=1",
    ] {
        arguments.extend(["--set", value]);
    }
    let output = data.segplan(&arguments);
    assert!(output.status.success(), "{}", output_text(&output));
    data
});

/// Breaks one random file of a data set, and returns the case.
fn break_one(data: &Data, files: &[PathBuf], originals: &[Nifti], kind: &Kind, random: &mut Random) -> usize {
    let case = random.below(data.ids.len());
    let count = data.ids.len();
    let chosen: Vec<usize> = match kind.at {
        At::Image => vec![case],
        At::Label => vec![count + case],
        At::Either => vec![case + count * random.below(2)],
        At::Both => vec![case, count + case],
        At::Description => {
            (kind.apply)(&data.description(), &mut originals[0].clone(), random);
            return case;
        }
    };
    let seed = random.next();
    for file in chosen {
        (kind.apply)(&files[file], &mut originals[file].clone(), &mut Random(seed));
    }
    case
}

/// The intact files, read by the layout of their writer.
fn originals(files: &[PathBuf]) -> Vec<Nifti> {
    files.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Nifti {
    use std::io::Read as _;
    let raw = fs::read(path).unwrap();
    let mut bytes = Vec::new();
    if raw.starts_with(&[0x1f, 0x8b]) {
        flate2::read::GzDecoder::new(&raw[..]).read_to_end(&mut bytes).unwrap();
    } else {
        bytes = raw;
    }
    let integer = |at: usize| i16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let number = |at: usize| f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let mut sform = [[0.0; 4]; 3];
    for (index, value) in sform.as_flattened_mut().iter_mut().enumerate() {
        *value = number(280 + 4 * index);
    }
    Nifti {
        sizes: [42, 44, 46].map(integer).to_vec(),
        data_type: (integer(70), integer(72)),
        pixdim: [80, 84, 88].map(number),
        sform,
        unit: bytes[123],
        voxels: bytes[352..].to_vec(),
    }
}

fn all_verbs_refuse_the_file(kind: &Kind, seed: u64) -> Result<(), TestCaseError> {
    let random = &mut Random(seed);
    let data = Data::new(random);
    data.plan();
    let files: Vec<PathBuf> = data.images.iter().chain(&data.labels).cloned().collect();
    let case = break_one(&data, &files, &originals(&files), kind, random);
    let id = data.ids[case].as_str();

    // A spacing is wrong only compared with a plan or with the other cases.
    if kind.at != At::Both {
        refuses(&data.segplan(&["verify", "data/Set"]), "verify")?;
    }
    refuses(&data.segplan(&["plan", "data/Set", "-o", "again.toml"]), "plan")?;
    prop_assert!(!data.root.path().join("again.toml").exists(), "plan writes a plan of a faulty data set");
    refuses(&data.segplan(&["run", "set.toml", "--until", "preprocess"]), "run")?;
    refuses(&data.segplan(&["augment", "set.toml", "--case", id, "-n", "1", "-o", "sheets"]), "augment")?;
    let bench = ["bench", "set.toml", "--repetitions", "1", "--configuration", "3d_fullres"];
    refuses(&data.segplan(&bench), "bench")?;

    if kind.at == At::Label || (kind.at == At::Either && !sound(&data.labels[case])) {
        evaluate_refuses(&data, kind, case)?;
    }
    if kind.at != At::Label && kind.at != At::Description {
        predict_skips_it(kind, seed)?;
    }
    Ok(())
}

/// Whether a file exists and is not empty.
fn sound(path: &Path) -> bool {
    path.is_file() && fs::metadata(path).unwrap().len() > 0
}

/// Scores the broken label map of a data set against a sound one, in either role.
fn evaluate_refuses(data: &Data, kind: &Kind, case: usize) -> Result<(), TestCaseError> {
    let name = data.labels[case].file_name().unwrap();
    let other = data.root.path().join("other");
    fs::create_dir_all(&other).unwrap();
    let twin = (0..data.labels.len()).find(|&at| at != case).unwrap();
    fs::copy(&data.labels[twin], other.join(name)).unwrap();
    let broken = data.root.path().join("broken");
    fs::create_dir_all(&broken).unwrap();
    if data.labels[case].is_file() {
        fs::copy(&data.labels[case], broken.join(name)).unwrap();
    }
    let folders = [other.to_str().unwrap(), broken.to_str().unwrap()];
    for [reference, prediction] in [folders, [folders[1], folders[0]]] {
        let output = data.segplan(&["evaluate", "--reference", reference, "--prediction", prediction]);
        let text = output_text(&output);
        prop_assert!(!text.contains("panicked"), "{text}");
        // Without a description any positive integer is a class; the grid of another case is a fault by itself.
        prop_assert!(!output.status.success(), "evaluate, {}: {text}", kind.name);
    }
    Ok(())
}

/// Predicts an intact and a faulty image: the first is segmented, the second is named and skipped.
fn predict_skips_it(kind: &Kind, seed: u64) -> Result<(), TestCaseError> {
    let trained = &*TRAINED;
    let random = &mut Random(seed);
    let work = tempfile::tempdir().unwrap();
    let (input, output) = (work.path().join("input"), work.path().join("output"));
    fs::create_dir(&input).unwrap();
    let original = read(&trained.images[0]);
    original.write(&input.join("sound.nii.gz"));
    let broken = input.join("broken.nii.gz");
    original.write(&broken);
    (kind.apply)(&broken, &mut original.clone(), random);
    // A mismatch between image and label map is not a fault of the image by itself.
    let alone = [
        "one slice less",
        "moved by 3 mm",
        "an axis points the other way",
        "another spacing",
        "metres in place of millimetres",
    ];
    if alone.contains(&kind.name) || !broken.exists() {
        return Ok(());
    }
    let done = trained.segplan(&[
        "predict",
        "--run",
        "runs/trained",
        "--input",
        input.to_str().unwrap(),
        "--output",
        output.to_str().unwrap(),
    ]);
    let text = output_text(&done);
    prop_assert!(!text.contains("panicked"), "{text}");
    prop_assert!(output.join("sound.nii.gz").is_file(), "the sound image is segmented: {text}");
    prop_assert!(!output.join("broken.nii.gz").exists(), "the broken one is not: {text}");
    prop_assert!(text.contains("broken"), "the broken one is named: {text}");
    if !broken.is_dir() {
        prop_assert_eq!(done.status.code(), Some(3), "{}", text);
    }
    Ok(())
}

#[test]
fn no_verb_accepts_a_faulty_file_or_panics() {
    assert!(KINDS.len() >= 25, "{} kinds of faults", KINDS.len());
    // Each kind once, then random kinds.
    let mut failed = Vec::new();
    for (at, kind) in KINDS.iter().enumerate() {
        if let Err(error) = all_verbs_refuse_the_file(kind, 1000 + at as u64) {
            failed.push(format!("{}, seed {}: {error}", kind.name, 1000 + at));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
    let config =
        ProptestConfig { cases: 24, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() };
    let strategy = (0..KINDS.len(), any::<u64>());
    let outcome = TestRunner::new(config).run(&strategy, |(at, seed)| {
        all_verbs_refuse_the_file(&KINDS[at], seed)
            .map_err(|error| TestCaseError::fail(format!("{}: {error}", KINDS[at].name)))
    });
    outcome.unwrap();
}

#[test]
fn an_invalid_tolerance_is_refused() {
    let data = Data::new(&mut Random(5));
    for tolerance in ["nan", "-1", "inf", "wide"] {
        let labels = data.folder().join("labelsTr");
        let folder = labels.to_str().unwrap();
        let output = data.segplan(&[
            "evaluate",
            "--reference",
            folder,
            "--prediction",
            folder,
            &format!("--tolerance={tolerance}"),
        ]);
        assert_eq!(output.status.code(), Some(2), "{tolerance}: {}", output_text(&output));
    }
}

#[test]
fn the_file_ending_selects_the_format_of_scores() {
    let data = Data::new(&mut Random(6));
    let labels = data.folder().join("labelsTr");
    let folder = labels.to_str().unwrap();
    let evaluate = |output: &str| {
        data.segplan(&["evaluate", "--reference", folder, "--prediction", folder, "--per-case", "-o", output])
    };
    for (name, start) in
        [("s.csv", "case,label,class,dice"), ("s.json", "["), ("s.md", "| case |"), ("s.parquet", "PAR1")]
    {
        let output = evaluate(name);
        assert!(output.status.success(), "{}", output_text(&output));
        assert!(
            output_text(&output).contains("case_0") && output_text(&output).contains("mean foreground"),
            "{}",
            output_text(&output)
        );
        let bytes = fs::read(data.root.path().join(name)).unwrap();
        assert!(bytes.starts_with(start.as_bytes()), "{name}");
    }
    assert_eq!(evaluate("s.xlsx").status.code(), Some(2));
    let names = fs::read_to_string(data.root.path().join("s.csv")).unwrap();
    assert!(names.lines().nth(1).unwrap().starts_with("case_0,1,a,1,1,1,1,0,0,0,1,"), "{names}");
}

#[test]
fn files_without_a_case_are_reported_by_all_verbs_that_list_a_data_set() {
    let data = Data::new(&mut Random(8));
    data.plan();
    for name in ["imagesTr/scan.mgh", "labelsTr/notes.txt", "imagesTr/unknown.hdr"] {
        fs::write(data.folder().join(name), b"anything").unwrap();
    }
    assert!(data.images[0].to_string_lossy().contains("_0000"), "this seed makes a raw folder of nnU-Net");
    for verb in [
        &["verify", "data/Set"][..],
        &["plan", "data/Set", "-o", "again.toml"],
        &["run", "set.toml", "--until", "fingerprint"],
    ] {
        let output = data.segplan(verb);
        assert!(output.status.success(), "{}", output_text(&output));
        for name in ["scan.mgh", "notes.txt", "unknown.hdr"] {
            assert!(output_text(&output).contains(name), "{verb:?} does not name `{name}`: {}", output_text(&output));
        }
    }
}
