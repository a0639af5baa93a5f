use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array4;
use tempfile::TempDir;

use super::*;
use crate::dataset::scan;
use crate::volume::Image;
use crate::volume::nifti::write_image;

const SHAPE: [usize; 3] = [3, 4, 5];

fn geometry(shape: [usize; 3], spacing: [f64; 3], origin: [f64; 3]) -> Geometry {
    Geometry::axis_aligned(Shape(shape), Spacing(spacing), origin)
}

/// A data set of one channel and the labels 1 and 2, whose files are written by `make`.
fn faults(make: impl Fn(&Path, &Path)) -> Vec<Fault> {
    let folder: TempDir = tempfile::tempdir().expect("a folder");
    let description = r#"{"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "a", "2": "b"}, "training": [
        {"image": "./imagesTr/case.nii.gz", "label": "./labelsTr/case.nii.gz"}]}"#;
    fs::write(folder.path().join("dataset.json"), description).expect("written");
    make(&folder.path().join("imagesTr/case.nii.gz"), &folder.path().join("labelsTr/case.nii.gz"));
    verify(&scan(folder.path()).expect("a data set"), &|| {})
}

/// Writes values that repeat, as one channel.
fn write(path: &Path, geometry: Geometry, values: &[f32]) {
    let [z, y, x] = geometry.shape.0;
    let mut values = values.iter().cycle();
    let voxels = Array4::from_shape_simple_fn((1, z, y, x), || *values.next().expect("a cycle has no end"));
    write_image(path, &Image { voxels, geometry }).expect("a writable folder");
}

fn plain() -> Geometry {
    geometry(SHAPE, [2.0, 1.0, 1.0], [0.0; 3])
}

#[test]
fn a_sound_case_has_no_fault() {
    let found = faults(|image, labels| {
        write(image, plain(), &[1.0, 2.0]);
        write(labels, geometry(SHAPE, [2.0, 1.0, 1.0], [0.05, 0.0, 0.0]), &[0.0, 1.0, 2.0, -2.0]);
    });
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_fault_of_a_case_is_reported_at_once() {
    let found = faults(|image, labels| {
        write(image, plain(), &[1.0, f32::NAN, f32::INFINITY]);
        write(labels, geometry(SHAPE, [2.0, 1.0, 1.5], [3.0, 0.0, 0.0]), &[0.0, 1.0, 7.0, -1.0]);
    });
    let [finite, spacing, placement, undeclared] = found.as_slice() else { panic!("{found:?}") };
    assert!(matches!(finite.kind, FaultKind::NotFinite { voxels: 40, channels: 1 }));
    assert!(matches!(spacing.kind, FaultKind::Spacing { .. }));
    let FaultKind::Placement { displacement_mm } = placement.kind else { panic!("{placement}") };
    approx::assert_abs_diff_eq!(displacement_mm, 5.0, epsilon = 1e-6);
    let FaultKind::UndeclaredLabels { values } = &undeclared.kind else { panic!("{undeclared}") };
    assert_eq!(*values, BTreeMap::from([(-1, 15), (7, 15)]));
    let message = undeclared.to_string();
    assert!(
        message.contains("case `case`") && message.contains("labelsTr") && message.contains("7 (15 voxels)"),
        "{message}"
    );
}

#[test]
fn another_shape_is_one_fault() {
    let found = faults(|image, labels| {
        write(image, plain(), &[1.0]);
        write(labels, geometry([4, 3, 5], [2.0, 1.0, 1.0], [0.0; 3]), &[1.0]);
    });
    assert!(matches!(found.as_slice(), [Fault { kind: FaultKind::Shape { .. }, .. }]), "{found:?}");
}

#[test]
fn missing_truncated_and_fractional_files_are_faults_and_no_panics() {
    let found = faults(|_, labels| write(labels, plain(), &[0.0, 0.5]));
    let kinds: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(matches!(found[0].kind, FaultKind::File(NiftiFault::Missing)), "{kinds:?}");
    assert!(matches!(found[1].kind, FaultKind::File(NiftiFault::Fractional { voxels: 30, .. })), "{kinds:?}");

    let found = faults(|image, labels| {
        write(image, plain(), &[1.0, 7.0, 3.0]);
        let bytes = fs::read(image).expect("what was written");
        fs::write(image, &bytes[..bytes.len() - 10]).expect("cut");
        write(labels, plain(), &[0.0]);
    });
    assert!(
        matches!(found.as_slice(), [Fault { kind: FaultKind::File(NiftiFault::Truncated { .. }), .. }]),
        "{found:?}"
    );
}

#[test]
fn channels_are_counted_and_their_grids_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let description = r#"{"channel_names": {"0": "CT", "1": "PET"}, "labels": {"background": 0, "a": 1}}"#;
    fs::write(folder.path().join("dataset.json"), description).expect("written");
    let file = |name: &str| folder.path().join(name);
    write(&file("imagesTr/a_0000.nii.gz"), plain(), &[1.0]);
    write(&file("imagesTr/a_0001.nii.gz"), geometry([3, 4, 6], [2.0, 1.0, 1.0], [0.0; 3]), &[1.0]);
    write(&file("labelsTr/a.nii.gz"), plain(), &[1.0]);
    for channel in 0..3 {
        write(&file(&format!("imagesTr/b_000{channel}.nii.gz")), plain(), &[1.0]);
    }
    write(&file("labelsTr/b.nii.gz"), plain(), &[1.0]);

    let calls = AtomicUsize::new(0);
    let found = verify(&scan(folder.path()).expect("a data set"), &|| {
        calls.fetch_add(1, Ordering::Relaxed);
    });
    let [shape, channels] = found.as_slice() else { panic!("{found:?}") };
    assert!(shape.path.ends_with("a_0001.nii.gz") && matches!(shape.kind, FaultKind::Shape { .. }), "{shape}");
    assert!(matches!(channels.kind, FaultKind::Channels { expected: 2, found: 3 }), "{channels}");
    assert_eq!(calls.into_inner(), 2, "once a case");
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that is skipped says so; the data are not part of the repository")]
fn the_hippocampus_of_the_decathlon_has_no_fault() {
    let data = std::env::var_os("SEGPLAN_TEST_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    let folder = data.join("Task04_Hippocampus");
    if !folder.exists() {
        eprintln!("skipped: `{}` does not exist; set SEGPLAN_TEST_DATA", folder.display());
        return;
    }
    let dataset = scan(&folder).expect("a Decathlon folder");
    assert_eq!(dataset.training.len(), 200);
    let found = verify(&dataset, &|| {});
    assert!(found.is_empty(), "{} faults, the first: {}", found.len(), found[0]);
}
