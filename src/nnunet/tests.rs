//! Export, import, and plans of nnU-Net itself.

use serde_json::json;

use super::{export, import};
use crate::plan::read::load;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::volume::{Shape, Spacing};

fn example() -> Plan {
    let mut plan = crate::plan::testing::example();
    // Not in the files of nnU-Net v2.
    plan.data.single_component_labels = vec![];
    // Slices across the last axis: all axes are reordered.
    let mut flat = plan.configurations[&ConfigurationName::FullRes].clone();
    flat.spacing_mm = Spacing([1.5, 1.0, 0.0]);
    flat.median_shape = Shape([50, 36, 35]);
    flat.slice_axis = 2;
    flat.patch_size = Shape([1, 56, 40]);
    flat.pool_depths = [0, 3, 2];
    plan.configurations.insert(ConfigurationName::TwoD, flat);
    let full = plan.configurations.get_mut(&ConfigurationName::FullRes).unwrap();
    full.patch_size = Shape([40, 56, 20]);
    full.pool_depths = [3, 3, 2];
    full.spacing_mm = Spacing([1.5, 1.0, 3.0]);
    plan
}

#[test]
fn an_exported_plan_is_imported_unchanged() {
    let plan = example();
    let exported = export::export(&plan);
    let imported = import::import("hippocampus", &exported.plans, &exported.dataset).unwrap();
    let full = ConfigurationName::FullRes;
    assert_eq!(imported.plan.configurations[&full].patch_size, plan.configurations[&full].patch_size);
    let (mut two_d, expected) = (
        imported.plan.configurations[&ConfigurationName::TwoD].clone(),
        &plan.configurations[&ConfigurationName::TwoD],
    );
    // Only the plane is kept.
    two_d.median_shape.0[2] = 35;
    let augmentation = expected.augmentation;
    two_d.augmentation = augmentation;
    assert_eq!(&two_d, expected);
    assert_eq!(imported.plan.configurations[&full].pool_depths, [3, 3, 2]);
    assert_eq!(imported.plan.configurations[&full].spacing_mm, plan.configurations[&full].spacing_mm);
    assert!(imported.plan.preprocess.anisotropy_threshold.abs() < f64::EPSILON, "0 never resamples an axis separately");
    assert_eq!(imported.plan.data.labels, plan.data.labels);
    assert_eq!(exported.plans["transpose_forward"], json!([2, 0, 1]));
    assert_eq!(exported.plans["configurations"]["3d_fullres"]["patch_size"], json!([20, 40, 56]));
    assert_eq!(exported.plans["configurations"]["2d"]["spacing"], json!([1.5, 1.0]));
}

#[test]
fn an_imported_plan_is_a_valid_file() {
    let exported = export::export(&example());
    let imported = import::import("mine", &exported.plans, &exported.dataset).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, &imported.text).unwrap();
    assert_eq!(load(&path, &[]).unwrap().plan, imported.plan);
}

#[test]
fn unsupported_entries_are_listed() {
    let mut exported = export::export(&example());
    let network = &mut exported.plans["configurations"]["3d_fullres"];
    network["architecture"]["arch_kwargs"]["kernel_sizes"][0] = json!([1, 3, 3]);
    network["normalization_schemes"] = json!(["RescaleTo01Normalization"]);
    network["architecture"]["arch_kwargs"]["n_conv_per_stage"] = json!([1, 2, 2, 2]);
    exported.plans["configurations"]["mine"] = json!({ "inherits_from": "2d" });
    exported.plans["configurations"]["2d"]["architecture"]["network_class_name"] = json!("ResidualEncoderUNet");
    let imported = import::import("mine", &exported.plans, &exported.dataset).unwrap();
    insta::assert_snapshot!(imported.unsupported.join("\n"));
}

#[test]
fn other_files_are_refused() {
    let exported = export::export(&example());
    let refused = import::import("mine", &json!({}), &exported.dataset).unwrap_err().to_string();
    assert!(refused.starts_with("`transpose_forward` is not"), "{refused}");
    let regions = json!({ "channel_names": { "0": "MRI" }, "labels": { "all": [1, 2] }, "numTraining": 3 });
    let refused = import::import("mine", &exported.plans, &regions).unwrap_err().to_string();
    assert!(refused.contains("`all` is a region"), "{refused}");
}

/// Made by nnU-Net v2 2.8.1 itself for the 200 cases of the hippocampus (`tests/reference/nnunet.py`).
#[test]
fn a_plan_of_nnunets_own_planner_is_imported() {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let plans = read(include_str!("../../tests/reference/values/nnunet/nnUNetPlans.json"));
    let dataset = read(include_str!("../../tests/reference/values/nnunet/dataset.json"));
    let imported = import::import("hippocampus", &plans, &dataset).unwrap();
    let full = &imported.plan.configurations[&ConfigurationName::FullRes];
    assert_eq!((full.patch_size, full.pool_depths, full.batch_size), (Shape([40, 56, 40]), [3; 3], 7));
    assert_eq!((full.spacing_mm, &full.features_per_stage), (Spacing([1.0; 3]), &vec![32, 64, 128, 256]));
    let flat = &imported.plan.configurations[&ConfigurationName::TwoD];
    assert_eq!((flat.patch_size, flat.pool_depths), (Shape([1, 56, 40]), [0, 3, 3]));
    insta::assert_snapshot!(imported.text);
    // The export is what was imported, except for what only nnU-Net's own network has.
    let exported = export::export(&imported.plan);
    for name in ["2d", "3d_fullres"] {
        let (ours, theirs) = (&exported.plans["configurations"][name], &plans["configurations"][name]);
        for key in ["patch_size", "spacing", "batch_size", "batch_dice", "normalization_schemes", "use_mask_for_norm"] {
            assert_eq!(ours[key], theirs[key], "{name}.{key}");
        }
        for key in ["strides", "kernel_sizes", "features_per_stage", "n_conv_per_stage", "n_conv_per_stage_decoder"] {
            assert_eq!(
                ours["architecture"]["arch_kwargs"][key], theirs["architecture"]["arch_kwargs"][key],
                "{name}.{key}"
            );
        }
    }
}
