//! Digests of the stages of a plan, and the keys that differ between two plans.
//!
//! A digest covers the keys whose declaration names its stage or one above it, where their values are not the defaults of the recipe. A
//! key that is added later therefore leaves all results valid: its default is what plans without it mean. A test holds the defaults
//! fixed.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::plan::edit::write::as_table;
use crate::plan::schema::lookup::{find, join};
use crate::plan::schema::recipe::default_of;
use crate::plan::schema::{AugmentationKind, ConfigurationName, Plan, Stage};
use crate::store::short_digest as of;

/// Digests of the stages of one configuration. Each covers its stage and the stages above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageDigests {
    /// Of the preprocessed cases.
    pub preprocess: String,
    /// Of the trained weights; seed and fold are in their path.
    pub train: String,
    /// Of the predicted labels.
    pub predict: String,
    /// Of their scores.
    pub evaluate: String,
}

/// Digests of the stages of one configuration of a plan. Other configurations do not change them, except for the first stage of the
/// cascade, which decides on the second.
///
/// # Panics
///
/// When the plan lacks the configuration.
pub fn stage_digests(plan: &Plan, name: ConfigurationName) -> StageDigests {
    let keys = keys_by_stage(plan, name);
    let first_stage = name.first_stage().map(|_| first_stage_digest(plan));
    let preprocess = of(&keys.of(Stage::Preprocess));
    let train = of(&(&preprocess, keys.of(Stage::Train), first_stage));
    let predict = of(&(&train, keys.of(Stage::Predict)));
    let evaluate = of(&(&predict, keys.of(Stage::Evaluate)));
    StageDigests { preprocess, train, predict, evaluate }
}

/// The keys of a plan with their values, as far as they concern one configuration.
struct KeysByStage(Vec<(Stage, String, Value)>);

impl KeysByStage {
    /// The keys that decide on a stage.
    fn of(&self, stage: Stage) -> Vec<(&str, &Value)> {
        self.0.iter().filter(|(of, ..)| *of == stage).map(|(_, key, value)| (key.as_str(), value)).collect()
    }
}

fn keys_by_stage(plan: &Plan, name: ConfigurationName) -> KeysByStage {
    let mut plan = plan.clone();
    let mut configuration = plan.configurations.remove(&name).expect("the plan has the configuration");
    // Written or derived, the axis of slice-wise transforms is the same axis.
    let is_dummy_2d = configuration.augmentation == AugmentationKind::Dummy2d;
    configuration.dummy_2d_axis = is_dummy_2d.then(|| configuration.augmented_axis());
    plan.configurations = BTreeMap::from([(name, configuration)]);
    let mut keys = Vec::new();
    collect(&as_table(&plan), "", &mut keys);
    for (_, key, _) in &mut keys {
        // Configurations with the same grid share their preprocessed cases, whatever their names.
        *key = key.replace(&format!("configurations.{name}."), "configuration.");
    }
    KeysByStage(keys)
}

fn collect(table: &Table, path: &str, keys: &mut Vec<(Stage, String, Value)>) {
    let kind = table.get("kind").and_then(Value::as_str);
    for (name, value) in table {
        let path = join(path, name);
        match (find(&path), value) {
            (Some(key), Value::Table(inner)) if key.kind.is_table() => collect(inner, &path, keys),
            (Some(_), value) if default_of(&path, kind) == Some(value) => (),
            (Some(key), value) => keys.push((key.stage, path, value.clone())),
            (None, _) => (),
        }
    }
}

/// Keys of the first stage's predictions that are younger than results. Their defaults are no part of a digest.
const LATER_KEYS: [&str; 3] = ["predict.tile_weights", "predict.mirror_axes", "predict.average"];

/// Digest of the first stage's predictions in the cascade: its networks, how they predict, and the grid of the second stage.
///
/// # Panics
///
/// When the plan lacks one of the two stages.
pub fn first_stage_digest(plan: &Plan) -> String {
    let second = &plan.configurations[&ConfigurationName::Cascade];
    let tiles =
        (plan.predict.tile_step_fraction, plan.predict.gaussian_sigma_fraction, plan.predict.test_time_mirroring);
    let digest =
        of(&(stage_digests(plan, ConfigurationName::LowRes).train, tiles, second.spacing_mm, second.slice_axis));
    let keys = keys_by_stage(plan, ConfigurationName::LowRes);
    let changed: Vec<_> = keys.of(Stage::Predict).into_iter().filter(|(key, _)| LATER_KEYS.contains(key)).collect();
    if changed.is_empty() { digest } else { of(&(digest, changed)) }
}

/// A key with different values in two plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Path of the key, such as `train.batches_per_epoch`.
    pub key: String,
    /// Its value in the first plan; `None` if it lacks the key.
    pub from: Option<String>,
    /// Its value in the second plan; `None` if it lacks the key.
    pub to: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "(absent)".to_owned());
        write!(out, "{}: {} → {}", self.key, shown(&self.from), shown(&self.to))
    }
}

/// The keys with different values in two TOML texts, sorted. A key that one of them lacks has its default there; a text that is not TOML
/// counts as empty.
pub fn changed_keys(from: &str, to: &str) -> Vec<Change> {
    let flat = |text: &str| {
        let mut keys = BTreeMap::new();
        flatten(&toml::from_str(text).unwrap_or_default(), "", &mut keys);
        keys
    };
    let (mut from, mut to) = (flat(from), flat(to));
    if !from.is_empty() && !to.is_empty() {
        let (in_from, in_to) = (from.clone(), to.clone());
        add_defaults(&mut from, &in_to);
        add_defaults(&mut to, &in_from);
    }
    let mut names: Vec<&String> = from.keys().chain(to.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|key| from.get(*key) != to.get(*key))
        .map(|key| Change { key: key.clone(), from: from.get(key).cloned(), to: to.get(key).cloned() })
        .collect()
}

/// Adds the keys of another plan that this one lacks, if they have defaults and both plans choose the same variant of their table.
fn add_defaults(keys: &mut BTreeMap<String, String>, other: &BTreeMap<String, String>) {
    let kind_in = |keys: &BTreeMap<String, String>, path: &str| {
        let kind = join(path.rsplit_once('.')?.0, "kind");
        keys.get(&kind).cloned().or_else(|| Some(default_of(&kind, None)?.to_string()))
    };
    for path in other.keys() {
        let kind = kind_in(other, path);
        if keys.contains_key(path) || kind != kind_in(keys, path) {
            continue;
        }
        if let Some(default) = default_of(path, kind.as_deref().map(|kind| kind.trim_matches('"'))) {
            keys.insert(path.clone(), default.to_string());
        }
    }
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
    use crate::plan::schema::Average;
    use crate::plan::schema::lookup::stage_of;
    use crate::plan::testing::example;
    use crate::volume::{Shape, Spacing};

    fn digests(plan: &Plan) -> StageDigests {
        stage_digests(plan, ConfigurationName::FullRes)
    }

    #[test]
    fn a_stage_is_stale_if_its_keys_or_those_above_it_have_changed() {
        let before = digests(&example());
        let mut changed = example();
        changed.train.learning_rate = 1e-3;
        let after = digests(&changed);
        assert_eq!(after.preprocess, before.preprocess);
        assert_ne!(after.train, before.train);
        assert_ne!(after.predict, before.predict);

        let mut changed = example();
        changed.configurations.get_mut(&ConfigurationName::FullRes).unwrap().spacing_mm = Spacing([2.0, 1.0, 1.0]);
        assert_ne!(digests(&changed).preprocess, before.preprocess);

        let mut changed = example();
        changed.predict.test_time_mirroring = false;
        let after = digests(&changed);
        assert_eq!((&after.preprocess, &after.train), (&before.preprocess, &before.train));
        assert_ne!(after.predict, before.predict);
    }

    #[test]
    fn the_axis_of_slice_wise_transforms_counts_written_or_derived() {
        let with = |patch: [usize; 3], axis: Option<usize>| {
            let mut plan = example();
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
    fn the_second_stage_of_the_cascade_is_stale_if_the_first_has_changed() {
        let mut cascade = example();
        let fullres = cascade.configurations[&ConfigurationName::FullRes].clone();
        cascade.configurations.insert(ConfigurationName::LowRes, fullres.clone());
        cascade.configurations.insert(ConfigurationName::Cascade, fullres);
        let second = |plan: &Plan| stage_digests(plan, ConfigurationName::Cascade);
        let before = second(&cascade);
        assert_ne!(before.train, digests(&cascade).train, "another network with the same values");

        let mut changed = cascade.clone();
        changed.configurations.get_mut(&ConfigurationName::LowRes).unwrap().features_per_stage[0] += 1;
        assert_eq!(second(&changed).preprocess, before.preprocess);
        assert_ne!(second(&changed).train, before.train);
        assert_eq!(digests(&changed), digests(&cascade));

        let mut changed = cascade.clone();
        changed.predict.test_time_mirroring = !changed.predict.test_time_mirroring;
        assert_ne!(second(&changed).train, before.train, "it was trained on predictions of the first stage");
        let mut averaged = cascade.clone();
        averaged.predict.average = Average::Logits;
        assert_ne!(second(&averaged).train, before.train);
        assert_eq!(digests(&changed).train, digests(&cascade).train);
    }

    #[test]
    fn networks_are_stale_if_other_cases_are_left_out_and_preprocessed_cases_are_not() {
        let before = digests(&example());
        let mut changed = example();
        changed.data.exclude = vec!["case_1".to_owned()];
        let after = digests(&changed);
        assert_eq!(after.preprocess, before.preprocess);
        assert_ne!(after.train, before.train);
    }

    #[test]
    fn runtime_changes_no_digest() {
        let before = digests(&example());
        let mut changed = example();
        changed.runtime.device = "cuda:0".to_owned();
        changed.runtime.threads = 7;
        changed.run.folds = vec![0];
        assert_eq!(digests(&changed), before);
        assert_eq!(stage_of("runtime.device"), Stage::Nothing);
        assert_eq!(stage_of("train.batches_per_epoch"), Stage::Train);
    }

    /// Plans in git have the values of the recipe for all keys that they do not contain, and the digests of finished runs leave them out.
    #[test]
    fn no_default_of_the_recipe_ever_changes() {
        let fixed = include_str!("../../../tests/golden/recipe-2018.toml");
        assert!(fixed.matches(" = ").count() > 70, "{fixed}");
        let recipe = crate::plan::schema::recipe::text(&|_| None);
        assert_eq!(changed_keys(fixed, &recipe), [], "another default is another recipe");
        let other = fixed.replace("learning_rate = 0.0003", "learning_rate = 0.001");
        assert_eq!(changed_keys(&other, &recipe)[0].key, "train.learning_rate");
    }

    #[test]
    fn a_key_at_its_default_leaves_results_valid_that_are_older_than_the_key() {
        let text = crate::plan::edit::write::resolved_text(&example());
        let older =
            text.replace("\nleaky_relu_slope = 0.01\n", "\n").replace("\nalpha_3d_voxels = [0.0, 900.0]\n", "\n");
        assert_eq!(older.lines().count() + 2, text.lines().count());
        assert_eq!(changed_keys(&older, &text), []);
        assert_eq!(changed_keys(&text, &older), []);
        let other = text.replace("\nleaky_relu_slope = 0.01\n", "\nleaky_relu_slope = 0.02\n");
        assert_eq!(changed_keys(&older, &other)[0].to_string(), "network.leaky_relu_slope: 0.01 → 0.02");

        let keys = keys_by_stage(&example(), ConfigurationName::FullRes);
        let digested: Vec<&str> = keys.0.iter().map(|(_, key, _)| key.as_str()).collect();
        assert!(digested.contains(&"configuration.batch_size") && digested.contains(&"data.channels"), "{digested:?}");
        assert!(
            !digested.contains(&"network.leaky_relu_slope") && !digested.contains(&"augment.elastic.alpha_3d_voxels")
        );
        let mut changed = example();
        changed.network.leaky_relu_slope = 0.02;
        let keys = keys_by_stage(&changed, ConfigurationName::FullRes);
        assert!(keys.0.iter().any(|(_, key, _)| key == "network.leaky_relu_slope"));
    }

    #[test]
    fn changed_keys_are_named_with_both_values() {
        let changes = changed_keys("a = 1\n[b]\nc = [1, 2]\nd = 3", "a = 1\n[b]\nc = [1, 3]");
        let shown: Vec<String> = changes.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["b.c: [1, 2] → [1, 3]", "b.d: 3 → (absent)"]);
    }
}
