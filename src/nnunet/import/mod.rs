//! From the files of nnU-Net v2 to a plan.

mod architecture;
mod configuration;
mod data;
mod error;
mod file;
mod json;
mod labels;
mod legacy;
mod notes;
mod preprocess;
mod shared;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::nnunet::dataset_file::DatasetFile;
use crate::nnunet::import::architecture::import_architecture;
use crate::nnunet::import::configuration::import_configuration;
use crate::nnunet::import::data::import_data;
use crate::nnunet::import::file::file;
use crate::nnunet::import::json::{axes, resolved};
use crate::nnunet::import::notes::Notes;
use crate::nnunet::import::preprocess::{import_intensities, import_preprocessing};
use crate::nnunet::import::shared::SharedSettings;
use crate::nnunet::terms::nnunet_name;
use crate::plan::rules::{Planned, assemble};
use crate::plan::schema::{Configuration, ConfigurationName, Data, Plan, recipe};

pub use self::error::ImportError;

/// A plan of nnU-Net v2 as a plan of segplan.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The plan.
    pub plan: Plan,
    /// The plan as a file, with the source of each value.
    pub text: String,
    /// Parts of the files that the plan represents differently, so that its networks predict differently.
    pub inexact: Vec<String>,
    /// Parts of the files that the plan leaves out, and parts of the plan that the files lack.
    pub absent: Vec<String>,
    /// Other configurations of the files.
    pub others: Vec<String>,
}

/// The plan `name` from `nnUNetPlans.json` and `dataset.json`, with the configurations of these names in nnU-Net. Everything that nnU-Net
/// defines in its trainer has the recipe's values.
///
/// # Errors
///
/// When the files lack what every plan needs, or no configuration can be represented.
pub fn import(
    name: &str,
    plans: &Value,
    dataset: &DatasetFile,
    names: &BTreeMap<ConfigurationName, String>,
) -> Result<Imported, ImportError> {
    let mut notes = Notes::default();
    let data = import_data(plans, dataset, &mut notes)?;
    note_foreign_code(plans, &mut notes);
    let networks = import_networks(plans, &data, names, &mut notes)?;
    let mut planned = assemble(name, data, Vec::new(), &recipe::rules());
    complete(&mut planned, networks, plans);
    notes.absent.push(
        "training, loss and augmentation: the plan has those of 2018, not those of nnU-Net v2's trainer".to_owned(),
    );
    if !planned.plan.data.regions.is_empty() {
        notes.absent.push("training: networks with regions can predict, but not be trained".to_owned());
    }
    let text = file(&planned, names, &notes);
    let Notes { inexact, absent, others } = notes;
    Ok(Imported { plan: planned.plan, text, inexact, absent, others })
}

/// The configurations that segplan has, by the names that nnU-Net's planners give them.
pub fn usual_names() -> BTreeMap<ConfigurationName, String> {
    ConfigurationName::ALL.into_iter().map(|name| (name, nnunet_name(name).to_owned())).collect()
}

/// Configurations, and what they share.
struct Networks {
    configurations: BTreeMap<ConfigurationName, Configuration>,
    shared: SharedSettings,
}

fn import_networks(
    plans: &Value,
    data: &Data,
    names: &BTreeMap<ConfigurationName, String>,
    notes: &mut Notes,
) -> Result<Networks, ImportError> {
    let axes = axes(plans)?;
    let mut configurations = BTreeMap::new();
    let mut shared: Option<SharedSettings> = None;
    for (&name, nnunet_name) in names {
        let Some(entry) = resolved(plans, nnunet_name) else { continue };
        let mut inexact = Vec::new();
        let imported = import_architecture(&entry).and_then(|network| {
            let preprocess = import_preprocessing(&entry, data.channels.len(), &mut inexact);
            let own = SharedSettings { layers: network.shared, preprocess };
            match &shared {
                Some(first) if *first != own => {
                    Err("its layers, its normalisation or its resampling are not those of the configurations above"
                        .to_owned())
                }
                _ => Ok((import_configuration(name, &entry, axes, network)?, own)),
            }
        });
        match imported {
            Ok((configuration, own)) => {
                configurations.insert(name, configuration);
                shared.get_or_insert(own);
            }
            Err(reason) => inexact = vec![format!("left out: {reason}")],
        }
        notes.inexact.extend(inexact.into_iter().map(|what| format!("`{nnunet_name}`: {what}")));
    }
    let all = plans["configurations"].as_object().into_iter().flat_map(|all| all.keys());
    let others = all.filter(|name| names.values().all(|known| known != *name));
    notes.others.extend(others.map(|name| format!("`{name}`: left out: segplan has no configuration of this name")));
    let Some(shared) = shared else {
        let unsupported = notes.all().cloned().collect();
        return Err(ImportError::Nothing { unsupported });
    };
    Ok(Networks { configurations, shared })
}

/// Notes code of nnU-Net that handles images or labels in another way than segplan.
fn note_foreign_code(plans: &Value, notes: &mut Notes) {
    let named = |key: &str| plans[key].as_str().unwrap_or_default();
    let (reader, labels) = (named("image_reader_writer"), named("label_manager"));
    if reader.ends_with("WithReorient") {
        notes.inexact.push(format!("`image_reader_writer`: `{reader}` turns images to RAS; segplan keeps their axes"));
    }
    if !matches!(labels, "" | "LabelManager") {
        notes.inexact.push(format!("`label_manager`: segplan does not have `{labels}`"));
    }
}

/// Replaces what nnU-Net's files decide on in a plan of the recipe.
fn complete(planned: &mut Planned, networks: Networks, plans: &Value) {
    let plan = &mut planned.plan;
    networks.shared.apply(plan, import_intensities(plans, plan.data.channels.len()));
    plan.configurations = networks.configurations;
    // The two stages of a cascade run only if there is nothing else.
    let single = |name: &&ConfigurationName| matches!(name, ConfigurationName::TwoD | ConfigurationName::FullRes);
    plan.run.configurations = plan.configurations.keys().filter(single).copied().collect();
    if plan.run.configurations.is_empty() {
        plan.run.configurations = plan.configurations.keys().copied().collect();
    }
}
