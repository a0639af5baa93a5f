//! A plan that has been read from its layers.

use std::path::Path;

use crate::plan::read::diagnostic::Diagnostic;
use crate::plan::read::layer::Source;
use crate::plan::read::layers::Layers;
use crate::plan::schema::plan::Plan;

/// A valid plan, with the layers that its values come from.
#[derive(Clone, Debug)]
pub struct LoadedPlan {
    /// The plan.
    pub plan: Plan,
    /// The text of its file, unchanged.
    pub input: String,
    /// The layers.
    pub layers: Layers,
    /// Warnings about values that may be intended.
    pub warnings: Vec<Diagnostic>,
    /// The values that a variant of a sweep sets, as `key=value`; empty for a plan that is no variant.
    pub swept: Vec<String>,
    /// The variants of the plan's `[[sweep]]`; empty if it has none.
    pub variants: Vec<LoadedPlan>,
}

impl LoadedPlan {
    /// The plan's file; `None` for a text that is in no file.
    pub fn file(&self) -> Option<&Path> {
        self.layers.all().iter().find_map(|layer| match &layer.source {
            Source::File(path) if *layer.text == *self.input => Some(path.as_path()),
            Source::Recipe | Source::File(_) | Source::Environment(_) | Source::Set => None,
        })
    }

    /// Name of the experiment, with which the names of its variants begin.
    pub fn base_name(&self) -> String {
        let written = self.layers.all().iter().rev().find_map(|layer| layer.values.get("name")?.as_str());
        written.unwrap_or(&self.plan.name).to_owned()
    }
}
