//! From the files of nnU-Net v2 to a plan.

mod configuration;
mod data;
mod error;
mod json;
mod preprocess;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::nnunet::import::configuration::import_configuration;
use crate::nnunet::import::data::import_data;
use crate::nnunet::import::json::{axes, resolved};
use crate::nnunet::import::preprocess::{import_intensities, import_normalization, import_preprocessing};
use crate::nnunet::terms::nnunet_name;
use crate::plan::edit::{Scope, file_text};
use crate::plan::rules::{Planned, assemble};
use crate::plan::schema::lookup::find;
use crate::plan::schema::{ConfigurationName, Normalization, Plan, recipe};

pub use self::error::ImportError;

/// Keys of the recipe that nnU-Net's plans decide on.
const IMPORTED: [&str; 4] = [
    "preprocess.image_order",
    "preprocess.label_order",
    "preprocess.anisotropy_threshold",
    "predict.probability_order",
];

/// A plan of nnU-Net v2 as a plan of segplan.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The plan.
    pub plan: Plan,
    /// The plan as a file, with the source of each value.
    pub text: String,
    /// Parts of the files that the plan cannot represent, and parts of the plan that the files do not contain.
    pub unsupported: Vec<String>,
}

/// The plan `name` from `nnUNetPlans.json` and `dataset.json`. Everything that nnU-Net defines in its trainer has the recipe's values.
///
/// # Errors
///
/// When the files lack what every plan needs, or no configuration can be represented.
pub fn import(name: &str, plans: &Value, dataset: &Value) -> Result<Imported, ImportError> {
    let mut unsupported = Vec::new();
    let data = import_data(plans, dataset, &mut unsupported)?;
    let axes = axes(plans)?;
    let mut networks = BTreeMap::new();
    let mut first_entry = None;
    for known in ConfigurationName::ALL {
        let Some(entry) = resolved(plans, nnunet_name(known)) else { continue };
        let mut of_network = Vec::new();
        match import_configuration(known, &entry, axes, &mut of_network) {
            Ok(network) => {
                networks.insert(known, network);
                first_entry = first_entry.or(Some(entry));
            }
            Err(reason) => of_network.push(format!("left out: {reason}")),
        }
        unsupported.extend(of_network.into_iter().map(|what| format!("`{}`: {what}", nnunet_name(known))));
    }
    let names = plans["configurations"].as_object().into_iter().flat_map(|all| all.keys());
    let unknown = names.filter(|name| ConfigurationName::ALL.iter().all(|known| nnunet_name(*known) != name.as_str()));
    unsupported.extend(unknown.map(|name| format!("`{name}`: left out: segplan has no configuration of this name")));
    let Some(entry) = first_entry.filter(|_| !networks.is_empty()) else {
        return Err(ImportError::Nothing { unsupported });
    };
    let schemes = import_normalization(&entry, data.channels.len(), &mut unsupported);
    let intensities = import_intensities(plans, data.channels.len());
    let mut planned = assemble(name, data, Vec::new(), &recipe::rules());
    let plan = &mut planned.plan;
    plan.preprocess.intensities = if schemes.contains(&Normalization::Ct) { intensities } else { Vec::new() };
    plan.preprocess.normalization_scheme = schemes;
    plan.configurations = networks;
    // The two stages of a cascade run only if there is nothing else.
    let single = |name: &&ConfigurationName| matches!(name, ConfigurationName::TwoD | ConfigurationName::FullRes);
    plan.run.configurations = plan.configurations.keys().filter(single).copied().collect();
    if plan.run.configurations.is_empty() {
        plan.run.configurations = plan.configurations.keys().copied().collect();
    }
    import_preprocessing(plan, &entry, &mut unsupported);
    unsupported.push(
        "training, loss and augmentation: the plan has those of 2018, not those of nnU-Net v2's trainer".to_owned(),
    );
    unsupported.push("downsampling: segplan uses max-pooling, nnU-Net v2 strided convolutions".to_owned());
    let text = file(&planned, &unsupported);
    Ok(Imported { plan: planned.plan, text, unsupported })
}

fn file(planned: &Planned, unsupported: &[String]) -> String {
    let plan = &planned.plan;
    let mut header = format!(
        "Experiment `{}`: imported from the plans of nnU-Net v2 for {}.\n\
         Run it:    segplan run FILE\n\
         Change it: this file is yours. Values that are not here are those of the recipe {}: segplan show FILE --resolved\n\
         Not imported:",
        plan.name,
        plan.data.dataset,
        recipe::NAME
    );
    for what in unsupported {
        header.push_str("\n* ");
        header.push_str(what);
    }
    let mut reasons = planned.reasons.clone();
    // These reasons are the planner's, and these values are not.
    reasons.retain(|key, _| !["configurations.", "preprocess.", "run."].iter().any(|table| key.starts_with(table)));
    for key in ["data.cropped_fraction", "data.single_component_labels"] {
        reasons.insert(key.to_owned(), "Not in the files of nnU-Net v2; `segplan plan` measures it.".to_owned());
    }
    for path in IMPORTED {
        if let Some(key) = find(path) {
            let reason = format!("{} From the plans of nnU-Net v2.", key.comment_without_source());
            reasons.insert(path.to_owned(), reason);
        }
    }
    for name in plan.configurations.keys() {
        let source = format!("From `{}` in the plans of nnU-Net v2.", nnunet_name(*name));
        let spacing = format!("{source} Spacing, mm, [z, y, x].");
        reasons.insert(format!("configurations.{name}.spacing_mm"), spacing);
    }
    file_text(plan, &header, &reasons, Scope::Decisions)
}
