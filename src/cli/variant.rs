//! The flags that select a part of a plan: folds, configurations, a variant of its sweep.

use clap::Args;

use crate::cli::failure::Failure;
use crate::plan::read::LoadedPlan;
use crate::plan::schema::ConfigurationName;

/// Parses the name of a configuration.
pub(super) fn parse_configuration(name: &str) -> Result<ConfigurationName, String> {
    ConfigurationName::ALL.into_iter().find(|known| known.as_str() == name).ok_or_else(|| {
        let known: Vec<&str> = ConfigurationName::ALL.iter().map(|name| name.as_str()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

/// A part of a plan; the whole plan by default.
#[derive(Debug, Args)]
pub(super) struct Only {
    /// Only this fold, counted from 0; can be repeated
    #[arg(long = "fold", value_name = "FOLD")]
    pub(super) folds: Vec<usize>,
    /// Only this configuration; can be repeated
    #[arg(long = "configuration", value_name = "NAME", value_parser = parse_configuration)]
    pub(super) configurations: Vec<ConfigurationName>,
    /// Only this variant of the plan's sweep
    #[arg(long, value_name = "NAME")]
    pub(super) variant: Option<String>,
}

/// The variants of a plan with a sweep, or the variant with a name; otherwise the plan itself.
///
/// The name of a variant may omit the prefix that is the name of the plan.
pub(super) fn chosen<'a>(loaded: &'a LoadedPlan, name: Option<&str>) -> Result<Vec<&'a LoadedPlan>, Failure> {
    let Some(name) = name else {
        return Ok(if loaded.variants.is_empty() { vec![loaded] } else { loaded.variants.iter().collect() });
    };
    let prefix = format!("{}-", loaded.plan.name);
    let is_named = |plan: &&LoadedPlan| plan.plan.name == name || plan.plan.name.strip_prefix(&prefix) == Some(name);
    loaded.variants.iter().find(is_named).map(|variant| vec![variant]).ok_or_else(|| {
        let known: Vec<String> = loaded.variants.iter().map(|variant| format!("`{}`", variant.plan.name)).collect();
        let help = match known.as_slice() {
            [] => "the plan has no `[[sweep]]`".to_owned(),
            known => format!("known variants: {}", known.join(", ")),
        };
        Failure::wrong_input(miette::miette!(help = help, "the plan has no variant `{name}`"))
    })
}
