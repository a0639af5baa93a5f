//! Files that are written.

use std::fs;

use ndarray::Array3;

use super::files::{image, reference_file, values_folder};
use crate::volume::Geometry;
use crate::volume::io::nifti::placement::header_of;
use crate::volume::io::testing::{read_image, read_labels};
use crate::volume::io::{ImageFileProblem, write_image, write_labels};

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
        let placement = |geometry: &Geometry| {
            let header = header_of(geometry);
            let quaternion = [header.quatern_b, header.quatern_c, header.quatern_d];
            let offset = [header.quatern_x, header.quatern_y, header.quatern_z];
            let sform = [header.srow_x, header.srow_y, header.srow_z];
            let units = header.xyzt_units;
            (header.qform_code, quaternion, offset, header.sform_code, sform, units, header.pixdim[..4].to_vec())
        };
        assert_eq!(placement(&back.geometry), placement(&source.geometry), "{name}");
        assert_eq!(header_of(&back.geometry).dim[..4], [3, 4, 3, 2], "{name}");
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
    assert_eq!((back.labels, header_of(&back.geometry).dim[..3].to_vec()), (labels, vec![2, 4, 3]));
    assert_eq!(back.geometry.affine, flat.geometry.affine);
}

#[test]
fn images_round_trip_also_with_axes_of_one_voxel() {
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
fn a_label_out_of_range_is_not_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let labels = Array3::from_elem((2, 3, 4), -1);
    let error = write_labels(&folder.path().join("labels.nii.gz"), labels.view(), &image(1, [2, 3, 4]).geometry);
    assert!(matches!(error.expect_err("-1 is out of range").problem, ImageFileProblem::LabelRange { .. }));
}
