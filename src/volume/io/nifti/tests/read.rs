//! Files that are read.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use serde::Deserialize;

use super::files::{image, reference_file, values_folder};
use crate::volume::Image;
use crate::volume::io::testing::read_image;
use crate::volume::io::write_image;

#[derive(Deserialize)]
struct Reference {
    file: String,
    shape_xyzc: Vec<usize>,
    spacing_xyz: [f64; 3],
    affine: [[f64; 4]; 3],
    values: Vec<f64>,
}

#[test]
#[expect(clippy::float_cmp, reason = "NiBabel does the same arithmetic, to the last bit")]
fn reads_what_nibabel_reads() {
    let json = fs::read_to_string(values_folder().join("nifti.json")).expect("reference values");
    let references: Vec<Reference> = serde_json::from_str(&json).expect("reference values are JSON");
    assert!(references.len() > 20, "only {} reference files", references.len());
    for reference in references {
        let image = read_image(&[reference_file(&reference.file)]).expect("a valid file");
        let mut shape = reference.shape_xyzc.clone();
        shape.resize(4, 1);
        shape.reverse();
        assert_eq!(image.voxels.shape(), shape, "{}", reference.file);
        for (found, expected) in image.voxels.iter().zip(&reference.values) {
            assert_eq!(*found, *expected as f32, "{}", reference.file);
        }
        let [dx, dy, dz] = reference.spacing_xyz;
        // Spacings are 32-bit numbers in the file; ours are their shortest decimal forms.
        assert_eq!(
            image.geometry.spacing.0.map(|step| step as f32),
            [dz, dy, dx].map(|step| step as f32),
            "{}",
            reference.file
        );
        for (found, expected) in image.geometry.affine.as_flattened().iter().zip(reference.affine.as_flattened()) {
            approx::assert_abs_diff_eq!(*found, *expected, epsilon = 1e-6);
        }
    }
}

#[derive(Deserialize)]
struct Edge {
    file: String,
    shape_xyz: Vec<usize>,
    values: Vec<f64>,
    spacing_xyz: Vec<f64>,
    columns: Vec<[f64; 3]>,
    origin: [f64; 3],
}

/// Units, signs, single slices, two dimensions and NIfTI-2, against ITK and NiBabel.
#[test]
#[expect(clippy::float_cmp, reason = "the values are whole numbers")]
fn edge_cases_of_the_standard_are_read_as_by_itk_and_nibabel() {
    let json = fs::read_to_string(values_folder().join("nifti_edges.json")).expect("reference values");
    let edges: Vec<Edge> = serde_json::from_str(&json).expect("reference values are JSON");
    assert_eq!(edges.len(), 8);
    for edge in edges {
        let path = values_folder().join("nifti_edges").join(&edge.file);
        let image = read_image(&[path]).expect("a valid file");
        let mut shape = edge.shape_xyz.clone();
        shape.resize(3, 1);
        shape.reverse();
        assert_eq!(image.geometry.shape.0.to_vec(), shape, "{}", edge.file);
        assert!(image.voxels.iter().zip(&edge.values).all(|(&found, &expected)| f64::from(found) == expected));
        let [dz, dy, dx] = image.geometry.spacing.0;
        let close = |found: f64, expected: f64| (found - expected).abs() <= 1e-6 * expected.abs().max(1.0);
        for (found, expected) in [dx, dy, dz].into_iter().zip(&edge.spacing_xyz) {
            assert!(close(found, *expected), "{}: spacing {found}, expected {expected}", edge.file);
        }
        for (axis, column) in edge.columns.iter().enumerate() {
            for (row, expected) in column.iter().enumerate() {
                let found = image.geometry.affine[row][axis];
                assert!(close(found, *expected), "{}: affine {row} {axis} {found}, expected {expected}", edge.file);
            }
        }
        for (row, expected) in edge.origin.iter().enumerate() {
            let found = image.geometry.affine[row][3];
            assert!(close(found, *expected), "{}: origin {found}, expected {expected}", edge.file);
        }
    }
}

#[test]
fn compression_is_detected_by_content_not_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for (from, to) in [("int16_little.nii.gz", "packed.nii"), ("scaled_int16.nii", "plain.nii.gz")] {
        fs::copy(reference_file(from), folder.path().join(to)).expect("a copy");
        let expected = read_image(&[reference_file(from)]).expect("the original");
        let found = read_image(&[folder.path().join(to)]).expect("the copy");
        assert_eq!(found.voxels, expected.voxels);
    }
}

#[test]
fn channels_in_separate_files_are_concatenated_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = image(3, [2, 3, 4]);
    let paths: Vec<PathBuf> = (0..3).map(|c| folder.path().join(format!("case_000{c}.nii.gz"))).collect();
    for (path, channel) in paths.iter().zip(whole.voxels.outer_iter()) {
        let voxels = channel.to_owned().insert_axis(ndarray::Axis(0));
        write_image(path, &Image { voxels, geometry: whole.geometry.clone() }).expect("a writable folder");
    }
    assert_eq!(read_image(&paths).expect("three channels").voxels, whole.voxels);
}

/// Gzip files whose last member something follows, as NiBabel, ITK and gunzip read them.
#[test]
fn bytes_after_the_last_gzip_member_are_ignored() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.nii.gz");
    let bytes = fs::read(reference_file("int16_little.nii.gz")).expect("reference file");
    let expected = read_image(&[reference_file("int16_little.nii.gz")]).expect("the original").voxels;
    for tail in [&[0_u8; 512][..], b"\0", b"garbage", &[0x1f], &[0x1f, 0x8b]] {
        let mut longer = bytes.clone();
        longer.extend_from_slice(tail);
        fs::write(&path, &longer).expect("written");
        match (tail, read_image(std::slice::from_ref(&path))) {
            // These bytes promise a member that is then cut off, behind the last voxel.
            ([0x1f, ..], Err(_)) => (),
            (_, read) => assert_eq!(read.expect("readable").voxels, expected, "{tail:?}"),
        }
    }
    // Two members, cut anywhere, are one file.
    let plain = fs::read(reference_file("scaled_int16.nii")).expect("reference file");
    let expected = read_image(&[reference_file("scaled_int16.nii")]).expect("the original").voxels;
    for cut in [1, 347, 348, 352, 360] {
        let mut packed = Vec::new();
        for part in [&plain[..cut], &plain[cut..]] {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(part).expect("written to memory");
            packed.extend(packer.finish().expect("written to memory"));
        }
        fs::write(&path, packed).expect("written");
        assert_eq!(read_image(std::slice::from_ref(&path)).expect("readable").voxels, expected, "cut at {cut}");
    }
}
