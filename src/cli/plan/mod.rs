//! `segplan plan`: from a data set to its plan.

mod arguments;
mod measure;
mod memory;
mod names;
mod next;
mod propose;

use std::path::{Path, PathBuf};

use crate::cli::failure::{Failure, plain};
use crate::cli::output::print;
use crate::cli::plan::measure::{Measurements, measure, print_notes, refuse_unrunnable};
use crate::cli::plan::memory::{fit_rules, overview};
use crate::cli::plan::names::given_name;
use crate::cli::schema::write_beside;
use crate::cli::terminal::Terminal;
use crate::experiment::preflight::check_case_sizes;
use crate::plan::edit::Scope;
use crate::plan::rules::memory_limit::memory_reasons;
use crate::plan::rules::published::{Task, tasks};
use crate::plan::rules::settings::{self, changed_rules, split_rules};
use crate::plan::rules::{Planned, plan_dataset};
use crate::plan::schema::{Aspect, Rules};
use crate::run::Listener;
use crate::store::claim::{ClaimError, claim_file};
use crate::store::write_atomic;

pub(super) use crate::cli::plan::arguments::Arguments;

/// Name of the plan in messages before it has a file.
const NO_FILE: &str = "plan.toml";
pub(super) fn plan(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.update {
        Some(plan) => propose::propose(plan, arguments),
        None => write(arguments),
    }
}

fn write(arguments: &Arguments) -> Result<(), Failure> {
    claim(arguments)?;
    let terminal = Terminal::new();
    let (rules, others) = split_rules(&arguments.set);
    let mut rules = changed_rules(&rules).map_err(|error| Failure::wrong_input(error.into()))?;
    if arguments.aspect == "voxel" {
        rules.patch_aspect = Aspect::Voxel;
    }
    settings::check(&others).map_err(|error| Failure::wrong_input(error.into()))?;
    let source = match &arguments.dataset {
        Some(folder) => Plannable::Data(measure(folder, arguments, &terminal)?),
        None => published_task(arguments)?,
    };
    let mut planned = source.plan(&rules);
    if let Some(memory_gib) = arguments.memory_gib {
        let fitted = fit_rules(memory_gib, &planned.plan)?;
        planned = source.plan(&fitted);
        planned.reasons.extend(memory_reasons(memory_gib, &rules, &fitted));
    }
    let file = arguments.output.as_deref().unwrap_or(Path::new(NO_FILE));
    let scope = if arguments.full { Scope::Full } else { Scope::Decisions };
    let settled = planned.with_settings(file, &others, scope);
    let (text, loaded) = settled.map_err(|error| Failure::wrong_input(error.into()))?;
    if let Plannable::Data(data) = &source {
        refuse_unrunnable(&loaded, &data.dataset).map_err(|error| Failure::wrong_input(error.into()))?;
        let names = loaded.plan.configurations.keys().copied();
        check_case_sizes(&loaded.plan, &data.fingerprint, names)
            .map_err(|error| Failure::damaged_data(plain(error)))?;
        print_notes(&loaded, &data.dataset, &data.fingerprint, &terminal);
    }
    let Some(path) = &arguments.output else {
        print(&text);
        return Ok(());
    };
    write_atomic(path, text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    write_beside(path, arguments.overwrite)?;
    terminal.say(&overview(&loaded.plan, arguments.memory_gib));
    terminal.say(&format!("written to `{}`; to run it, from any folder:", path.display()));
    terminal.say(&format!("  {}", next::command(path, &loaded, source.folder())));
    Ok(())
}

/// Refuses to overwrite an existing file or an input.
fn claim(arguments: &Arguments) -> Result<(), Failure> {
    let Some(path) = &arguments.output else { return Ok(()) };
    let inputs: Vec<PathBuf> = arguments.dataset.iter().cloned().collect();
    claim_file(path, &inputs, arguments.overwrite).map_err(|error| match error {
        ClaimError::Exists(_) if path.extension().is_some_and(|ending| ending == "toml") => {
            let path = path.display();
            let help = format!("`--update {path}` keeps values that were set by hand; `--overwrite` replaces the file");
            Failure::wrong_input(miette::miette!(help = help, "`{path}` exists already, and may have been edited"))
        }
        error => Failure::of_claim(error),
    })
}

/// The source of a plan.
enum Plannable {
    /// A data set that was measured.
    Data(Measurements),
    /// The published measurements of a task, and the name of the experiment.
    Paper(Task, String),
}

impl Plannable {
    fn plan(&self, rules: &Rules) -> Planned {
        match self {
            Self::Data(Measurements { name, dataset, exclude, fingerprint }) => {
                plan_dataset(name, dataset, exclude, fingerprint, rules)
            }
            Self::Paper(task, name) => task.plan(name, rules),
        }
    }

    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Data(data) => Some(&data.dataset.folder),
            Self::Paper(..) => None,
        }
    }
}

/// One of the paper's tasks.
fn published_task(arguments: &Arguments) -> Result<Plannable, Failure> {
    let asked = arguments.published.as_deref().unwrap_or_default();
    let task = tasks().remove(asked).ok_or_else(|| {
        Failure::wrong_input(miette::miette!("unknown task `{asked}`; the paper has task01 to task07"))
    })?;
    let name = given_name(arguments.name.as_deref())?.unwrap_or_else(|| asked.to_owned());
    Ok(Plannable::Paper(task, name))
}
