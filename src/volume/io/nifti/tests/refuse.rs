//! Files that are refused.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use ndarray::Array4;

use super::files::{image, problem, reference_file, with_field};
use crate::volume::io::testing::read_image;
use crate::volume::io::{ForeignFile, ImageFileProblem, write_image};
use crate::volume::{Geometry, Image, Shape, Spacing};

#[test]
fn a_header_that_promises_too_many_voxels_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("huge.nii.gz");
    let mut bytes = with_field(42, 10_000);
    for offset in [44, 46] {
        bytes[offset..offset + 2].copy_from_slice(&10_000_i16.to_le_bytes());
    }
    fs::write(&path, &bytes).expect("written");
    let plain = problem(&path);
    assert!(matches!(plain, ImageFileProblem::Truncated { expected: 2_000_000_000_000, found: 48 }), "{plain}");

    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(&bytes).expect("written to memory");
    fs::write(&path, packer.finish().expect("written to memory")).expect("written");
    let packed = problem(&path);
    assert!(matches!(packed, ImageFileProblem::Impossible { promised: 2_000_000_000_000, .. }), "{packed}");
}

#[test]
fn a_truncated_file_is_refused_with_expected_and_found_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cut.nii.gz");
    let voxels =
        Array4::from_shape_fn((1, 20, 20, 20), |(_, z, y, x)| ((z * 7919 + y * 104_729 + x * 1299) % 997) as f32);
    let geometry = Geometry::axis_aligned(Shape([20; 3]), Spacing([1.0; 3]), [0.0; 3]);
    write_image(&path, &Image { voxels, geometry }).expect("a writable folder");
    let bytes = fs::read(&path).expect("what was written");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("cut");
    let ImageFileProblem::Truncated { expected, found } = problem(&path) else { panic!("{}", problem(&path)) };
    assert_eq!(expected, 32_000);
    assert!(found > 0 && found < expected, "{found} bytes found");
}

#[test]
fn a_flipped_bit_in_a_compressed_file_is_detected() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("flipped.nii.gz");
    let mut bytes = fs::read(reference_file("float64_little.nii.gz")).expect("reference file");
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    fs::write(&path, bytes).expect("written");
    assert!(matches!(problem(&path), ImageFileProblem::Io { verb: "read", .. }), "{}", problem(&path));
}

#[test]
fn unusable_headers_are_distinguished() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.nii");
    let found = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("written");
        problem(&path)
    };
    assert!(matches!(found(b"not an image"), ImageFileProblem::Invalid { .. }));
    assert!(matches!(found(b""), ImageFileProblem::Foreign { kind: ForeignFile::Empty }));
    assert!(matches!(found(&[7; 400]), ImageFileProblem::Invalid { .. }));
    assert!(matches!(found(&with_field(40, 1)), ImageFileProblem::Rank { .. }));
    assert!(matches!(found(&with_field(42, -4)), ImageFileProblem::Rank { .. }));
    assert!(matches!(found(&with_field(70, 1)), ImageFileProblem::DataType { code: 1 }));
    assert!(matches!(found(&with_field(82, 0x7f80)), ImageFileProblem::Spacing { .. }), "infinite spacing");
    assert!(matches!(found(&with_field(70, 128)), ImageFileProblem::Colour));
    assert!(matches!(found(&with_field(70, 32)), ImageFileProblem::Complex));
    assert!(matches!(problem(&folder.path().join("absent.nii.gz")), ImageFileProblem::Missing));
}

/// Offsets of header fields, bytes. Source: the NIfTI-1 standard, `nifti1.h`.
const QFORM_CODE: usize = 252;
const SFORM_CODE: usize = 254;
const QUATERN_B: usize = 256;
const SROW_X: usize = 280;
const SROW_Y: usize = 296;
const SROW_BYTES: usize = 16;

/// A file of a valid image with parts of its header replaced, read back.
fn read_patched(path: &Path, patches: &[(usize, Vec<u8>)]) -> Result<(), ImageFileProblem> {
    write_image(path, &image(1, [2, 3, 4])).expect("a writable folder");
    let mut bytes = fs::read(path).expect("the image");
    for (offset, patch) in patches {
        bytes[*offset..offset + patch.len()].copy_from_slice(patch);
    }
    fs::write(path, bytes).expect("written");
    read_image(&[path.to_owned()]).map(|_| ()).map_err(|error| error.problem)
}

fn code(offset: usize, code: i16) -> (usize, Vec<u8>) {
    (offset, code.to_le_bytes().to_vec())
}

#[test]
fn an_sform_that_spans_no_volume_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.nii");
    let zeros = (SROW_X, vec![0; 3 * SROW_BYTES]);
    let refused = read_patched(&path, &[code(QFORM_CODE, 1), zeros.clone()]);
    assert!(matches!(refused, Err(ImageFileProblem::Singular)), "zeros");
    let read = read_patched(&path, &[code(QFORM_CODE, 1), code(SFORM_CODE, 0), zeros]);
    assert!(read.is_ok(), "the qform is valid");
    write_image(&path, &image(1, [2, 3, 4])).expect("a writable folder");
    let first_row = fs::read(&path).expect("the image")[SROW_X..SROW_X + SROW_BYTES].to_vec();
    let refused = read_patched(&path, &[code(QFORM_CODE, 1), (SROW_Y, first_row)]);
    assert!(matches!(refused, Err(ImageFileProblem::Singular)), "two parallel axes");
}

#[test]
fn a_quaternion_longer_than_one_is_refused_if_it_decides() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("case.nii");
    let long: Vec<u8> = [2.0_f32, 1.0, 0.0].iter().flat_map(|part| part.to_le_bytes()).collect();
    let quaternion = (QUATERN_B, long);
    assert!(read_patched(&path, &[code(QFORM_CODE, 1), quaternion.clone()]).is_ok(), "the sform decides");
    let refused = read_patched(&path, &[code(QFORM_CODE, 1), code(SFORM_CODE, 0), quaternion]);
    assert!(matches!(refused, Err(ImageFileProblem::Quaternion { .. })), "no rotation");
}
