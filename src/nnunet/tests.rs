//! Export, import, and plans of nnU-Net itself.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::dataset_file::DatasetFile;
use super::import::{Imported, usual_names};
use super::{export, import};
use crate::plan::read::load;
use crate::plan::schema::{ConfigurationName, Downsampling, EncoderBlock, Normalization, Plan};
use crate::volume::{Shape, Spacing};

fn imported(name: &str, plans: &Value, dataset: &DatasetFile) -> Imported {
    import::import(name, plans, dataset, &usual_names()).unwrap()
}

fn dataset(value: Value) -> DatasetFile {
    serde_json::from_str(&value.to_string()).unwrap()
}

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
    let imported = imported("hippocampus", &exported.plans, &exported.dataset);
    let network = |name: ConfigurationName| &imported.plan.configurations[&name];
    let (full, own) = (network(ConfigurationName::FullRes), &plan.configurations[&ConfigurationName::FullRes]);
    // nnU-Net reorders all axes, so that the slices of its 2D network come first.
    assert_eq!((full.slice_axis, full.patch_size, full.pool_depths), (2, Shape([20, 40, 56]), [2, 3, 3]));
    assert_eq!((full.spacing_mm, full.median_shape), (own.spacing_mm, own.median_shape));
    assert_eq!(full.downsampling_strides(), [[1, 2, 2], [2, 2, 2], [2, 2, 2]]);
    let (mut two_d, expected) =
        (network(ConfigurationName::TwoD).clone(), &plan.configurations[&ConfigurationName::TwoD]);
    assert_eq!(two_d.downsampling_strides(), expected.downsampling_strides());
    // Only the plane is kept.
    two_d.median_shape.0[2] = 35;
    (two_d.strides, two_d.augmentation) = (None, expected.augmentation);
    assert_eq!(&two_d, expected);
    assert!(imported.plan.preprocess.anisotropy_threshold.abs() < f64::EPSILON, "0 never resamples an axis separately");
    assert_eq!(imported.plan.data.labels, plan.data.labels);
    assert_eq!(exported.plans["transpose_forward"], json!([2, 0, 1]));
    assert_eq!(exported.plans["configurations"]["3d_fullres"]["patch_size"], json!([20, 40, 56]));
    assert_eq!(exported.plans["configurations"]["2d"]["spacing"], json!([1.5, 1.0]));
}

#[test]
fn an_imported_plan_is_a_valid_file() {
    let exported = export::export(&example());
    let imported = imported("mine", &exported.plans, &exported.dataset);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.toml");
    std::fs::write(&path, &imported.text).unwrap();
    assert_eq!(load(&path, &[]).unwrap().plan, imported.plan);
}

#[test]
fn networks_of_any_kernels_strides_and_blocks_are_imported_exactly() {
    let mut exported = export::export(&example());
    let entry = &mut exported.plans["configurations"]["3d_fullres"];
    let layers = &mut entry["architecture"]["arch_kwargs"];
    let stages = layers["n_stages"].as_u64().unwrap() as usize;
    layers["kernel_sizes"][0] = json!([1, 3, 3]);
    layers["strides"][1] = json!([1, 2, 2]);
    layers["n_conv_per_stage"] = Value::Null;
    layers["n_blocks_per_stage"] = json!([1, 3, 4, 6][..stages]);
    layers["n_conv_per_stage_decoder"] = json!(1);
    entry["architecture"]["network_class_name"] = json!(super::terms::RESIDUAL_UNET);
    entry["normalization_schemes"] = json!(["RescaleTo01Normalization"]);
    let names = BTreeMap::from([(ConfigurationName::FullRes, "3d_fullres".to_owned())]);
    let imported = import::import("mine", &exported.plans, &exported.dataset, &names).unwrap();
    assert_eq!(imported.inexact, Vec::<String>::new());
    let plan = imported.plan;
    assert_eq!(
        (plan.network.block, plan.network.downsampling),
        (EncoderBlock::Residual, Downsampling::StridedConvolution)
    );
    assert_eq!(plan.preprocess.normalization_scheme, [Normalization::RescaleTo01]);
    let again = export::export(&plan);
    let ours = &again.plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"];
    let theirs = &exported.plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"];
    for key in ["strides", "kernel_sizes", "n_blocks_per_stage", "features_per_stage"] {
        assert_eq!(ours[key], theirs[key], "{key}");
    }
    assert_eq!(ours["n_conv_per_stage_decoder"], json!(vec![1; stages - 1]));
}

#[test]
fn unsupported_entries_are_listed() {
    let mut exported = export::export(&example());
    let network = &mut exported.plans["configurations"]["3d_fullres"];
    network["normalization_schemes"] = json!(["HistogramNormalization"]);
    network["resampling_fn_data"] = json!("resample_torch_fornnunet");
    network["resampling_fn_seg_kwargs"]["force_separate_z"] = json!(true);
    network["preprocessor_name"] = json!("MyPreprocessor");
    exported.plans["image_reader_writer"] = json!("NibabelIOWithReorient");
    exported.plans["configurations"]["mine"] = json!({ "inherits_from": "2d" });
    exported.plans["configurations"]["2d"]["architecture"]["network_class_name"] = json!("Primus");
    let imported = imported("mine", &exported.plans, &exported.dataset);
    insta::assert_snapshot!([imported.inexact, imported.others, imported.absent].concat().join("\n"));
}

#[test]
fn layers_that_segplan_lacks_leave_a_configuration_out() {
    let left_out = |key: &str, value: Value| {
        let mut exported = export::export(&example());
        exported.plans["configurations"]["3d_fullres"]["architecture"]["arch_kwargs"][key] = value;
        let names = BTreeMap::from([(ConfigurationName::FullRes, "3d_fullres".to_owned())]);
        let refused = import::import("mine", &exported.plans, &exported.dataset, &names).unwrap_err().to_string();
        refused.split("left out: ").nth(1).unwrap().split(';').next().unwrap().to_owned()
    };
    let batch_norm = left_out("norm_op", json!("torch.nn.modules.batchnorm.BatchNorm3d"));
    assert_eq!(batch_norm, "its normalisation is `BatchNorm3d`");
    let dropout = left_out("dropout_op", json!("torch.nn.modules.dropout.Dropout3d"));
    assert_eq!(dropout, "its network has `dropout_op` = \"torch.nn.modules.dropout.Dropout3d\", which segplan lacks");
    assert_eq!(left_out("nonlin", json!("torch.nn.ReLU")), "its activation is `ReLU`");
    assert_eq!(left_out("strides", json!([[2, 2, 2]])), "`strides` is not a list of 4 lists of integers");
}

#[test]
fn plans_of_the_first_versions_are_imported_like_those_of_today() {
    let exported = export::export(&example());
    let today = imported("mine", &exported.plans, &exported.dataset);
    let mut plans = exported.plans;
    for (_, entry) in plans["configurations"].as_object_mut().unwrap() {
        let layers = entry["architecture"]["arch_kwargs"].take();
        entry.as_object_mut().unwrap().remove("architecture");
        entry["UNet_class_name"] = json!("PlainConvUNet");
        entry["UNet_base_num_features"] = layers["features_per_stage"][0].clone();
        entry["unet_max_num_features"] = layers["features_per_stage"].as_array().unwrap().last().unwrap().clone();
        entry["n_conv_per_stage_encoder"] = layers["n_conv_per_stage"].clone();
        entry["n_conv_per_stage_decoder"] = layers["n_conv_per_stage_decoder"].clone();
        entry["pool_op_kernel_sizes"] = layers["strides"].clone();
        entry["conv_kernel_sizes"] = layers["kernel_sizes"].clone();
    }
    let known = plans["foreground_intensity_properties_per_channel"].take();
    plans.as_object_mut().unwrap().remove("foreground_intensity_properties_per_channel");
    plans["foreground_intensity_properties_by_modality"] = known;
    assert_eq!(imported("mine", &plans, &exported.dataset).plan, today.plan);
}

#[test]
fn regions_keep_the_order_of_the_file_and_come_back() {
    let exported = export::export(&example());
    let text = r#"{"channel_names": {"0": "MRI"}, "numTraining": 9, "regions_class_order": [1, 2, 3],
        "labels": {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "bright": 3, "ignore": 4}}"#;
    let dataset: DatasetFile = serde_json::from_str(text).unwrap();
    let imported = imported("mine", &exported.plans, &dataset);
    let regions: Vec<(&str, &[u8], u8)> =
        imported.plan.data.regions.iter().map(|one| (one.name.as_str(), &one.labels[..], one.value)).collect();
    assert_eq!(regions, [("whole", &[1, 2, 3][..], 1), ("core", &[2, 3], 2), ("bright", &[3], 3)]);
    let labels: Vec<&str> = imported.plan.data.labels.values().map(String::as_str).collect();
    assert_eq!(labels, ["label 1", "label 2", "bright"]);
    assert!(imported.absent.iter().any(|note| note.starts_with("label `ignore`")), "{:?}", imported.absent);
    let again = export::export(&imported.plan).dataset;
    let names: Vec<&str> = again.labels.0.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["background", "whole", "core", "bright"]);
    assert_eq!(again.regions_class_order, dataset.regions_class_order);
}

#[test]
fn other_files_are_refused() {
    let exported = export::export(&example());
    let refused = import::import("mine", &json!({}), &exported.dataset, &usual_names()).unwrap_err().to_string();
    assert!(refused.starts_with("`transpose_forward` is not"), "{refused}");
    let refusal = |labels: Value| {
        let file = dataset(json!({ "channel_names": { "0": "MRI" }, "labels": labels, "numTraining": 3 }));
        import::import("mine", &exported.plans, &file, &usual_names()).unwrap_err().to_string()
    };
    let regions = refusal(json!({ "all": [1, 2], "some": 2 }));
    assert_eq!(regions, "`regions_class_order` is not a list of labels, although there are regions");
    let gap = refusal(json!({ "background": 0, "organ": 1, "tumour": 3 }));
    assert_eq!(gap, "labels [1, 3] are not consecutive from 1, as nnU-Net requires");
    let large = refusal(json!({ "background": 0, "organ": 256 }));
    assert_eq!(large, "`labels.organ` is not an integer from 0 to 255, or a list of them");
}

/// Made by nnU-Net v2 2.8.1 itself for the 200 cases of the hippocampus (`tests/reference/nnunet.py`).
#[test]
fn a_plan_of_nnunets_own_planner_is_imported() {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    let plans = read(include_str!("../../tests/reference/values/nnunet/nnUNetPlans.json"));
    let dataset = dataset(read(include_str!("../../tests/reference/values/nnunet/dataset.json")));
    let imported = imported("hippocampus", &plans, &dataset);
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
