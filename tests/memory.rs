//! Memory stays below the plan's limit, is estimated before a run, and does not affect results.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ndarray::{Array3, Array4, Axis};
use segplan::dataset::phantom::{self, PhantomConfig};
use segplan::dataset::scan;
use segplan::fingerprint::{FingerprintError, bytes_to_measure, compute_fingerprint};
use segplan::volume::io::{write_image, write_labels};
use segplan::volume::{Geometry, Image, Shape, Spacing};
use serde_json::Value;

const MEBI: u64 = 1 << 20;

/// A folder with data sets and plans, in which the memory of the program is measured.
struct Workplace {
    inner: common::Workplace,
}

/// Exit code, output and peak memory of a process.
struct Outcome {
    code: Option<i32>,
    out: String,
    error: String,
    /// Peak resident memory, bytes; `None` if the system does not report it.
    peak: Option<u64>,
}

impl Workplace {
    /// Creates the data set `data/Dataset001_Boxes` with cases of these shapes and spacings.
    fn new(cases: &[(&str, [usize; 3], [f64; 3])]) -> Self {
        let workplace = Self { inner: common::Workplace::new() };
        let dataset = workplace.path("data/Dataset001_Boxes");
        for &(name, shape, spacing) in cases {
            write_case(&dataset, name, shape, spacing);
        }
        let description = r#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "a": 1, "b": 2},
            "numTraining": COUNT, "file_ending": ".nii.gz"}"#;
        fs::write(dataset.join("dataset.json"), description.replace("COUNT", &cases.len().to_string())).unwrap();
        workplace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.inner.path(name)
    }

    fn segplan(&self, arguments: &[&str]) -> Outcome {
        let mut command = self.inner.segplan(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut peak = None;
        while child.try_wait().unwrap().is_none() {
            peak = peak_of(&child).max(peak);
            sleep(Duration::from_millis(2));
        }
        let output = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Outcome { code: output.status.code(), out: text(output.stdout), error: text(output.stderr), peak }
    }

    fn done(&self, arguments: &[&str]) -> Outcome {
        let ended = self.segplan(arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}\n{}\n{}", ended.out, ended.error);
        ended
    }

    /// Estimated memory of a piece of work, bytes.
    fn estimated(&self, work: &str, options: &[&str]) -> u64 {
        let all = [&["status", "plan.toml", "--estimate", "--format", "json"], options].concat();
        let graph: Value = serde_json::from_str(&self.done(&all).out).unwrap();
        let pieces = graph["work"].as_array().unwrap();
        let piece = pieces.iter().find(|piece| piece["id"] == work).unwrap();
        piece["estimate"]["memory_bytes"].as_u64().unwrap()
    }

    fn prepared(&self) -> Vec<String> {
        let mut names = Vec::new();
        for folder in fs::read_dir(self.path("runs/prepared")).unwrap().map(|entry| entry.unwrap().path()) {
            if folder.is_dir() {
                names
                    .extend(fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()));
            }
        }
        names.sort();
        names
    }
}

/// Peak resident memory of a process so far, bytes, from Linux's `/proc`.
fn peak_of(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn write_case(dataset: &Path, name: &str, shape: [usize; 3], spacing: [f64; 3]) {
    let geometry = Geometry::axis_aligned(Shape(shape), Spacing(spacing), [0.0; 3]);
    let [z, y, x] = shape.map(|edge| edge as f32);
    let radius = |(c, b, a): (usize, usize, usize)| {
        (c as f32 / z - 0.5).powi(2) + (b as f32 / y - 0.5).powi(2) + (a as f32 / x - 0.5).powi(2)
    };
    let labels = Array3::from_shape_fn(shape, |at| if radius(at) < 0.02 { 2 } else { i16::from(radius(at) < 0.1) });
    let voxels = labels.mapv(|label| f32::from(label) * 200.0 + 50.0).insert_axis(Axis(0));
    let image = Image { voxels, geometry: geometry.clone() };
    write_image(&dataset.join(format!("imagesTr/{name}_0000.nii.gz")), &image).unwrap();
    write_labels(&dataset.join(format!("labelsTr/{name}.nii.gz")), labels.view(), &geometry).unwrap();
}

const FULL_RES: [&str; 4] = ["--set", "run.configurations=[\"3d_fullres\"]", "--set", "split.folds=2"];

#[test]
fn a_case_that_exceeds_the_memory_limit_is_refused_by_name_and_can_be_excluded() {
    let usual = [1.0; 3];
    let cases = [("a", [24; 3], usual), ("b", [24; 3], usual), ("far", [24; 3], [100.0; 3]), ("c", [24; 3], usual)];
    let workplace = Workplace::new(&cases);
    let plan = ["plan", "data/Dataset001_Boxes", "-o", "plan.toml"];
    let planned = workplace.segplan(&plan);
    assert!(planned.code == Some(3) && planned.error.contains("case `far`"), "{}", planned.error);
    workplace.done(&[&plan[..], &["--exclude", "far"]].concat());
    let run = [&["run", "plan.toml", "--until", "preprocess", "--set", "run.folds=[0]"], &FULL_RES[..]].concat();
    let refused = workplace.segplan(&[&run[..], &["--set", "data.exclude=[]"]].concat());
    let error: String = refused.error.split_whitespace().filter(|word| *word != "│").collect::<Vec<_>>().join(" ");
    assert_eq!(refused.code, Some(3), "{error}");
    for part in ["case `far`", "24 × 24 × 24", "2400 × 2400 × 2400", "the limit is 4.00 GiB", "runtime.memory_gib"]
    {
        assert!(error.contains(part), "no `{part}` in {error}");
    }
    if let Some(peak) = planned.peak.max(refused.peak) {
        assert!(peak < 200 * MEBI, "{peak} bytes were resident for cases of 24 × 24 × 24 voxels");
    }
    workplace.done(&[&run[..], &["--set", "name=without"]].concat());
    assert_eq!(workplace.prepared(), ["a.safetensors", "b.safetensors", "c.safetensors"]);
}

#[expect(clippy::print_stderr, reason = "a test that cannot measure says so")]
#[test]
fn peaks_are_near_their_estimates_and_verify_holds_no_volume() {
    let large = [200, 256, 256];
    for (case, target) in [("own spacing", [1.0, 1.0, 1.0]), ("resampled", [0.8, 1.25, 1.0])] {
        let workplace = Workplace::new(&[("large", large, [1.0; 3]), ("small", [20; 3], [1.0; 3])]);
        let verified = workplace.done(&["verify", "data/Dataset001_Boxes"]);
        let planned = workplace.done(&["plan", "data/Dataset001_Boxes", "-o", "plan.toml"]);
        let spacing = format!("configurations.3d_fullres.spacing_mm={target:?}");
        let options = [&FULL_RES[..], &["--set", &spacing, "--set", "run.folds=[0]"]].concat();
        // One stage per process: a peak covers everything that the process did.
        workplace.done(&[&["run", "plan.toml", "--until", "fingerprint"][..], &options].concat());
        let estimated = workplace.estimated("preprocess/3d_fullres", &options);
        let ran = workplace.done(&[&["run", "plan.toml", "--until", "preprocess"][..], &options].concat());
        let voxels = Shape(large).voxels() as u64;
        let (Some(verified), Some(planned), Some(prepared)) = (verified.peak, planned.peak, ran.peak) else {
            eprintln!("SKIPPED: this system does not report peak memory");
            return;
        };
        assert!(verified < 2 * voxels + 30 * MEBI, "{case}: verify held {verified} bytes for {voxels} voxels");
        let measuring = bytes_to_measure(Shape(large), 1) + 30 * MEBI;
        assert!(planned < measuring / 5 * 6, "{case}: measuring held {planned} bytes, expected {measuring}");
        let (low, high) = (estimated / 6 * 5, estimated / 5 * 6);
        assert!((low..high).contains(&prepared), "{case}: preparing held {prepared} bytes, estimated {estimated}");
    }
}

#[test]
fn a_fingerprint_does_not_depend_on_the_memory_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Phantom");
    phantom::write(&path, &PhantomConfig { cases: 5, ..PhantomConfig::default() }, &|| ()).unwrap();
    let dataset = scan(&path).unwrap();
    let all = compute_fingerprint(&dataset, u64::MAX, &|| ()).unwrap();
    let largest = all.cases.iter().map(|case| bytes_to_measure(case.shape, dataset.channels.len())).max().unwrap();
    assert_eq!(compute_fingerprint(&dataset, largest, &|| ()).unwrap(), all);
    let refused = compute_fingerprint(&dataset, largest - 1, &|| ()).unwrap_err();
    assert!(matches!(refused, FingerprintError::Issues(_)), "{refused}");
    let message = refused.to_string();
    assert!(message.contains("the limit is") && message.contains("runtime.memory_gib"), "{message}");
}

#[test]
fn labels_outside_of_the_non_zero_region_do_not_change_the_image() {
    let prepared = |label_outside: bool| -> BTreeMap<String, Vec<u8>> {
        let workplace = Workplace::new(&[("a", [20, 24, 22], [1.0; 3]), ("b", [20, 24, 22], [1.0, 1.2, 1.0])]);
        let dataset = workplace.path("data/Dataset001_Boxes");
        for (name, spacing) in [("a", [1.0; 3]), ("b", [1.0, 1.2, 1.0])] {
            let geometry = Geometry::axis_aligned(Shape([20, 24, 22]), Spacing(spacing), [0.0; 3]);
            let ball =
                |z: usize, y: usize, x: usize| z.abs_diff(10).pow(2) + y.abs_diff(12).pow(2) + x.abs_diff(11).pow(2);
            let voxels = Array4::from_shape_fn((1, 20, 24, 22), |(_, z, y, x)| {
                if ball(z, y, x) < 60 { 10.0 + ((z * 7 + y * 3 + x) % 11) as f32 } else { 0.0 }
            });
            // A few voxels outside of the ball, but inside of its bounding box.
            let reach = if label_outside { 75 } else { 60 };
            let labels = Array3::from_shape_fn((20, 24, 22), |(z, y, x)| i16::from(ball(z, y, x) < reach && z > 9));
            let image = Image { voxels, geometry: geometry.clone() };
            write_image(&dataset.join(format!("imagesTr/{name}_0000.nii.gz")), &image).unwrap();
            write_labels(&dataset.join(format!("labelsTr/{name}.nii.gz")), labels.view(), &geometry).unwrap();
        }
        let json = fs::read_to_string(dataset.join("dataset.json")).unwrap().replace("CT", "MR");
        fs::write(dataset.join("dataset.json"), json.replace(", \"b\": 2", "")).unwrap();
        workplace.done(&["plan", "data/Dataset001_Boxes", "-o", "plan.toml"]);
        let masked = ["--set", "preprocess.normalize_in_mask=true", "--set", "run.folds=[0]"];
        workplace.done(&[&["run", "plan.toml", "--until", "preprocess"][..], &masked, &FULL_RES].concat());
        let mut images = BTreeMap::new();
        for folder in fs::read_dir(workplace.path("runs/prepared")).unwrap().map(|entry| entry.unwrap().path()) {
            for file in
                ["a.safetensors", "b.safetensors"].map(|name| folder.join(name)).iter().filter(|file| file.exists())
            {
                let tensors = segplan::store::tensors::TensorFile::open(file).unwrap();
                let (_, image) = tensors.tensor::<f32>("image").unwrap();
                let name = file.file_name().unwrap().to_str().unwrap().to_owned();
                images.insert(name, image.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect());
            }
        }
        images
    };
    let (inside, outside) = (prepared(false), prepared(true));
    assert_eq!(inside.len(), 2);
    assert!(inside == outside, "a label outside of the image's mask changed the image");
}
