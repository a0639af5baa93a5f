//! Layers, and the rendered error messages.

use miette::{GraphicalReportHandler, GraphicalTheme};
use tempfile::TempDir;

use super::*;
use crate::plan::edit::write::resolved_text;
use crate::plan::schema::Stopping;
use crate::plan::testing::example_text;

mod content;

/// A folder with `base.toml`, a whole plan, and `plan.toml`, which extends it and contains `text`.
fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.toml"), example_text()).unwrap();
    std::fs::write(folder.path().join("plan.toml"), format!("extends = \"base.toml\"\n{text}")).unwrap();
    folder
}

fn loaded(text: &str, overrides: &[&str]) -> Result<LoadedPlan, PlanError> {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    load(&folder(text).path().join("plan.toml"), &overrides)
}

/// The rendered errors of a plan.
fn errors_of(folder: &TempDir, variables: &[(&str, &str)], overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let path = folder.path().join("plan.toml");
    let error = load_with(&path, variables, &overrides).expect_err("the plan has a mistake");
    let mut rendered = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    handler.render_report(&mut rendered, &error).unwrap();
    rendered.replace(&format!("{}/", folder.path().display()), "")
}

fn errors(text: &str, overrides: &[&str]) -> String {
    errors_of(&folder(text), &[], overrides)
}

#[test]
fn layers_are_merged_key_by_key_and_the_uppermost_wins() {
    let loaded = loaded(
        "[train]\nbatches_per_epoch = 10\nmax_epochs = 20\n",
        &["train.batches_per_epoch=3", "runtime.device=cuda:1"],
    )
    .unwrap();
    assert_eq!(loaded.plan.train.batches_per_epoch, 3);
    assert_eq!(loaded.plan.train.max_epochs, 20);
    assert_eq!(loaded.plan.train.validation_batches_per_epoch, 50);
    assert_eq!(loaded.plan.runtime.device, "cuda:1");
    let source = |key: &str| loaded.layers.origin(key).unwrap().0.source.clone();
    assert_eq!(source("train.batches_per_epoch"), Source::Set);
    assert!(matches!(source("train.max_epochs"), Source::File(path) if path.ends_with("plan.toml")));
    assert!(matches!(source("train.schedule.factor"), Source::File(path) if path.ends_with("base.toml")));
}

#[test]
fn a_cycle_of_plans_is_refused() {
    let folder = folder("");
    std::fs::write(folder.path().join("base.toml"), "extends = \"plan.toml\"\n").unwrap();
    let refused = load(&folder.path().join("plan.toml"), &[]).unwrap_err().to_string();
    assert!(refused.starts_with("`extends` forms a cycle") && refused.matches("plan.toml").count() == 2, "{refused}");
}

#[test]
fn a_missing_file_is_named() {
    let folder = folder("");
    std::fs::remove_file(folder.path().join("base.toml")).unwrap();
    let refused = load(&folder.path().join("plan.toml"), &[]).unwrap_err().to_string();
    assert!(refused.contains("cannot read the plan") && refused.contains("base.toml"), "{refused}");
}

#[test]
fn a_saved_plan_is_loaded_as_it_was_saved() {
    let plan = loaded("", &["train.batches_per_epoch=7"]).unwrap().plan;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.toml");
    std::fs::write(&path, resolved_text(&plan)).unwrap();
    assert_eq!(load_resolved(&path).unwrap().plan, plan);
}

#[test]
fn a_misspelt_key() {
    insta::assert_snapshot!(errors("[train]\nlerning_rate = 0.001\n", &[]));
}

#[test]
fn three_mistakes_at_once() {
    insta::assert_snapshot!(errors("[train]\nbatch = 3\nmax_epochs = \"many\"\n[losses]\nsmooth = 1\n", &[]));
}

#[test]
fn a_patch_that_cannot_be_pooled() {
    insta::assert_snapshot!(errors("[configurations.3d_fullres]\npatch_size = [40, 41, 40]\n", &[]));
}

#[test]
fn a_patch_of_two_edges() {
    insta::assert_snapshot!(errors("[configurations.3d_fullres]\npatch_size = [40, 56]\n", &[]));
}

#[test]
fn an_unknown_configuration() {
    insta::assert_snapshot!(errors("[run]\nconfigurations = [\"3d_full_res\"]\n", &[]));
}

#[test]
fn a_configuration_that_is_not_planned() {
    insta::assert_snapshot!(errors("[run]\nconfigurations = [\"3d_fullres\", \"3d_lowres\"]\n", &[]));
}

#[test]
fn a_fold_too_many() {
    insta::assert_snapshot!(errors("[run]\nfolds = [0, 5]\n", &[]));
}

#[test]
fn a_string_instead_of_a_boolean() {
    insta::assert_snapshot!(errors("[configurations.3d_fullres]\nbatch_dice = \"case\"\n", &[]));
}

#[test]
fn a_negative_learning_rate_on_the_command_line() {
    insta::assert_snapshot!(errors("", &["train.learning_rate=-0.1"]));
}

#[test]
fn a_setting_without_a_value() {
    insta::assert_snapshot!(errors("", &["train.batches_per_epoch"]));
}

#[test]
fn broken_toml() {
    insta::assert_snapshot!(errors("[train\nmax_epochs = 3\n", &[]));
}

#[test]
fn features_that_do_not_fit_the_pools() {
    insta::assert_snapshot!(errors("[configurations.3d_fullres]\nfeatures_per_stage = [30, 60]\n", &[]));
}

#[test]
fn a_probability_above_one() {
    insta::assert_snapshot!(errors("[augment]\ngamma.probability = 30.0\nscaling.range = [1.25, 0.85]\n", &[]));
}

#[test]
fn a_label_that_is_not_a_number() {
    insta::assert_snapshot!(errors("[data.labels]\nliver = \"3\"\n", &[]));
}

#[test]
fn a_plan_without_its_data_set() {
    let folder = folder("");
    std::fs::write(folder.path().join("plan.toml"), "name = \"small\"\n[train]\nmax_epochs = 3\n").unwrap();
    insta::assert_snapshot!(errors_of(&folder, &[], &[]));
}

#[test]
fn an_entry_of_a_list_on_the_command_line() {
    insta::assert_snapshot!(errors("", &["configurations.3d_fullres.patch_size=[40, 41, 40]"]));
}

#[test]
fn an_unknown_table_on_the_command_line() {
    insta::assert_snapshot!(errors("", &["foo.bar=1", "train.batchs=3"]));
}

#[test]
fn a_malformed_and_an_unknown_variable() {
    insta::assert_snapshot!(errors_of(&folder(""), &[("SEGPLAN_TRAIN__", "3")], &["=3"]));
}

#[test]
fn unknown_keys_in_variables() {
    let variables = [("SEGPLAN_TRAIN__EPOCHS", "3"), ("SEGPLAN_NET__DEPTH", "4"), ("SEGPLAN_RUN__FOLDS", "[0, 9]")];
    insta::assert_snapshot!(
        errors_of(&folder(""), &variables[..2], &[]) + &errors_of(&folder(""), &variables[2..], &[])
    );
}

#[test]
fn no_folds_at_all() {
    insta::assert_snapshot!(errors("[split]\nfolds = 0\n", &[]));
}

#[test]
fn more_folds_than_cases() {
    insta::assert_snapshot!(errors("[data]\ncases = 3\n", &["split.folds=4", "run.folds=[0]"]));
}

#[test]
fn rules_out_of_range() {
    let rules = "[rules]\nmax_pool_depth_3d = 64\nmin_edge_to_pool = 1\nmax_dataset_fraction = 5\nreference_patch_size_3d = [128, 0, 128]\n";
    insta::assert_snapshot!(errors(&format!("{rules}max_features_3d = 16\n"), &[]));
}

#[test]
fn a_device_that_does_not_exist() {
    insta::assert_snapshot!(errors("[runtime]\ndevice = \"gpu\"\n", &[]) + &errors("", &["runtime.device=cuda:first"]));
}

#[test]
fn booleans_and_numbers_as_strings() {
    insta::assert_snapshot!(errors("[predict]\ntest_time_mirroring = \"yes\"\ntile_step_fraction = \"half\"\n", &[]));
}

#[test]
fn a_number_where_a_list_belongs() {
    insta::assert_snapshot!(errors("[run]\nfolds = 0\nseeds = [-1]\n", &[]));
}

#[test]
fn a_value_where_a_table_belongs() {
    insta::assert_snapshot!(errors("", &["train=3"]));
}

#[test]
fn extends_that_is_not_a_file_name() {
    let folder = folder("");
    std::fs::write(folder.path().join("plan.toml"), "extends = [\"base.toml\"]\n").unwrap();
    insta::assert_snapshot!(errors_of(&folder, &[], &[]));
}

#[test]
fn a_name_that_no_folder_can_have() {
    insta::assert_snapshot!(errors("name = \"my/plan\"\n", &[]));
}

#[test]
fn a_slice_as_a_patch_in_3d() {
    let text = "[configurations.3d_fullres]\npatch_size = [1, 56, 40]\npool_depths = [0, 3, 3]\n";
    insta::assert_snapshot!(errors(text, &[]));
}

#[test]
fn normalisation_of_too_many_channels_without_intensities() {
    insta::assert_snapshot!(
        errors("[preprocess]\nnormalization_scheme = [\"ct\", \"zscore\"]\n", &[])
            + &errors("[preprocess]\nnormalization_scheme = [\"ct\", \"ct\"]\n", &[])
    );
}

#[test]
fn a_seed_twice_and_no_folds() {
    insta::assert_snapshot!(errors("[run]\nfolds = []\nseeds = [1, 1]\n", &[]));
}

#[test]
fn a_patient_pattern_that_is_not_a_regular_expression() {
    insta::assert_snapshot!(errors("[split]\npatient_pattern = \"(patient\"\n", &[]));
}

#[test]
fn a_schedule_that_never_falls() {
    insta::assert_snapshot!(errors(
        "[train]\nschedule.factor = 1.5\nbatches_per_epoch = 0\ntrain_loss_ema_decay = 1.1\n",
        &[]
    ));
}

#[test]
fn a_label_that_is_not_in_the_data_set() {
    insta::assert_snapshot!(errors("[data]\nsingle_component_labels = [1, 3]\n", &[]));
}

#[test]
fn a_plan_of_an_earlier_format() {
    let folder = folder("");
    let old = "schema = 1\nname = \"old\"\n[train]\nbatches = 3\n";
    std::fs::write(folder.path().join("plan.toml"), old).unwrap();
    insta::assert_snapshot!(errors_of(&folder, &[], &[]));
}

#[test]
fn variables_that_are_nearly_those_of_a_key() {
    let variables = [("SEGPLAN_TRAIN_MAX_EPOCHS", "9"), ("SEGPLAN_FOO", "3")];
    insta::assert_snapshot!(errors_of(&folder(""), &variables, &[]));
}

#[test]
fn a_variable_may_set_the_name() {
    let variables = vec![("SEGPLAN_NAME".to_owned(), "other".to_owned())];
    assert_eq!(load_with(&folder("").path().join("plan.toml"), variables, &[]).unwrap().plan.name, "other");
}

#[test]
fn a_list_that_is_not_closed_on_the_command_line() {
    insta::assert_snapshot!(errors("", &["run.folds=[0,1", "run.configurations=[\"3d\"]"]));
}

#[test]
fn a_kind_that_is_chosen_above_another_one_has_its_defaults() {
    let text = "[train.stopping]\nkind = \"none\"\n";
    let stopping = |overrides: &[&str]| loaded(text, overrides).unwrap().plan.train.stopping;
    assert_eq!(stopping(&[]), Stopping::None);
    let Stopping::ValidationPlateau(chosen) = stopping(&["train.stopping.kind=validation_plateau"]) else {
        panic!("another kind")
    };
    assert_eq!((chosen.patience_epochs, chosen.threshold), (60, 0.005));
    let refused = errors(text, &["train.stopping.threshold=0.1"]);
    assert!(refused.contains("threshold"), "{refused}");
}

#[test]
fn a_kind_that_does_not_exist_and_keys_of_another_kind() {
    let unknown = errors("[train.schedule]\nkind = \"platau\"\n", &[]);
    let other = errors("[train.stopping]\nkind = \"none\"\nthreshold = 0.1\n", &[]);
    insta::assert_snapshot!(format!("{unknown}{other}"));
}

#[test]
fn another_kind_drops_the_keys_of_the_kind_below_it() {
    let plan = loaded("[train.stopping]\nkind = \"none\"\n", &[]).unwrap().plan;
    assert_eq!(plan.train.stopping, crate::plan::schema::Stopping::None);
}

#[test]
fn a_file_that_is_extended_and_missing() {
    let folder = folder("");
    std::fs::remove_file(folder.path().join("base.toml")).unwrap();
    insta::assert_snapshot!(errors_of(&folder, &[], &[]));
}

#[test]
fn a_misspelt_configuration_table() {
    insta::assert_snapshot!(errors("[configurations.3d_fulres]\nbatch_size = 2\n", &[]));
}

#[test]
fn a_date_is_an_error_like_any_other_value_of_the_wrong_type() {
    let message = errors("[train]\nmax_epochs = 1979-05-27\n", &[]);
    assert!(message.contains("max_epochs") && message.contains("plan.toml:"), "{message}");
}
