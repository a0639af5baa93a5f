//! The imported plan as a file.

use std::collections::BTreeMap;

use crate::nnunet::import::notes::Notes;
use crate::nnunet::import::shared::IMPORTED;
use crate::plan::edit::{Scope, file_text};
use crate::plan::rules::Planned;
use crate::plan::schema::lookup::find;
use crate::plan::schema::{ConfigurationName, recipe};

/// A plan with the source of each value. `names` are nnU-Net's names of the configurations.
pub(super) fn file(planned: &Planned, names: &BTreeMap<ConfigurationName, String>, notes: &Notes) -> String {
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
    for what in notes.all() {
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
            let reason = format!("{} As in nnU-Net v2.", key.comment_without_source());
            reasons.insert(path.to_owned(), reason);
        }
    }
    for name in plan.configurations.keys() {
        let source = names.get(name).map(|name| format!("From `{name}` in the plans of nnU-Net v2."));
        let spacing = format!("{} Spacing, mm, [z, y, x].", source.unwrap_or_default());
        reasons.insert(format!("configurations.{name}.spacing_mm"), spacing);
    }
    file_text(plan, &header, &reasons, Scope::Decisions)
}
