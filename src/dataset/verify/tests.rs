use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array4;
use tempfile::TempDir;

use super::*;
use crate::dataset::gate::FaultKind;
use crate::dataset::scan;
use crate::volume::nifti::{Format, NiftiFault, write_image};
use crate::volume::{Geometry, Image, Shape, Spacing};

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
    verify(&scan(folder.path()).expect("a data set"), 1 << 20, &|| {})
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
        write(labels, geometry(SHAPE, [2.0, 1.0, 1.0], [0.05, 0.0, 0.0]), &[0.0, 1.0, 2.0, -0.0]);
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
    let FaultKind::Placement { displacement_mm, .. } = placement.kind else { panic!("{placement}") };
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
fn no_label_is_clamped_or_taken_for_background() {
    let values = [0.0, 1.0, -2.0, -56.0, 256.0, 300.0, 70_000.0, -40_000.0];
    let found = faults(|image, labels| {
        write(image, plain(), &[1.0]);
        write(labels, plain(), &values);
    });
    let [Fault { kind: FaultKind::UndeclaredLabels { values: found }, .. }] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), [-40_000, -56, -2, 256, 300, 70_000]);
    assert_eq!(found.values().sum::<usize>(), 44, "of 60 voxels, seven times 2 of 8 and the first 2 are declared");
}

#[test]
fn a_grid_that_needs_more_memory_than_may_be_used_is_not_read() {
    let large = || geometry([60, 80, 60], [2.0, 1.0, 1.0], [0.0; 3]);
    let found = faults(|image, labels| {
        write(image, large(), &[1.0]);
        write(labels, large(), &[1.0]);
    });
    let said = found[0].to_string();
    assert!(matches!(found[0].kind, FaultKind::TooLarge { needed: 1_728_000, allowed: 1_048_576, .. }), "{said}");
    assert!(said.contains("60 × 80 × 60 voxels") && said.contains("runtime.memory_gib"), "{said}");
}

#[test]
fn other_files_in_place_of_an_image_are_recognised() {
    let mut dicom = vec![0; 200];
    dicom[128..132].copy_from_slice(b"DICM");
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".to_vec();
    let known: [(&str, Vec<u8>, Format); 9] = [
        ("empty", Vec::new(), Format::Empty),
        ("git lfs pull", pointer, Format::LfsPointer),
        ("HTML", b"\n<!DOCTYPE html><html></html>".to_vec(), Format::Html),
        ("unpack", b"PK\x03\x04 and more".to_vec(), Format::Zip),
        ("dcm2niix", dicom, Format::Dicom),
        ("NRRD", b"NRRD0004\ntype: short".to_vec(), Format::Nrrd),
        ("MetaImage", b"ObjectType = Image".to_vec(), Format::MetaImage),
        ("PNG", b"\x89PNG\r\n".to_vec(), Format::Png),
        ("JSON", b"{\"a\": 1}".to_vec(), Format::Text),
    ];
    for (advice, bytes, format) in known {
        let found = faults(|image, labels| {
            write(labels, plain(), &[1.0]);
            fs::create_dir_all(image.parent().expect("a folder")).expect("made");
            fs::write(image, &bytes).expect("written");
        });
        let [fault] = found.as_slice() else { panic!("{found:?}") };
        let said = fault.to_string();
        assert!(
            matches!(fault.kind, FaultKind::File(NiftiFault::OtherFormat { format: found }) if found == format),
            "{said}"
        );
        assert!(said.contains(advice), "{said}");
    }
}

#[test]
fn what_is_there_in_place_of_a_missing_file_is_named() {
    let missing = |make: &dyn Fn(&Path)| {
        let found = faults(|image, labels| {
            write(labels, plain(), &[1.0]);
            make(image);
        });
        let [fault] = found.as_slice() else { panic!("{found:?}") };
        fault.to_string()
    };
    let with = |name: &'static str| missing(&move |image: &Path| write(&image.with_file_name(name), plain(), &[1.0]));
    let said = with("case_0001.nii.gz");
    assert!(said.ends_with("does not exist"), "{said}");
    assert!(with("CASE.nii.gz").contains("`CASE.nii.gz` does: rename it to `case.nii.gz`"));
    assert!(with("case.nii").contains("`case.nii` does: rename it or"));
    let folder = missing(&|image: &Path| {
        write(&image.parent().unwrap().with_file_name("imageTr").join("case.nii.gz"), plain(), &[1.0]);
    });
    assert!(folder.contains("imageTr") && folder.contains("rename it to"), "{folder}");
    #[cfg(unix)]
    {
        let link = missing(&|image: &Path| {
            fs::create_dir_all(image.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink("elsewhere.nii.gz", image).unwrap();
        });
        assert!(link.contains("is a link to `elsewhere.nii.gz`, which does not exist"), "{link}");
    }
}

#[test]
fn channels_in_one_file_of_a_raw_folder_are_recognised() {
    let folder = tempfile::tempdir().expect("a folder");
    let description = r#"{"channel_names": {"0": "CT", "1": "PET"}, "labels": {"background": 0, "a": 1}}"#;
    fs::write(folder.path().join("dataset.json"), description).expect("written");
    let voxels = Array4::from_elem((2, 3, 4, 5), 1.0);
    let image = Image { voxels, geometry: plain() };
    write_image(&folder.path().join("imagesTr/a_0000.nii.gz"), &image).expect("a writable folder");
    write(&folder.path().join("labelsTr/a.nii.gz"), plain(), &[1.0]);
    let found = verify(&scan(folder.path()).expect("a data set"), 1 << 20, &|| {});
    let [fault] = found.as_slice() else { panic!("{found:?}") };
    assert!(fault.to_string().contains("have all 2 channels in one"), "{fault}");
}

#[test]
fn backslashes_in_a_list_are_recognised() {
    let folder = tempfile::tempdir().expect("a folder");
    let description = r#"{"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "a"}, "training": [
        {"image": ".\\imagesTr\\case.nii.gz", "label": ".\\labelsTr\\case.nii.gz"}]}"#;
    fs::write(folder.path().join("dataset.json"), description).expect("written");
    let found = verify(&scan(folder.path()).expect("a data set"), 1 << 20, &|| {});
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|fault| fault.to_string().contains("with backslashes: write it with `/`")), "{found:?}");
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
    assert!(matches!(found[0].kind, FaultKind::Missing { .. }), "{kinds:?}");
    assert!(matches!(found[1].kind, FaultKind::FractionalLabels { voxels: 30, .. }), "{kinds:?}");

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
    let found = verify(&scan(folder.path()).expect("a data set"), 1 << 20, &|| {
        calls.fetch_add(1, Ordering::Relaxed);
    });
    let [shape, channels] = found.as_slice() else { panic!("{found:?}") };
    assert!(shape.path.ends_with("a_0001.nii.gz") && matches!(shape.kind, FaultKind::Shape { .. }), "{shape}");
    assert!(matches!(channels.kind, FaultKind::Channels { expected: 2, found: 3, .. }), "{channels}");
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
    let found = verify(&dataset, 1 << 32, &|| {});
    assert!(found.is_empty(), "{} faults, the first: {}", found.len(), found[0]);
}
