use std::fs;

use ndarray::Array3;

use super::*;
use crate::evaluate::metric::Metric;
use crate::volume::io::write_labels;
use crate::volume::{Geometry, Shape, Spacing};

/// Two folders of label maps.
struct Folders {
    root: tempfile::TempDir,
}

impl Folders {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for name in ["reference", "prediction"] {
            fs::create_dir(root.path().join(name)).unwrap();
        }
        Self { root }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes the same labels to both folders, the prediction with another origin.
    fn pair(&self, case: &str, labels: &[i16], shift: f64) {
        let map = Array3::from_shape_fn((2, 3, 4), |(z, y, x)| labels[(z * 12 + y * 4 + x) % labels.len()]);
        for (folder, origin) in [("reference", 0.0), ("prediction", shift)] {
            let grid = Geometry::axis_aligned(Shape([2, 3, 4]), Spacing([2.0, 1.0, 1.0]), [origin, 0.0, 0.0]);
            write_labels(&self.path(folder).join(format!("{case}.nii.gz")), map.view(), &grid).unwrap();
        }
    }

    fn evaluate(&self, partial: bool) -> Result<Evaluated, EvaluateError> {
        evaluate_folders(&Request {
            reference: &self.path("reference"),
            prediction: &self.path("prediction"),
            tolerance_mm: 1.0,
            partial,
            memory_bytes: 1 << 30,
        })
    }

    fn refused(&self) -> String {
        self.evaluate(false).unwrap_err().to_string()
    }
}

#[expect(clippy::disallowed_methods, reason = "a test moves its own files")]
fn moved(from: PathBuf, to: PathBuf) -> std::io::Result<()> {
    fs::rename(from, to)
}

#[test]
fn missing_predictions_are_refused_by_name_unless_partial() {
    let folders = Folders::new();
    for case in ["a", "b", "c"] {
        folders.pair(case, &[0, 1], 0.0);
    }
    for case in ["a", "c"] {
        fs::remove_file(folders.path("prediction").join(format!("{case}.nii.gz"))).unwrap();
    }
    let refused = folders.refused();
    assert!(refused.contains("2 of 3 cases") && refused.contains("`a`, `c`"), "{refused}");
    let partial = folders.evaluate(true).unwrap();
    assert_eq!((partial.scored, partial.references, partial.scores.len()), (1, 3, 1));
    assert!(partial.notes[0].contains("`a`, `c`"), "{:?}", partial.notes);
}

#[test]
fn a_prediction_on_another_grid_is_refused() {
    let folders = Folders::new();
    folders.pair("far", &[0, 1], 400.0);
    folders.pair("here", &[0, 1], 0.05);
    let refused = folders.refused();
    assert!(refused.contains("case `far`") && refused.contains("400.000 mm"), "{refused}");
    let partial = folders.evaluate(true).unwrap();
    assert_eq!((partial.scored, partial.references), (1, 2));
    assert!(partial.notes.iter().any(|note| note.contains("case `far`")), "{:?}", partial.notes);
}

#[test]
fn labels_above_255_are_scored() {
    let folders = Folders::new();
    // Written as int16 by hand, since label maps of this program have 8 bits.
    folders.pair("a", &[0, 1, 2], 0.0);
    for folder in ["reference", "prediction"] {
        let path = folders.path(folder).join("a.nii.gz");
        let map = crate::volume::io::testing::read_labels(&path).unwrap();
        let voxels = map.labels.mapv(|label| if label == 2 { 1035.0_f32 } else { f32::from(label) });
        let image = crate::volume::Image { voxels: voxels.insert_axis(ndarray::Axis(0)), geometry: map.geometry };
        crate::volume::io::write_image(&path, &image).unwrap();
    }
    let scores = folders.evaluate(false).unwrap().scores;
    let found: Vec<_> = scores.iter().map(|score| (score.label, score.value(Metric::Dice))).collect();
    assert_eq!(found, [(1, Some(1.0)), (1035, Some(1.0))]);
}

#[test]
fn class_names_come_from_the_description_of_the_references() {
    let folders = Folders::new();
    folders.pair("a", &[0, 2], 0.0);
    let description = r#"{"channel_names": {"0": "CT"}, "labels": {"background": 0, "liver": 1, "tumour": 2}}"#;
    fs::write(folders.path("dataset.json"), description).unwrap();
    let scores = folders.evaluate(false).unwrap().scores;
    let found: Vec<_> = scores.iter().map(|score| (score.class.as_str(), score.value(Metric::Dice))).collect();
    assert_eq!(found, [("liver", None), ("tumour", Some(1.0))]);

    folders.pair("a", &[0, 3], 0.0);
    let refused = folders.refused();
    assert!(refused.contains("undeclared labels: 3 ("), "{refused}");
}

#[test]
fn files_that_are_not_scored_are_named() {
    let folders = Folders::new();
    folders.pair("a", &[0, 1], 0.0);
    folders.pair("b", &[0, 1], 0.0);
    let path = |folder: &str, name: &str| folders.path(folder).join(name);
    moved(path("reference", "b.nii.gz"), path("reference", "B.NII.GZ")).unwrap();
    moved(path("prediction", "b.nii.gz"), path("prediction", "B.nii.gz")).unwrap();
    assert_eq!(folders.evaluate(false).unwrap().scored, 2, "upper-case endings");

    fs::write(path("reference", "c.hdr"), b"").unwrap();
    assert!(folders.refused().contains("`c.hdr`"));
    fs::remove_file(path("reference", "c.hdr")).unwrap();

    fs::copy(path("prediction", "a.nii.gz"), path("prediction", "a.nii")).unwrap();
    assert!(folders.refused().contains("case `a` has two files"));
    moved(path("prediction", "a.nii"), path("prediction", "extra.nii")).unwrap();
    assert!(folders.evaluate(false).unwrap().notes[0].contains("`extra.nii`"));
}

#[test]
fn folders_without_classes_and_negative_labels_are_refused() {
    let folders = Folders::new();
    folders.pair("a", &[0], 0.0);
    assert!(folders.refused().contains("only the background"));
    let path = folders.path("prediction").join("a.nii.gz");
    let map = crate::volume::io::testing::read_labels(&path).unwrap();
    let voxels = map.labels.mapv(|_| -1.0_f32).insert_axis(ndarray::Axis(0));
    crate::volume::io::write_image(&path, &crate::volume::Image { voxels, geometry: map.geometry }).unwrap();
    let refused = folders.refused();
    assert!(refused.contains("case `a`") && refused.contains("undeclared labels: -1 (24 voxels)"), "{refused}");
}

#[test]
fn a_prediction_with_non_integer_values_is_refused() {
    let folders = Folders::new();
    folders.pair("a", &[0, 1], 0.0);
    let path = folders.path("prediction").join("a.nii.gz");
    let map = crate::volume::io::testing::read_labels(&path).unwrap();
    for broken in [f32::NAN, 0.5, f32::INFINITY] {
        let voxels = map.labels.mapv(|label| if label == 1 { broken } else { 0.0 }).insert_axis(ndarray::Axis(0));
        let image = crate::volume::Image { voxels, geometry: map.geometry.clone() };
        crate::volume::io::write_image(&path, &image).unwrap();
        assert!(folders.refused().contains("12 voxels with non-integer values"), "{}", folders.refused());
    }
}
