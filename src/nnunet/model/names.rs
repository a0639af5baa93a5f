//! The configurations of segplan that those of a model become.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::nnunet::model::error::ModelError;
use crate::nnunet::model::folder::ModelFolder;
use crate::nnunet::terms::nnunet_name;
use crate::plan::schema::ConfigurationName;

/// Model folders by the configuration that they become.
///
/// # Errors
///
/// When two become the same, or the first stage of a cascade is missing.
pub(super) fn name_models(models: Vec<ModelFolder>) -> Result<BTreeMap<ConfigurationName, ModelFolder>, ModelError> {
    let mut named = BTreeMap::<ConfigurationName, ModelFolder>::new();
    for model in models {
        let unsupported = |reason| ModelError::Unsupported { path: model.path.clone(), reason };
        let name = configuration_name(&model).map_err(unsupported)?;
        if let Some(other) = named.get(&name) {
            let reason = format!("`{}` would be `{name}`, too; import one folder at a time", other.path.display());
            return Err(unsupported(reason));
        }
        named.insert(name, model);
    }
    if let Some(cascade) =
        named.get(&ConfigurationName::Cascade).filter(|_| !named.contains_key(&ConfigurationName::LowRes))
    {
        let reason = format!(
            "`{}` is the second stage of a cascade, and takes the prediction of the first as input; import the folder that contains \
             both",
            cascade.configuration
        );
        return Err(ModelError::Unsupported { path: cascade.path.clone(), reason });
    }
    Ok(named)
}

/// The plans of all models: a folder may lack the configurations of the others.
///
/// # Errors
///
/// When they differ in anything else.
pub(super) fn merge_plans(models: &BTreeMap<ConfigurationName, ModelFolder>) -> Result<Value, ModelError> {
    let mut plans = Value::Null;
    let mut configurations = BTreeMap::<String, Value>::new();
    for model in models.values() {
        let mut own = model.plans.clone();
        let entries = own["configurations"].take();
        let mut is_same = plans.is_null() || plans == own;
        plans = own;
        for (name, entry) in entries.as_object().into_iter().flatten() {
            let mut entry = entry.clone();
            // Depends on the other configurations, and no prediction depends on it.
            entry.as_object_mut().and_then(|entry| entry.remove("next_stage"));
            is_same &= configurations.get(name).is_none_or(|known| *known == entry);
            configurations.insert(name.clone(), entry);
        }
        if !is_same {
            let reason = "its plans differ from those of the folders beside it; import one folder at a time";
            return Err(ModelError::Unsupported { path: model.path.clone(), reason: reason.to_owned() });
        }
    }
    plans["configurations"] = configurations.into_iter().collect();
    Ok(plans)
}

/// The configuration that a model becomes. Names other than those of nnU-Net's planners are chosen by what the networks do.
fn configuration_name(model: &ModelFolder) -> Result<ConfigurationName, String> {
    let name = model.configuration.as_str();
    if let Some(known) = ConfigurationName::ALL.into_iter().find(|known| nnunet_name(*known) == name) {
        return Ok(known);
    }
    let entry = &model.plans["configurations"][name];
    if !entry["previous_stage"].is_null() {
        return Err(format!(
            "`{name}` is the second stage of a cascade; segplan imports those called `3d_cascade_fullres`"
        ));
    }
    match inherited(&model.plans, name, "patch_size").as_array().map(Vec::len) {
        Some(2) => Ok(ConfigurationName::TwoD),
        Some(3) if name.contains("lowres") => Ok(ConfigurationName::LowRes),
        Some(3) => Ok(ConfigurationName::FullRes),
        _ => Err(format!("configuration `{name}` is not in its plans.json")),
    }
}

/// The value of a key in a configuration, or in what it inherits from.
fn inherited<'a>(plans: &'a Value, name: &str, key: &str) -> &'a Value {
    let all = &plans["configurations"];
    let mut entry = &all[name];
    for _ in 0..all.as_object().map_or(0, serde_json::Map::len) {
        match (&entry[key], entry["inherits_from"].as_str()) {
            (Value::Null, Some(parent)) => entry = &all[parent],
            (value, _) => return value,
        }
    }
    &entry[key]
}
