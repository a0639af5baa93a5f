use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array4;
use tempfile::TempDir;

use super::*;
use crate::dataset::gate::IssueKind;
use crate::dataset::scan;
use crate::volume::io::{ForeignFile, ImageFileProblem, write_image};
use crate::volume::{Geometry, Image, Shape, Spacing};

const SHAPE: [usize; 3] = [3, 4, 5];

fn geometry(shape: [usize; 3], spacing: [f64; 3], origin: [f64; 3]) -> Geometry {
    Geometry::axis_aligned(Shape(shape), Spacing(spacing), origin)
}

/// The issues of a data set with one channel and the labels 1 and 2, whose files are written by `make`.
fn issues_of(make: impl Fn(&Path, &Path)) -> Vec<Issue> {
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
fn a_valid_case_has_no_issues() {
    let found = issues_of(|image, labels| {
        write(image, plain(), &[1.0, 2.0]);
        write(labels, geometry(SHAPE, [2.0, 1.0, 1.0], [0.05, 0.0, 0.0]), &[0.0, 1.0, 2.0, -0.0]);
    });
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn all_issues_of_a_case_are_reported_at_once() {
    let found = issues_of(|image, labels| {
        write(image, plain(), &[1.0, f32::NAN, f32::INFINITY]);
        write(labels, geometry(SHAPE, [2.0, 1.0, 1.5], [3.0, 0.0, 0.0]), &[0.0, 1.0, 7.0, -1.0]);
    });
    let [finite, spacing, placement, undeclared] = found.as_slice() else { panic!("{found:?}") };
    assert!(matches!(finite.kind, IssueKind::NotFinite { voxels: 40, channels: 1 }));
    assert!(matches!(spacing.kind, IssueKind::Spacing { .. }));
    let IssueKind::Placement { displacement_mm, .. } = placement.kind else { panic!("{placement}") };
    approx::assert_abs_diff_eq!(displacement_mm, 5.0, epsilon = 1e-6);
    let IssueKind::UndeclaredLabels { values } = &undeclared.kind else { panic!("{undeclared}") };
    assert_eq!(*values, BTreeMap::from([(-1, 15), (7, 15)]));
    let message = undeclared.to_string();
    assert!(
        message.contains("case `case`") && message.contains("labelsTr") && message.contains("7 (15 voxels)"),
        "{message}"
    );
}

#[test]
fn undeclared_labels_are_neither_clamped_nor_taken_for_background() {
    let values = [0.0, 1.0, -2.0, -56.0, 256.0, 300.0, 70_000.0, -40_000.0];
    let found = issues_of(|image, labels| {
        write(image, plain(), &[1.0]);
        write(labels, plain(), &values);
    });
    let [Issue { kind: IssueKind::UndeclaredLabels { values: found }, .. }] = found.as_slice() else {
        panic!("{found:?}")
    };
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), [-40_000, -56, -2, 256, 300, 70_000]);
    assert_eq!(found.values().sum::<usize>(), 44, "of 60 voxels, seven times 2 of 8 and the first 2 are declared");
}

#[test]
fn a_grid_above_the_memory_limit_is_not_read() {
    let large = || geometry([60, 80, 60], [2.0, 1.0, 1.0], [0.0; 3]);
    let found = issues_of(|image, labels| {
        write(image, large(), &[1.0]);
        write(labels, large(), &[1.0]);
    });
    let message = found[0].to_string();
    assert!(matches!(found[0].kind, IssueKind::TooLarge { needed: 1_728_000, allowed: 1_048_576, .. }), "{message}");
    assert!(message.contains("60 × 80 × 60 voxels") && message.contains("runtime.memory_gib"), "{message}");
}

#[test]
fn files_of_other_formats_are_recognised() {
    let mut dicom = vec![0; 200];
    dicom[128..132].copy_from_slice(b"DICM");
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n".to_vec();
    let known: [(&str, Vec<u8>, ForeignFile); 9] = [
        ("empty", Vec::new(), ForeignFile::Empty),
        ("git lfs pull", pointer, ForeignFile::LfsPointer),
        ("HTML", b"\n<!DOCTYPE html><html></html>".to_vec(), ForeignFile::Html),
        ("unpack", b"PK\x03\x04 and more".to_vec(), ForeignFile::Zip),
        ("dcm2niix", dicom, ForeignFile::Dicom),
        ("NRRD", b"NRRD0004\ntype: short".to_vec(), ForeignFile::Nrrd),
        ("MetaImage", b"ObjectType = Image".to_vec(), ForeignFile::MetaImage),
        ("PNG", b"\x89PNG\r\n".to_vec(), ForeignFile::Png),
        ("JSON", b"{\"a\": 1}".to_vec(), ForeignFile::Text),
    ];
    for (advice, bytes, kind) in known {
        let found = issues_of(|image, labels| {
            write(labels, plain(), &[1.0]);
            fs::create_dir_all(image.parent().expect("a folder")).expect("made");
            fs::write(image, &bytes).expect("written");
        });
        let [issue] = found.as_slice() else { panic!("{found:?}") };
        let message = issue.to_string();
        assert!(
            matches!(issue.kind, IssueKind::File(ImageFileProblem::Foreign { kind: found }) if found == kind),
            "{message}"
        );
        assert!(message.contains(advice), "{message}");
    }
}

#[test]
fn similar_names_are_suggested_for_a_missing_file() {
    let missing = |make: &dyn Fn(&Path)| {
        let found = issues_of(|image, labels| {
            write(labels, plain(), &[1.0]);
            make(image);
        });
        let [issue] = found.as_slice() else { panic!("{found:?}") };
        issue.to_string()
    };
    let with = |name: &'static str| missing(&move |image: &Path| write(&image.with_file_name(name), plain(), &[1.0]));
    let message = with("case_0001.nii.gz");
    assert!(message.ends_with("does not exist"), "{message}");
    assert!(with("CASE.nii.gz").contains("`CASE.nii.gz` exists: rename it to `case.nii.gz`"));
    assert!(with("case.nii").contains("`case.nii` exists: rename it or"));
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
fn all_channels_in_one_file_of_a_raw_folder_are_recognised() {
    let folder = tempfile::tempdir().expect("a folder");
    let description = r#"{"channel_names": {"0": "CT", "1": "PET"}, "labels": {"background": 0, "a": 1}}"#;
    fs::write(folder.path().join("dataset.json"), description).expect("written");
    let voxels = Array4::from_elem((2, 3, 4, 5), 1.0);
    let image = Image { voxels, geometry: plain() };
    write_image(&folder.path().join("imagesTr/a_0000.nii.gz"), &image).expect("a writable folder");
    write(&folder.path().join("labelsTr/a.nii.gz"), plain(), &[1.0]);
    let found = verify(&scan(folder.path()).expect("a data set"), 1 << 20, &|| {});
    let [issue] = found.as_slice() else { panic!("{found:?}") };
    assert!(issue.to_string().contains("have all 2 channels in one"), "{issue}");
}

#[test]
fn backslashes_in_a_list_are_recognised() {
    let folder = tempfile::tempdir().expect("a folder");
    let description = r#"{"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "a"}, "training": [
        {"image": ".\\imagesTr\\case.nii.gz", "label": ".\\labelsTr\\case.nii.gz"}]}"#;
    fs::write(folder.path().join("dataset.json"), description).expect("written");
    let found = verify(&scan(folder.path()).expect("a data set"), 1 << 20, &|| {});
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|issue| issue.to_string().contains("contains backslashes: use `/` instead")), "{found:?}");
}

#[test]
fn another_shape_is_one_issue() {
    let found = issues_of(|image, labels| {
        write(image, plain(), &[1.0]);
        write(labels, geometry([4, 3, 5], [2.0, 1.0, 1.0], [0.0; 3]), &[1.0]);
    });
    assert!(matches!(found.as_slice(), [Issue { kind: IssueKind::Shape { .. }, .. }]), "{found:?}");
}

#[test]
fn missing_truncated_and_fractional_files_are_issues_and_no_panics() {
    let found = issues_of(|_, labels| write(labels, plain(), &[0.0, 0.5]));
    let kinds: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(matches!(found[0].kind, IssueKind::Missing { .. }), "{kinds:?}");
    assert!(matches!(found[1].kind, IssueKind::FractionalLabels { voxels: 30, .. }), "{kinds:?}");

    let found = issues_of(|image, labels| {
        write(image, plain(), &[1.0, 7.0, 3.0]);
        let bytes = fs::read(image).expect("what was written");
        fs::write(image, &bytes[..bytes.len() - 10]).expect("cut");
        write(labels, plain(), &[0.0]);
    });
    assert!(
        matches!(found.as_slice(), [Issue { kind: IssueKind::File(ImageFileProblem::Truncated { .. }), .. }]),
        "{found:?}"
    );
}

#[test]
fn channels_are_counted_and_grids_compared() {
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
    assert!(shape.path.ends_with("a_0001.nii.gz") && matches!(shape.kind, IssueKind::Shape { .. }), "{shape}");
    assert!(matches!(channels.kind, IssueKind::Channels { expected: 2, found: 3, .. }), "{channels}");
    assert_eq!(calls.into_inner(), 2, "once per case");
}

/// Needs the data set `Task04_Hippocampus` of the Medical Segmentation Decathlon, which is not part of the repository,
/// in the folder `$SEGPLAN_TEST_DATA`.
#[test]
#[ignore = "needs Task04_Hippocampus in the folder $SEGPLAN_TEST_DATA; run with `-- --ignored`"]
fn the_hippocampus_data_set_of_the_decathlon_has_no_issues() {
    let data = std::env::var_os("SEGPLAN_TEST_DATA").expect("SEGPLAN_TEST_DATA is a folder with Task04_Hippocampus");
    let dataset = scan(&Path::new(&data).join("Task04_Hippocampus")).expect("a Decathlon folder");
    assert_eq!(dataset.training.len(), 200);
    let issues = verify(&dataset, 1 << 32, &|| {});
    assert!(issues.is_empty(), "{} issues, the first: {}", issues.len(), issues[0]);
}
