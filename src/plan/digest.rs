//! What of a plan decides on which result: digests of stages, and the keys that differ between two plans.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::plan::layer::join;
use crate::plan::schema::{Configuration, ConfigurationName, Plan, Precision};
use crate::store::short_digest as of;

/// Tables in which nothing changes a result: where it runs, what else is run, how the plan came about.
const WITHOUT_RESULT: [&str; 3] = ["runtime", "run", "rules"];

/// Digests of the stages of one configuration. Each covers the tables of its stage and of the stages above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageDigests {
    /// Of the prepared cases.
    pub preprocess: String,
    /// Of the trained weights; seed and fold are in their path.
    pub train: String,
    /// Of the predicted labels.
    pub predict: String,
    /// Of their scores.
    pub evaluate: String,
}

/// Digests of the stages of one configuration of a plan.
///
/// # Panics
///
/// When the plan has no such configuration.
pub fn stage_digests(plan: &Plan, name: ConfigurationName) -> StageDigests {
    let configuration = &plan.configurations[&name];
    let data = &plan.data;
    let grid = (configuration.spacing_mm, configuration.slice_axis);
    let preprocess = of(&(&data.dataset, &data.channels, &data.labels, &plan.preprocess, grid));
    // Prepared by the labels, too, in earlier versions.
    let preprocess =
        if plan.preprocess.normalize_in_mask { of(&(&preprocess, "mask of the image")) } else { preprocess };
    let trained = with_axis(configuration);
    let own = of(&(&preprocess, split(plan), trained, network(plan), &plan.loss, &plan.train, &plan.augment));
    let train = match name {
        ConfigurationName::Cascade => of(&(&own, first_stage_digest(plan))),
        ConfigurationName::TwoD | ConfigurationName::FullRes | ConfigurationName::LowRes => own,
    };
    let predict = of(&(&train, &plan.predict, &plan.postprocess, &data.single_component_labels));
    let evaluate = of(&(&predict, &plan.evaluate));
    StageDigests { preprocess, train, predict, evaluate }
}

/// What decides on the folds. Without groups, and without cases that are left out, it is what it was before there were any, and
/// so are the digests.
fn split(plan: &Plan) -> serde_json::Value {
    let mut split = without(&plan.split, "patient_pattern", plan.split.patient_pattern.is_empty());
    if let Some(keys) = split.as_object_mut().filter(|_| !plan.data.exclude.is_empty()) {
        keys.insert("exclude".to_owned(), serde_json::json!(plan.data.exclude));
    }
    split
}

/// A configuration, with the axis of slice-wise transforms where that is not z, whether it is written or derived. Across z it
/// is what it was before there was a choice, and so are the digests.
fn with_axis(configuration: &Configuration) -> Configuration {
    let axis = Some(configuration.augmented_axis()).filter(|&axis| axis != 0);
    Configuration { dummy_2d_axis: axis, ..configuration.clone() }
}

/// What all networks share. In 32 bits it is what it was before there was a choice, and so are the digests.
fn network(plan: &Plan) -> serde_json::Value {
    without(&plan.network, "precision", plan.network.precision == Precision::F32)
}

/// A table, without a key where that has the value that goes without saying.
fn without(table: &impl Serialize, key: &str, said_by_none: bool) -> serde_json::Value {
    let mut table = serde_json::to_value(table).expect("a table of numbers and texts");
    if let Some(keys) = table.as_object_mut().filter(|_| said_by_none) {
        keys.remove(key);
    }
    table
}

/// Digest of what the cascade's first stage says of the cases that it was not trained on: its networks, how they predict,
/// and the grid of the second stage.
///
/// # Panics
///
/// When the plan lacks one of the two stages.
pub fn first_stage_digest(plan: &Plan) -> String {
    let second = &plan.configurations[&ConfigurationName::Cascade];
    let windows =
        (plan.predict.tile_step_fraction, plan.predict.gaussian_sigma_fraction, plan.predict.test_time_mirroring);
    of(&(stage_digests(plan, ConfigurationName::LowRes).train, windows, second.spacing_mm, second.slice_axis))
}

/// A key of which two plans have different values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Path of the key, such as `train.batches_per_epoch`.
    pub key: String,
    /// Its value in the first plan; none where it has no such key.
    pub from: Option<String>,
    /// Its value in the second plan; none where it has no such key.
    pub to: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(absent)".to_owned());
        write!(out, "{}: {} → {}", self.key, shown(&self.from), shown(&self.to))
    }
}

/// The keys of which two TOML texts have different values, sorted. A text that is not TOML counts as empty.
pub fn changed_keys(from: &str, to: &str) -> Vec<Change> {
    let flat = |text: &str| {
        let mut keys = BTreeMap::new();
        flatten(&toml::from_str(text).unwrap_or_default(), "", &mut keys);
        keys
    };
    let (from, to) = (flat(from), flat(to));
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|key| from.get(*key) != to.get(*key))
        .map(|key| Change { key: key.clone(), from: from.get(key).cloned(), to: to.get(key).cloned() })
        .collect()
}

/// Whether a key changes no result of a network that is trained already.
pub fn decides_no_result(key: &str) -> bool {
    let table = key.split('.').next().unwrap_or(key);
    WITHOUT_RESULT.contains(&table)
}

fn flatten(table: &Table, prefix: &str, keys: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let path = join(prefix, key);
        match value {
            Value::Table(inner) => flatten(inner, &path, keys),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => _ = keys.insert(path, value.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::schema::AugmentationKind;
    use crate::volume::{Shape, Spacing};

    fn plan() -> Plan {
        toml::from_str(include_str!("example.toml")).unwrap()
    }

    fn digests(plan: &Plan) -> StageDigests {
        stage_digests(plan, ConfigurationName::FullRes)
    }

    #[test]
    fn a_stage_is_stale_when_its_table_or_one_above_it_has_changed() {
        let before = digests(&plan());
        let mut changed = plan();
        changed.train.learning_rate = 1e-3;
        let after = digests(&changed);
        assert_eq!(after.preprocess, before.preprocess);
        assert_ne!(after.train, before.train);
        assert_ne!(after.predict, before.predict);

        let mut changed = plan();
        changed.configurations.get_mut(&ConfigurationName::FullRes).unwrap().spacing_mm = Spacing([2.0, 1.0, 1.0]);
        assert_ne!(digests(&changed).preprocess, before.preprocess);

        let mut changed = plan();
        changed.predict.test_time_mirroring = false;
        let after = digests(&changed);
        assert_eq!((&after.preprocess, &after.train), (&before.preprocess, &before.train));
        assert_ne!(after.predict, before.predict);
    }

    #[test]
    fn the_axis_of_slice_wise_transforms_changes_a_digest_where_it_changes_a_patch() {
        let with = |patch: [usize; 3], axis: Option<usize>| {
            let mut plan = plan();
            let configuration = plan.configurations.get_mut(&ConfigurationName::FullRes).unwrap();
            configuration.augmentation = AugmentationKind::Dummy2d;
            (configuration.patch_size, configuration.dummy_2d_axis) = (Shape(patch), axis);
            digests(&plan).train
        };
        assert_eq!(with([16, 64, 64], None), with([16, 64, 64], Some(0)), "z is the shortest edge");
        assert_eq!(with([64, 16, 64], None), with([64, 16, 64], Some(1)), "y is the shortest edge");
        assert_ne!(with([64, 16, 64], None), with([64, 16, 64], Some(0)));
        assert_ne!(with([16, 64, 64], None), with([16, 64, 64], Some(2)));
    }

    #[test]
    fn the_second_stage_of_the_cascade_is_stale_when_its_first_has_changed() {
        let mut cascade = plan();
        let fullres = cascade.configurations[&ConfigurationName::FullRes].clone();
        cascade.configurations.insert(ConfigurationName::LowRes, fullres.clone());
        cascade.configurations.insert(ConfigurationName::Cascade, fullres);
        let second = |plan: &Plan| stage_digests(plan, ConfigurationName::Cascade);
        let before = second(&cascade);
        assert_ne!(before.train, digests(&cascade).train, "another network with the same numbers");

        let mut changed = cascade.clone();
        changed.configurations.get_mut(&ConfigurationName::LowRes).unwrap().features_per_stage[0] += 1;
        assert_eq!(second(&changed).preprocess, before.preprocess);
        assert_ne!(second(&changed).train, before.train);
        assert_eq!(digests(&changed), digests(&cascade));

        let mut changed = cascade.clone();
        changed.predict.test_time_mirroring = !changed.predict.test_time_mirroring;
        assert_ne!(second(&changed).train, before.train, "it was trained on what the first stage predicted");
        assert_eq!(digests(&changed).train, digests(&cascade).train);
    }

    #[test]
    fn networks_are_stale_when_other_cases_are_left_out_and_prepared_cases_are_not() {
        let before = digests(&plan());
        let mut changed = plan();
        changed.data.exclude = vec!["case_1".to_owned()];
        let after = digests(&changed);
        assert_eq!(after.preprocess, before.preprocess);
        assert_ne!(after.train, before.train);
    }

    #[test]
    fn runtime_changes_no_digest() {
        let before = digests(&plan());
        let mut changed = plan();
        changed.runtime.device = "cuda:0".to_owned();
        changed.runtime.threads = 7;
        changed.run.folds = vec![0];
        assert_eq!(digests(&changed), before);
        assert!(decides_no_result("runtime.device") && !decides_no_result("train.batches_per_epoch"));
    }

    #[test]
    fn changed_keys_are_named_with_both_values() {
        let changes = changed_keys("a = 1\n[b]\nc = [1, 2]\nd = 3", "a = 1\n[b]\nc = [1, 3]");
        let shown: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["b.c: [1, 2] → [1, 3]", "b.d: 3 → (absent)"]);
    }
}
