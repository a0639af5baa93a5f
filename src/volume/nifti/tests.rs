use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ndarray::{Array3, Array4};
use serde::Deserialize;

use super::*;
use crate::volume::{Geometry, Image, Shape, Spacing};

#[derive(Deserialize)]
struct Reference {
    file: String,
    shape_xyzc: Vec<usize>,
    spacing_xyz: [f64; 3],
    affine: [[f64; 4]; 3],
    values: Vec<f64>,
}

fn values_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/values")
}

fn reference_file(name: &str) -> PathBuf {
    values_folder().join("nifti").join(name)
}

fn fault(path: &Path) -> NiftiFault {
    read_image(&[path.to_owned()]).expect_err("the file is damaged").fault
}

/// A small image on a grid of its own.
fn image(channels: usize, [z, y, x]: [usize; 3]) -> Image {
    let voxels = Array4::from_shape_fn((channels, z, y, x), |(c, z, y, x)| (c * 1000 + z * 100 + y * 10 + x) as f32);
    let geometry = Geometry::axis_aligned(Shape([z, y, x]), Spacing([2.5, 0.7, 0.9]), [-3.0, 4.5, 10.125]);
    Image { voxels, geometry }
}

/// Bytes of an uncompressed file with one 16-bit field of its header replaced.
fn with_field(offset: usize, value: i16) -> Vec<u8> {
    let mut bytes = fs::read(reference_file("scaled_int16.nii")).expect("reference file");
    bytes[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
    bytes
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
fn files_at_the_edges_of_the_standard_are_read_as_itk_and_nibabel_do() {
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
fn compression_is_told_by_content_not_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for (from, to) in [("int16_little.nii.gz", "packed.nii"), ("scaled_int16.nii", "plain.nii.gz")] {
        fs::copy(reference_file(from), folder.path().join(to)).expect("a copy");
        let expected = read_image(&[reference_file(from)]).expect("the original");
        let found = read_image(&[folder.path().join(to)]).expect("the copy");
        assert_eq!(found.voxels, expected.voxels);
    }
}

#[test]
fn labels_keep_spacing_and_affine_of_their_image_exactly() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["channels.nii.gz", "qform_only.nii.gz", "sform_only.nii.gz", "scaled_big_uint8.nii.gz"] {
        let source = read_image(&[reference_file(name)]).expect("a valid file");
        let labels = Array3::from_shape_fn(source.geometry.shape.0, |(z, y, x)| (z * 100 + y * 10 + x) as i16);
        let path = folder.path().join("new/folder").join(name);
        write_labels(&path, labels.view(), &source.geometry).expect("a writable folder");
        let back = read_labels(&path).expect("what was written");
        assert_eq!(back.labels, labels, "{name}");
        assert_eq!(back.geometry.spacing, source.geometry.spacing, "{name}");
        assert_eq!(back.geometry.affine, source.geometry.affine, "{name}");
        assert_eq!(back.geometry.header.dim[..4], [3, 4, 3, 2], "{name}");
        assert_eq!(fs::read_dir(path.parent().expect("a folder")).expect("listed").count(), 1, "nothing else is left");
        fs::remove_dir_all(folder.path().join("new")).expect("removed");
    }
}

#[test]
fn labels_of_a_file_of_two_dimensions_have_two_dimensions() {
    let folder = tempfile::tempdir().expect("a folder");
    let flat = read_image(&[values_folder().join("nifti_edges/two_dimensions.nii.gz")]).expect("a valid file");
    let labels = Array3::from_shape_fn(flat.geometry.shape.0, |(z, y, x)| (z + y + x) as i16);
    let path = folder.path().join("labels.nii.gz");
    write_labels(&path, labels.view(), &flat.geometry).expect("a writable folder");
    let back = read_labels(&path).expect("what was written");
    assert_eq!((back.labels, back.geometry.header.dim[..3].to_vec()), (labels, vec![2, 4, 3]));
    assert_eq!(back.geometry.affine, flat.geometry.affine);
}

#[test]
fn an_image_survives_writing_also_with_axes_of_one_voxel() {
    let folder = tempfile::tempdir().expect("a folder");
    for (channels, shape) in [(1, [4, 3, 2]), (3, [4, 3, 2]), (2, [1, 1, 5]), (1, [5, 1, 1]), (2, [3, 4, 1])] {
        for name in ["one.two.nii.gz", "one.two.nii"] {
            let written = image(channels, shape);
            let path = folder.path().join(name);
            write_image(&path, &written).expect("a writable folder");
            let back = read_image(&[path]).expect("what was written");
            assert_eq!(back.voxels, written.voxels);
            assert_eq!(back.geometry.affine, written.geometry.affine);
            assert_eq!(back.geometry.spacing, written.geometry.spacing);
        }
    }
}

#[test]
fn the_same_image_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let [first, second] = ["a", "b"].map(|name| {
        let path = folder.path().join(name).join("case.nii.gz");
        write_image(&path, &image(1, [3, 4, 5])).expect("a writable folder");
        fs::read(path).expect("what was written")
    });
    assert_eq!(first, second);
}

#[test]
fn channels_in_files_of_their_own_are_joined_in_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = image(3, [2, 3, 4]);
    let paths: Vec<PathBuf> = (0..3).map(|c| folder.path().join(format!("case_000{c}.nii.gz"))).collect();
    for (path, channel) in paths.iter().zip(whole.voxels.outer_iter()) {
        let voxels = channel.to_owned().insert_axis(ndarray::Axis(0));
        write_image(path, &Image { voxels, geometry: whole.geometry.clone() }).expect("a writable folder");
    }
    assert_eq!(read_image(&paths).expect("three channels").voxels, whole.voxels);
}

#[test]
fn a_header_that_promises_a_million_million_voxels_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("huge.nii.gz");
    let mut bytes = with_field(42, 10_000);
    for offset in [44, 46] {
        bytes[offset..offset + 2].copy_from_slice(&10_000_i16.to_le_bytes());
    }
    fs::write(&path, &bytes).expect("written");
    let plain = fault(&path);
    assert!(matches!(plain, NiftiFault::Truncated { expected: 2_000_000_000_000, found: 48 }), "{plain}");

    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&bytes).expect("written to memory");
    fs::write(&path, packer.finish().expect("written to memory")).expect("written");
    let packed = fault(&path);
    assert!(matches!(packed, NiftiFault::Impossible { promised: 2_000_000_000_000, .. }), "{packed}");
}

#[test]
fn a_file_that_was_cut_off_names_expected_and_found_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut.nii.gz");
    let voxels =
        Array4::from_shape_fn((1, 20, 20, 20), |(_, z, y, x)| ((z * 7919 + y * 104_729 + x * 1299) % 997) as f32);
    let geometry = Geometry::axis_aligned(Shape([20; 3]), Spacing([1.0; 3]), [0.0; 3]);
    write_image(&path, &Image { voxels, geometry }).expect("a writable folder");
    let bytes = fs::read(&path).expect("what was written");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("cut");
    let NiftiFault::Truncated { expected, found } = fault(&path) else { panic!("{}", fault(&path)) };
    assert_eq!(expected, 32_000);
    assert!(found > 0 && found < expected, "{found} bytes found");
}

#[test]
fn a_flipped_bit_in_a_compressed_file_is_noticed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flipped.nii.gz");
    let mut bytes = fs::read(reference_file("float64_little.nii.gz")).expect("reference file");
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    fs::write(&path, bytes).expect("written");
    assert!(matches!(fault(&path), NiftiFault::Io { verb: "read", .. }), "{}", fault(&path));
}

#[test]
fn headers_that_cannot_be_used_are_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.nii");
    let found = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("written");
        fault(&path)
    };
    assert!(matches!(found(b"not an image"), NiftiFault::NotNifti { .. }));
    assert!(matches!(found(b""), NiftiFault::OtherFormat { format: Format::Empty }));
    assert!(matches!(found(&[7; 400]), NiftiFault::NotNifti { .. }));
    assert!(matches!(found(&with_field(40, 1)), NiftiFault::Rank { .. }));
    assert!(matches!(found(&with_field(42, -4)), NiftiFault::Rank { .. }));
    assert!(matches!(found(&with_field(70, 1)), NiftiFault::DataType { code: 1 }));
    assert!(matches!(found(&with_field(82, 0x7f80)), NiftiFault::Spacing { .. }), "infinite spacing");
    assert!(matches!(found(&with_field(70, 128)), NiftiFault::Colour));
    assert!(matches!(found(&with_field(70, 32)), NiftiFault::Complex));
    assert!(matches!(fault(&folder.path().join("absent.nii.gz")), NiftiFault::Missing));
}

#[test]
fn a_label_is_the_nearest_integer_if_one_is_near() {
    let found =
        [0.0, 1.0, 1.000_000_2, 2.999_95, 300.0, -56.0, 1.004, 0.5, 1e300, f64::NAN, f64::INFINITY].map(label_of);
    let whole = [Some(0), Some(1), Some(1), Some(3), Some(300), Some(-56), None, None, None, None, None];
    assert_eq!(found, whole);
}

#[test]
fn a_label_that_does_not_fit_is_not_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let labels = Array3::from_elem((2, 3, 4), -1);
    let error = write_labels(&folder.path().join("labels.nii.gz"), labels.view(), &image(1, [2, 3, 4]).geometry);
    assert!(matches!(error.expect_err("-1 has no place in a file").fault, NiftiFault::LabelRange { .. }));
}

/// Gzip files whose last member something follows, as NiBabel, ITK and gunzip read them.
#[test]
fn what_follows_the_last_gzip_member_is_ignored() {
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

#[test]
fn an_sform_that_spans_no_volume_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.nii");
    let geometry = image(1, [2, 3, 4]).geometry;
    let write = |header: &::nifti::NiftiHeader| {
        let geometry = Geometry { header: header.clone(), ..geometry.clone() };
        write_image(&path, &Image { voxels: Array4::zeros((1, 2, 3, 4)), geometry }).expect("a writable folder");
        read_image(std::slice::from_ref(&path))
    };
    let mut header = ::nifti::NiftiHeader { qform_code: 1, ..geometry.header.clone() };
    (header.srow_x, header.srow_y, header.srow_z) = ([0.0; 4], [0.0; 4], [0.0; 4]);
    assert!(matches!(write(&header).expect_err("zeros").fault, NiftiFault::Singular));
    header.sform_code = 0;
    assert!(write(&header).is_ok(), "the qform is right");
    let mut header = geometry.header.clone();
    header.srow_y = header.srow_x;
    assert!(matches!(write(&header).expect_err("two parallel axes").fault, NiftiFault::Singular));
}

#[test]
fn a_quaternion_longer_than_one_is_refused_where_it_decides() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.nii");
    let grid = image(1, [2, 3, 4]).geometry;
    let mut header = ::nifti::NiftiHeader { qform_code: 1, quatern_b: 2.0, quatern_c: 1.0, ..grid.header.clone() };
    let read = |header: &::nifti::NiftiHeader| {
        let geometry = Geometry { header: header.clone(), ..grid.clone() };
        write_image(&path, &Image { voxels: Array4::zeros((1, 2, 3, 4)), geometry }).expect("a writable folder");
        read_image(std::slice::from_ref(&path))
    };
    assert!(read(&header).is_ok(), "the sform decides");
    header.sform_code = 0;
    assert!(matches!(read(&header).expect_err("no rotation").fault, NiftiFault::Quaternion { .. }));
}
