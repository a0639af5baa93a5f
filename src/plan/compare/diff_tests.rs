//! Differences in words, and keys in the stage whose digest covers them.

use toml::{Table, Value};

use super::*;
use crate::plan::digest::StageDigests;
use crate::plan::layer::join;
use crate::plan::schema::{DiceCe, Loss};

fn example() -> Plan {
    toml::from_str(include_str!("../example.toml")).unwrap()
}

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
    assert_eq!(same.text(["a", "b"]), "a and b mean the same\n");
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
        diff.text(["a", "b"])
            .ends_with("3d_fullres: another name is another run: train and predict; the prepared cases are shared\n")
    );
}

/// Every key of the example, given another number, text or switch.
fn changed(table: &Table, path: &str, found: &mut Vec<(String, Value)>) {
    for (key, value) in table {
        let path = join(path, key);
        match value {
            Value::Table(inner) => changed(inner, &path, found),
            Value::Integer(number) => found.push((path, Value::Integer(number + 1))),
            Value::Float(number) => found.push((path, Value::Float(number + 0.5))),
            Value::Boolean(on) => found.push((path, Value::Boolean(!on))),
            Value::String(text) if path.starts_with("data.") && text != "none" => {
                found.push((path, Value::String(format!("{text}x"))));
            }
            Value::String(_) | Value::Array(_) | Value::Datetime(_) => (),
        }
    }
}

#[test]
fn every_key_is_listed_under_the_stage_that_it_makes_stale() {
    let table = Table::try_from(example()).unwrap();
    let mut keys = Vec::new();
    changed(&table, "", &mut keys);
    assert!(keys.len() > 40, "{}", keys.len());
    let of = |plan: &Plan| stage_digests(plan, ConfigurationName::FullRes);
    let before = of(&example());
    for (path, value) in keys {
        let mut whole = table.clone();
        let mut inner = &mut whole;
        let (tables, key) = path.rsplit_once('.').unwrap_or(("", &path));
        for table in tables.split('.').filter(|table| !table.is_empty()) {
            inner = inner[table].as_table_mut().unwrap();
        }
        inner.insert(key.to_owned(), value);
        let Ok(plan) = whole.try_into::<Plan>() else { continue };
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
        assert_eq!(Stage::of(&path), stale, "{path}");
    }
}
