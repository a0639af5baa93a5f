//! The paragraph follows the plan.

use super::*;
use crate::plan::schema::{Average, Normalization, Plan, PostprocessRule, Region};

fn plan() -> Plan {
    crate::plan::testing::example()
}

#[test]
fn the_split_is_by_patient_if_a_pattern_identifies_patients() {
    let mut plan = plan();
    assert_eq!(data::describe_split(&plan.split), "case (seed 12345)");
    plan.split.patient_pattern = "^(.+)_E[DS]$".to_owned();
    let text = data::describe_split(&plan.split);
    assert!(text.starts_with("patient (seed 12345") && text.contains("`^(.+)_E[DS]$`"), "{text}");
}

#[test]
fn excluded_cases_are_named() {
    let mut plan = plan();
    assert_eq!(data::describe_excluded(&plan), "");
    plan.data.exclude = vec!["a".to_owned()];
    assert_eq!(data::describe_excluded(&plan), ", after the exclusion of 1 case (a)");
}

#[test]
fn only_networks_that_are_run_are_described() {
    let mut plan = plan();
    plan.run.configurations = vec![crate::plan::schema::ConfigurationName::FullRes];
    let text = networks::describe_networks(&plan);
    assert!(text.contains("The 3D U-Net (3d_fullres)") && !text.contains("2D U-Net"), "{text}");
    assert!(!text.contains("(0:") && !text.contains("0 poolings"), "{text}");
}

#[test]
fn post_processing_names_the_classes_it_applies_to() {
    let mut plan = plan();
    plan.postprocess.rule = PostprocessRule::SingleComponent;
    plan.data.labels = [(1, "organ".to_owned()), (2, "core".to_owned())].into();
    plan.data.single_component_labels = vec![1, 2];
    let text = prediction::describe_postprocessing(&plan);
    assert!(text.contains("of organ and core was kept, because each is a single component"), "{text}");
    plan.data.single_component_labels = vec![2];
    let text = prediction::describe_postprocessing(&plan);
    assert!(text.contains("of core was kept, because it is a single component"), "{text}");
    plan.data.single_component_labels.clear();
    assert_eq!(prediction::describe_postprocessing(&plan), "Predictions were not post-processed.");
}

#[test]
fn the_prediction_is_described_as_the_plan_averages_and_mirrors() {
    let mut plan = plan();
    let all = prediction::describe_prediction(&plan);
    assert!(all.contains("averaged over all mirrored versions") && !all.contains("logits"), "{all}");
    plan.predict.average = Average::Logits;
    plan.predict.mirror_axes = vec![0, 2];
    let some = prediction::describe_prediction(&plan);
    assert!(some.contains("mirrored along axes 0 and 2 of the patch"), "{some}");
    assert!(some.ends_with("as logits (linear interpolation), followed by the softmax."), "{some}");
    plan.predict.mirror_axes.clear();
    plan.data.regions = vec![Region { name: "whole".to_owned(), labels: vec![1, 2], value: 1 }];
    let regions = prediction::describe_prediction(&plan);
    assert!(!regions.contains("mirrored") && regions.contains("followed by the sigmoid. The networks"), "{regions}");
    assert!(regions.contains("regions whole (labels 1 and 2); a voxel"), "{regions}");
}

#[test]
fn channels_with_different_schemes_are_named() {
    let mut plan = plan();
    plan.data.channels = vec!["T1".to_owned(), "CT".to_owned()];
    plan.preprocess.normalization_scheme = vec![Normalization::ZScore, Normalization::Ct];
    let text = data::describe_normalization(&plan);
    assert!(
        text.starts_with("Intensities of T1 were z-score normalised per image. Intensities of CT were clipped"),
        "{text}"
    );
}
