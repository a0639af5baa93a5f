//! Variants of a plan, and the text of mistakes in a sweep.

use miette::{GraphicalReportHandler, GraphicalTheme};

use super::*;
use crate::plan::edit::write::resolved_text;
use crate::plan::read::diagnostic::PlanError;
use crate::plan::read::load::{load, load_resolved};
use crate::plan::schema::Stopping;
use crate::plan::testing::example_text;

/// The plan `base.toml`, with `text` at its end.
fn loaded(text: &str, overrides: &[&str]) -> Result<LoadedPlan, PlanError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("base.toml"), example_text()).unwrap();
    let path = folder.path().join("plan.toml");
    std::fs::write(&path, format!("extends = \"base.toml\"\n{text}")).unwrap();
    let overrides: Vec<String> = overrides.iter().map(ToString::to_string).collect();
    load(&path, &overrides)
}

fn names(loaded: &LoadedPlan) -> Vec<&str> {
    loaded.variants.iter().map(|variant| variant.plan.name.as_str()).collect()
}

/// The rendered errors of a sweep.
fn errors(text: &str, overrides: &[&str]) -> String {
    let error = loaded(text, overrides).expect_err("the sweep has a mistake");
    let mut rendered = String::new();
    let handler = GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_width(100);
    handler.render_report(&mut rendered, &error).unwrap();
    let lines = rendered.lines().map(|line| match line.split_once("─[") {
        Some((head, path)) => format!("{head}─[{}", path.rsplit('/').next().unwrap_or(path)),
        None => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn axes_are_crossed_and_the_keys_of_one_axis_go_together() {
    let text = "[[sweep]]\ntrain.learning_rate = [0.001, 0.003]\n\n[[sweep]]\n\"train.batches_per_epoch\" = [10, 20]\n\
                configurations.3d_fullres.batch_size = [4, 2]\n";
    let loaded = loaded(text, &[]).unwrap();
    assert_eq!(
        names(&loaded),
        [
            "hippocampus-learning_rate=0.001-batches_per_epoch=10-batch_size=4",
            "hippocampus-learning_rate=0.001-batches_per_epoch=20-batch_size=2",
            "hippocampus-learning_rate=0.003-batches_per_epoch=10-batch_size=4",
            "hippocampus-learning_rate=0.003-batches_per_epoch=20-batch_size=2",
        ]
    );
    let last = &loaded.variants[3];
    assert_eq!(last.plan.train.batches_per_epoch, 20);
    assert_eq!(
        last.swept,
        ["train.learning_rate=0.003", "train.batches_per_epoch=20", "configurations.3d_fullres.batch_size=2"]
    );
    assert!(loaded.swept.is_empty() && loaded.plan.train.batches_per_epoch == 250, "the plan itself is as it was");
}

#[test]
fn a_variant_is_saved_and_loaded_as_a_plan_of_its_own() {
    let loaded = loaded("[[sweep]]\ntrain.batches_per_epoch = [10, 20]\n", &["name=small"]).unwrap();
    assert_eq!(names(&loaded), ["small-batches_per_epoch=10", "small-batches_per_epoch=20"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), resolved_text(&loaded.variants[1].plan)).unwrap();
    let saved = load_resolved(file.path()).unwrap();
    assert_eq!(saved.plan, loaded.variants[1].plan);
    assert!(saved.variants.is_empty());
}

#[test]
fn names_are_as_short_as_distinct_and_valid_on_any_file_system() {
    assert_eq!(
        short_keys(&[
            "train.batches_per_epoch",
            "configurations.2d.features_per_stage",
            "configurations.3d_fullres.features_per_stage"
        ]),
        ["batches_per_epoch", "2d.features_per_stage", "3d_fullres.features_per_stage"]
    );
    let values = ["0.0003", "[4, 8, 16]", "\"a/b c\"", "-1", "true"].map(in_name);
    assert_eq!(values, ["0.0003", "4_8_16", "a_b_c", "-1", "true"]);
    let long = variant_name("x", &["y".repeat(200)]);
    assert!(long.len() < 20 && long.starts_with("x-"), "{long}");
}

#[test]
fn a_plan_that_extends_a_sweep_can_leave_it_out() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let example = example_text();
    write("base.toml", &format!("{example}\n[[sweep]]\ntrain.batches_per_epoch = [10, 20]\n"));
    write("same.toml", "extends = \"base.toml\"\nname = \"same\"\n");
    write("single.toml", "extends = \"base.toml\"\nsweep = []\n");
    assert_eq!(
        names(&load(&folder.path().join("same.toml"), &[]).unwrap()),
        ["same-batches_per_epoch=10", "same-batches_per_epoch=20"]
    );
    assert!(load(&folder.path().join("single.toml"), &[]).unwrap().variants.is_empty());
}

#[test]
fn a_wrong_value_is_pointed_at_once_however_many_variants_have_it() {
    insta::assert_snapshot!(errors(
        "[[sweep]]\nconfigurations.3d_fullres.patch_size = [[40, 56, 40], [40, 41, 40]]\n[[sweep]]\n\
         train.batches_per_epoch = [10, 20]\n",
        &[]
    ));
}

#[test]
fn a_misspelt_key_and_a_value_of_another_type() {
    insta::assert_snapshot!(errors(
        "[[sweep]]\ntrain.lerning_rate = [0.1]\n[[sweep]]\ntrain.batches_per_epoch = [10, \"many\"]\n",
        &[]
    ));
}

#[test]
fn lists_of_different_lengths_and_no_list_at_all() {
    insta::assert_snapshot!(errors(
        "[[sweep]]\ntrain.batches_per_epoch = [10, 20]\ntrain.max_epochs = [5]\n[[sweep]]\ntrain.schedule.patience_epochs = 3\n",
        &[]
    ));
}

#[test]
fn keys_that_are_not_swept_and_a_key_twice() {
    insta::assert_snapshot!(errors(
        "[[sweep]]\nruntime.threads = [1, 2]\n[[sweep]]\ntrain.batches_per_epoch = [10]\n[[sweep]]\ntrain.batches_per_epoch = [20]\n",
        &[]
    ));
}

#[test]
fn a_swept_key_that_is_set_as_well_and_values_that_are_the_same() {
    let sweep = "[[sweep]]\ntrain.batches_per_epoch = [10, 10]\n";
    insta::assert_snapshot!(errors(sweep, &["train.batches_per_epoch=5"]) + &errors(sweep, &[]));
}

#[test]
fn a_sweep_that_is_no_list_of_tables() {
    insta::assert_snapshot!(errors("[sweep]\ntrain.batches_per_epoch = [10, 20]\n", &[]));
}

#[test]
fn a_kind_is_swept_with_the_defaults_of_its_keys() {
    let text = "[[sweep]]\ntrain.stopping.kind = [\"none\", \"validation_plateau\"]\n";
    let loaded = loaded(text, &[]).unwrap();
    let stops_early = |stopping: &Stopping| matches!(stopping, Stopping::ValidationPlateau(_));
    let stopping: Vec<bool> = loaded.variants.iter().map(|variant| stops_early(&variant.plan.train.stopping)).collect();
    assert_eq!(stopping, [false, true]);
}
