//! Rendered messages about values that do not fit each other: axes, patches, budgets, and several at once.

use super::*;

/// The example with some of its text replaced, as a plan of its own.
fn whole(changes: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = example_text();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    std::fs::write(folder.path().join("plan.toml"), text).unwrap();
    folder
}

fn network(text: &str) -> String {
    errors(&format!("[configurations.3d_fullres]\n{text}\n"), &[])
}

#[test]
fn three_misspelt_keys_two_swapped_axes_and_a_patch_of_41() {
    let folder = whole(&[
        ("batch_size = 9", "batchsize = 9"),
        ("learning_rate = ", "lerning_rate = "),
        ("mirroring]\nprobability = ", "mirroring]\nprobabilty = "),
        ("median_spacing_mm = [1.0, 1.0, 1.0]", "median_spacing_mm = [3.0, 1.0, 1.0]"),
        ("\nspacing_mm = [1.0, 1.0, 1.0]", "\nspacing_mm = [1.0, 1.0, 3.0]"),
        ("patch_size = [40, 56, 40]", "patch_size = [40, 41, 40]"),
    ]);
    insta::assert_snapshot!(errors_of(&folder, &[], &[]));
}

#[test]
fn a_misspelt_key_is_checked_as_the_nearest_one() {
    let folder = whole(&[("\npatch_size = [40, 56, 40]", "\npach_size = [40, 41, 40]")]);
    insta::assert_snapshot!(errors_of(&folder, &[], &[]));
}

#[test]
fn unusable_values_cause_no_further_errors() {
    let folder = whole(&[("pool_depths = [3, 3, 3]", "pool_depths = \"3\""), ("\nfolds = 5", "\nfolds = \"many\"")]);
    let text = errors_of(&folder, &[], &["run.folds=[7]", "configurations.3d_fullres.patch_size=[41, 41, 41]"]);
    assert_eq!(text.matches("Error:").count(), 2, "{text}");
}

#[test]
fn a_patch_with_the_axes_of_its_pools_swapped() {
    insta::assert_snapshot!(network(
        "pool_depths = [2, 3, 3]\npatch_size = [40, 20, 56]\nfeatures_per_stage = [30, 60, 120, 240]"
    ));
}

#[test]
fn a_slice_that_is_not_the_first_axis() {
    const REST: &str = "spacing_mm = [0.0, 1.0, 1.0]\nmedian_shape = [36, 50, 35]\nslice_axis = 0\nbatch_size = 9\n\
                        features_per_stage = [30, 60, 120, 240]\nbatch_dice = true\naugmentation = \"2d\"";
    let slice = |patch: &str, pools: &str| {
        errors(&format!("[configurations.2d]\npatch_size = {patch}\npool_depths = {pools}\n{REST}\n"), &[])
    };
    let (right, wrong) = (("[1, 56, 40]", "[0, 3, 3]"), ("[56, 1, 40]", "[3, 0, 3]"));
    let all = [slice(wrong.0, right.1), slice(right.0, wrong.1), slice(wrong.0, wrong.1)];
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_patch_with_the_axes_of_the_median_case_swapped() {
    insta::assert_snapshot!(network("patch_size = [40, 40, 56]"));
}

#[test]
fn a_larger_patch_is_valid() {
    assert!(loaded("[configurations.3d_fullres]\npatch_size = [64, 64, 64]\nbatch_size = 2\n", &[]).is_ok());
}

#[test]
fn a_spacing_of_zero_in_3d() {
    insta::assert_snapshot!(network("spacing_mm = [0.0, 1.0, 1.0]"));
}

#[test]
fn a_patch_that_is_pooled_to_a_single_voxel() {
    insta::assert_snapshot!(network("patch_size = [8, 8, 8]"));
}

#[test]
fn a_patch_without_extent_and_one_without_end() {
    insta::assert_snapshot!(network("patch_size = [0, 56, 99999999]"));
}

#[test]
fn a_batch_that_no_machine_holds() {
    insta::assert_snapshot!(network("batch_size = 99999999"));
}

#[test]
fn an_empty_batch_and_zero_feature_maps() {
    insta::assert_snapshot!(network("batch_size = 0\nfeatures_per_stage = [0, 60, 120, 99999]"));
}

#[test]
fn a_slice_axis_in_3d() {
    insta::assert_snapshot!(network("slice_axis = 1"));
}

#[test]
fn numbers_that_are_not_finite() {
    insta::assert_snapshot!(errors(
        "[train]\nlearning_rate = nan\noptimizer.weight_decay = inf\nmax_epochs = 2.5\n",
        &[]
    ));
}

#[test]
fn a_number_in_quotes() {
    insta::assert_snapshot!(errors("[train]\nlearning_rate = \"0.001\"\n", &[]));
}

#[test]
fn a_key_in_another_table() {
    insta::assert_snapshot!(errors("batch_size = 3\n[network]\nlearning_rate = 0.1\n[train]\nepochs = 3\n", &[]));
}

#[test]
fn a_wrong_entry_of_a_list() {
    insta::assert_snapshot!(errors("[run]\nfolds = [0, -1, 2]\n", &[]));
}

#[test]
fn impossible_measurements() {
    insta::assert_snapshot!(errors(
        "[data]\nmedian_spacing_mm = [1.0, 0.0, 1.0]\ncropped_fraction = 1.5\ncases = 1\n",
        &[]
    ));
}

#[test]
fn ct_without_intensities() {
    insta::assert_snapshot!(errors("[preprocess]\nnormalization_scheme = [\"ct\"]\nintensities = []\n", &[]));
}

#[test]
fn quantiles_in_the_wrong_order() {
    let entry = "{ mean = 1.0, sd = -1.0, p00_5 = 9.0, p99_5 = 2.0 }";
    insta::assert_snapshot!(errors(&format!("[preprocess]\nintensities = [{entry}]\n"), &[]));
}

#[test]
fn an_unknown_interpolation_order() {
    insta::assert_snapshot!(errors("[preprocess]\nimage_order = 2\n[predict]\ntile_step_fraction = 0.0\n", &[]));
}

/// The warnings of a plan that can be run, as they are printed.
fn warned(text: &str) -> String {
    let plan = loaded(text, &[]).unwrap();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    let mut rendered = String::new();
    for warning in &plan.warnings {
        handler.render_report(&mut rendered, warning).unwrap();
    }
    let folder = |line: &str| {
        line.split_once("─[").map(|(_, path)| path.rsplit_once('/').map_or("", |(head, _)| head).to_owned())
    };
    let heads: Vec<String> = rendered.lines().filter_map(folder).filter(|head| !head.is_empty()).collect();
    heads.iter().fold(rendered, |text, head| text.replace(&format!("{head}/"), ""))
}

#[test]
fn a_batch_above_the_rules_is_a_warning() {
    insta::assert_snapshot!(warned("[configurations.3d_fullres]\nbatch_size = 64\n"));
}

#[test]
fn poolings_beyond_the_rules_are_a_warning() {
    let text = "[configurations.3d_fullres]\npool_depths = [3, 3, 4]\npatch_size = [40, 56, 48]\n";
    insta::assert_snapshot!(warned(&format!("{text}features_per_stage = [30, 60, 120, 240, 320]\nbatch_size = 2\n")));
}

#[test]
fn warnings_are_listed_after_errors() {
    insta::assert_snapshot!(network("batch_size = 64\nbatch_dice = \"case\""));
}
