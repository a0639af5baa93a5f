//! Whether the values of a plan fit each other and its data set. Keys, types and ranges are checked before, by
//! `plan/read/structure.rs`.

mod axes;
mod budget;
mod checker;
mod configuration;
mod data;
mod predict;
mod preprocess;
mod runs;
pub mod tolerance;
pub mod trainable;

use crate::plan::check::checker::Checker;
use crate::plan::read::diagnostic::Diagnostic;
use crate::plan::read::layers::Layers;
use crate::plan::read::structure::Structure;
use crate::plan::schema::plan::Plan;

/// All errors of a plan as a whole, and warnings about values that may be intended.
pub(in crate::plan) fn check(plan: &Plan, layers: &Layers, structure: &Structure) -> Vec<Diagnostic> {
    let mut checker = Checker::new(layers, structure);
    checker.name(plan);
    checker.data(plan);
    checker.rules(&plan.rules);
    checker.runs(plan);
    checker.regions(plan);
    checker.preprocess(plan);
    for (name, configuration) in &plan.configurations {
        checker.configuration(*name, configuration);
        checker.axes(*name, configuration, &plan.data);
        checker.budget(*name, configuration, plan);
    }
    checker.cascade(plan);
    checker.predict(plan);
    checker.surface_tolerance(plan);
    checker.device(&plan.runtime);
    checker.into_diagnostics()
}
