//! Trained models of nnU-Net v2 from outside: imported, their predictions compared with nnU-Net's own, exported and imported again.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::{Ended, Workplace, fail, succeed};
use ndarray::Array3;
use segplan::dataset::CaseId;
use segplan::dataset::gate::{self, Expected};

/// Voxels that may differ from nnU-Net's labels: it sums the tiles in half precision.
const DIFFERING: usize = 3;

/// A model that nnU-Net 2.8.1 trained, by `tests/reference/nnunet_model.py`.
fn trained(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/nnunet-model-{kind}"))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `segplan import` of a model as the run `NAME`.
fn import(workplace: &Workplace, model: &Path, name: &str) -> Ended {
    succeed(&mut workplace.segplan(&["import", text(model), "-o", &format!("runs/{name}")]))
}

/// `segplan predict` with a run. Returns the labels of the case.
fn predict(workplace: &Workplace, name: &str, model: &Path) -> Array3<i16> {
    let (run, output) = (format!("runs/{name}"), format!("out-{name}"));
    let input = model.join("input");
    let case = case_of(model);
    succeed(&mut workplace.segplan(&["predict", "--run", &run, "--input", text(&input), "--output", &output]));
    read_labels(&workplace.path(&output).join(case))
}

/// The prediction of nnU-Net in a model folder.
fn case_of(model: &Path) -> &'static str {
    if model.join("phantom.nii.gz").is_file() { "phantom.nii.gz" } else { "ph_010.nii.gz" }
}

fn read_labels(path: &Path) -> Array3<i16> {
    let labels: BTreeMap<u8, String> = (1..=3).map(|label| (label, label.to_string())).collect();
    let expected = Expected { channels: 1, labels: &labels, memory_bytes: 1 << 30 };
    gate::read_labels(&CaseId("case".to_owned()), path, None, &expected).unwrap().labels
}

fn differing(found: &Array3<i16>, expected: &Array3<i16>) -> usize {
    assert_eq!(found.dim(), expected.dim());
    found.iter().zip(expected).filter(|(found, expected)| found != expected).count()
}

/// Imports a model, predicts, exports it, and imports that.
fn check_round_trip(model: &Path) {
    let workplace = Workplace::new();
    import(&workplace, model, "imported");
    let labels = predict(&workplace, "imported", model);
    let expected = read_labels(&model.join(case_of(model)));
    let differing = differing(&labels, &expected);
    assert!(differing <= DIFFERING, "{}: {differing} of {} voxels differ", model.display(), labels.len());
    assert!(labels.iter().any(|&label| label > 0));
    succeed(&mut workplace.segplan(&["export", "--nnunet-model", "runs/imported", "-o", "exported"]));
    import(&workplace, &workplace.path("exported"), "again");
    assert!(predict(&workplace, "again", model) == labels);
}

#[test]
fn imported_models_predict_what_nnunet_predicts_and_survive_export() {
    // 3D, two folds, permuted axes, CT and a masked z-score; 2D, residual blocks, regions.
    for kind in ["plain", "resenc"] {
        check_round_trip(&trained(kind));
    }
}

/// Plain and residual, 2D and 3D, two folds, regions, masks, permuted axes.
#[test]
#[ignore = "needs nnunet-v2-models in the folder $SEGPLAN_TEST_DATA; run with `-- --ignored`"]
fn models_of_every_kind_predict_what_nnunet_predicts_and_survive_export() {
    let data = std::env::var_os("SEGPLAN_TEST_DATA").expect("SEGPLAN_TEST_DATA is a folder with nnunet-v2-models");
    for model in ["plain-aniso", "resenc-regions", "plain-2d"] {
        check_round_trip(&Path::new(&data).join("nnunet-v2-models").join(model));
    }
}

#[test]
fn a_damaged_checkpoint_and_a_foreign_folder_have_their_exit_codes() {
    let workplace = Workplace::new();
    let folder = workplace.path("model/fold_0");
    fs::create_dir_all(&folder).unwrap();
    for file in ["plans.json", "dataset.json"] {
        fs::copy(trained("plain").join(file), workplace.path("model").join(file)).unwrap();
    }
    let import = |code: i32| fail(&mut workplace.segplan(&["import", "model", "-o", "runs/imported"]), code).error;
    let without = import(3);
    assert!(without.contains("has no `checkpoint_final.pth` in fold_0"), "{without}");
    let mut bytes = fs::read(trained("plain").join("fold_0/checkpoint_final.pth")).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(folder.join("checkpoint_final.pth"), bytes).unwrap();
    let damaged = import(3);
    assert!(damaged.contains("is damaged, or is no checkpoint"), "{damaged}");
    let nothing = fail(&mut workplace.segplan(&["import", ".", "-o", "runs/other", "--checkpoint", "absent.pth"]), 3);
    assert!(nothing.error.contains("has no `absent.pth` in fold_0"), "{}", nothing.text());
    assert!(!workplace.path("runs").join("imported").exists());
    let foreign = fail(&mut workplace.segplan(&["import", "runs", "-o", "runs/other"]), 2);
    assert!(foreign.error.contains("nnUNetPlans.json"), "{}", foreign.text());
}
