//! Differences in words, and the stage of each key against the digests.

use toml::{Table, Value};

use super::*;
use crate::plan::compare::digest::StageDigests;
use crate::plan::schema::lookup::{Declared, declared, find, join};
use crate::plan::schema::recipe;
use crate::plan::schema::{DiceCe, Loss};
use crate::plan::testing::example;

fn cost(plan: &Plan, name: ConfigurationName) -> Cost {
    let network = &plan.configurations[&name];
    let voxels = network.patch_size.voxels() * network.batch_size;
    let parameters = network.features_per_stage.iter().sum::<usize>() as u64;
    Cost { parameters, step_voxels: voxels as u64, receptive_field: [1; 3], training_bytes: voxels as u64 * 1000 }
}

fn edited(edit: impl Fn(&mut Plan)) -> PlanDiff {
    let mut after = example();
    edit(&mut after);
    compare(&example(), &after, &cost)
}

#[test]
fn the_same_plan_is_no_difference() {
    let same = edited(|_| ());
    assert!(same.is_empty());
    assert_eq!(same.text(["a", "b"]), "a and b have the same values\n");
}

#[test]
fn differences_and_what_they_cost() {
    let diff = edited(|plan| {
        plan.train.learning_rate = 0.01;
        plan.predict.test_time_mirroring = false;
        plan.runtime.threads = 3;
        let network = plan.configurations.get_mut(&ConfigurationName::FullRes).unwrap();
        network.batch_size = 2;
        let coarse = network.clone();
        plan.configurations.insert(ConfigurationName::LowRes, coarse);
    });
    insta::assert_snapshot!(format!("{}\n{}", diff.text(["a.toml", "b.toml"]), diff.markdown(["a.toml", "b.toml"])));
}

#[test]
fn a_stage_runs_again_from_the_first_digest_that_differs() {
    let from = |edit: fn(&mut Plan)| edited(edit).consequences[0].from;
    assert_eq!(from(|plan| plan.preprocess.image_order = 1), Some(Stage::Preprocess));
    assert_eq!(
        from(|plan| plan.loss = Loss::DiceCe(DiceCe { smooth: 1e-5, include_background: true })),
        Some(Stage::Train)
    );
    assert_eq!(from(|plan| plan.predict.tile_step_fraction = 0.25), Some(Stage::Predict));
    assert_eq!(from(|plan| plan.runtime.threads = 3), None);
}

#[test]
fn another_name_is_another_run() {
    let diff = edited(|plan| plan.name = "other".to_owned());
    assert!(
        diff.text(["a", "b"]).ends_with(
            "3d_fullres: another name is another run: train and predict; the preprocessed cases are shared\n"
        )
    );
}

/// All keys of the example with another value each.
fn other_values(table: &Table, path: &str, found: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let path = join(path, name);
        match value {
            Value::Table(inner) if !path.starts_with("data.labels") => other_values(inner, &path, found),
            value => found.push((path.clone(), other(value, &path))),
        }
    }
}

fn other(value: &Value, path: &str) -> Value {
    let choices = find(path).map(|key| key.kind.choices()).unwrap_or_default();
    match value {
        Value::Integer(number) => Value::Integer(number + 1),
        Value::Float(number) => Value::Float(number + 0.5),
        Value::Boolean(is_on) => Value::Boolean(!is_on),
        Value::String(text) => {
            let choice = choices.iter().map(|choice| choice.name).find(|name| name != text);
            Value::String(choice.map_or_else(|| format!("{text}x"), str::to_owned))
        }
        Value::Array(entries) => Value::Array(entries.iter().map(|entry| other(entry, path)).collect()),
        Value::Table(inner) => {
            Value::Table(inner.iter().map(|(name, value)| (name.clone(), other(value, &join(path, name)))).collect())
        }
        Value::Datetime(_) => value.clone(),
    }
}

/// The example with the optional keys of its network.
fn with_optional_keys() -> Plan {
    let mut plan = example();
    let network = plan.configurations.get_mut(&ConfigurationName::FullRes).unwrap();
    network.strides = Some(vec![[1; 3], [2; 3], [2; 3], [2; 3]]);
    network.kernel_sizes = Some(vec![[3; 3]; 4]);
    network.blocks_per_stage = Some(vec![2; 4]);
    network.decoder_blocks_per_stage = Some(vec![2; 3]);
    plan
}

/// The stages that a value of every key makes stale are those of its declaration and below.
#[test]
fn every_key_makes_the_stage_of_its_declaration_stale() {
    let plan = with_optional_keys();
    let table = Table::try_from(plan.clone()).unwrap();
    let mut keys = Vec::new();
    other_values(&table, "", &mut keys);
    assert_eq!(keys.len(), declared_leaves(), "all keys of a plan with one configuration");
    let of = |plan: &Plan| stage_digests(plan, ConfigurationName::FullRes);
    let before = of(&plan);
    let mut skipped = Vec::new();
    for (path, value) in keys {
        let mut whole = table.clone();
        let mut inner = &mut whole;
        let (tables, name) = path.rsplit_once('.').unwrap_or(("", &path));
        for table in tables.split('.').filter(|table| !table.is_empty()) {
            inner = inner[table].as_table_mut().unwrap();
        }
        inner.insert(name.to_owned(), value);
        let Ok(plan) = whole.try_into::<Plan>() else {
            skipped.push(path);
            continue;
        };
        let StageDigests { preprocess, train, predict, evaluate } = of(&plan);
        let stale = if preprocess != before.preprocess {
            Stage::Preprocess
        } else if train != before.train {
            Stage::Train
        } else if predict != before.predict {
            Stage::Predict
        } else if evaluate != before.evaluate {
            Stage::Evaluate
        } else {
            Stage::Nothing
        };
        assert_eq!(stage_of(&path), stale, "{path}");
    }
    // There is no other kind yet.
    assert_eq!(skipped, ["loss.kind", "train.optimizer.kind", "train.schedule.kind"]);
}

/// Number of keys of the example that are no tables, by their declarations.
fn declared_leaves() -> usize {
    let absent = ["data.regions", "data.exclude", "configurations.NAME.dummy_2d_axis"];
    let in_lists = |path: &str| path.starts_with("preprocess.intensities.") || path.starts_with("data.regions.");
    let leaf =
        |one: &&Declared| !one.key.kind.is_table() && !absent.contains(&one.path.as_str()) && !in_lists(&one.path);
    let is_chosen = |one: &&Declared| {
        let table = one.path.rsplit_once('.').map_or("", |(table, _)| table);
        one.variant.is_none_or(|kind| recipe::value(&join(table, "kind")) == Some(kind.into()))
    };
    declared().iter().filter(leaf).filter(is_chosen).count()
}
