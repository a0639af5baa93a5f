//! `segplan plan`: from a data set to its plan.

mod next;
mod propose;

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::failure::{Failure, plain, warn};
use crate::cli::output::print;
use crate::cli::schema::write_beside;
use crate::cli::terminal::Terminal;
use crate::dataset::{Dataset, scan};
use crate::device::Backend;
use crate::experiment::machine::Machine;
use crate::experiment::preflight::{check_case_sizes, check_data};
use crate::fingerprint::{Fingerprint, FingerprintError, compute_fingerprint};
use crate::network::PlannedNetwork;
use crate::network::topology::Topology;
use crate::plan::apply::sorted;
use crate::plan::fault::{Fault, PlanError};
use crate::plan::fit::{self, fit};
use crate::plan::load::LoadedPlan;
use crate::plan::make::{Planned, changed_rules, default_memory_bytes, make};
use crate::plan::notes::notes;
use crate::plan::published::{Task, tasks};
use crate::plan::rules::Measured;
use crate::plan::schema::{Aspect, Configuration, ConfigurationName, Plan, Rules};
use crate::plan::unplannable::{Unplannable, enough_cases, measurements};
use crate::plan::{apply, name};
use crate::run::Listener;
use crate::store::claim::{ClaimError, claim_file};
use crate::store::write_atomic;
use crate::units::{format_bytes, shell_word};

const GIBI: f64 = (1_u64 << 30) as f64;
/// The device whose memory `--memory-gib` is of.
const FITTED_BACKEND: Backend = Backend::Cuda;
/// What a plan is called in messages before it has a file.
const NO_FILE: &str = "plan.toml";
const EXAMPLES: &str = "\
Examples:
  segplan plan data/Task04_Hippocampus -o experiments/hippocampus.toml
  segplan plan data/Task04_Hippocampus                                 to standard output
  segplan plan --published task04 -o experiments/task04.toml           from the paper's tables
  segplan plan data/Task04_Hippocampus --memory-gib 24 -o large.toml   for a GPU of 24 GiB
  segplan plan data/Hearts --exclude patient_07 -o hearts.toml         without a case
  segplan plan data/Hearts --set 'split.group=^(.+)_E[DS]$' -o hearts.toml
  segplan plan --update experiments/hippocampus.toml                   what is planned now, as a diff
  segplan plan --update experiments/hippocampus.toml --write           and written

An update follows the data and the plan's own [rules]. What a person decided stays, and is said.
Nothing is written that `segplan run` would refuse.

Exit codes: 0 done, 1 failed, 2 wrong input, 3 damaged data";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Folder of the data set (Decathlon or nnU-Net v2 raw)
    #[arg(required_unless_present_any = ["published", "update"])]
    dataset: Option<PathBuf>,
    /// Plan one of the paper's tasks, `task01` to `task07`, from what was published of it, without its data
    #[arg(long, value_name = "TASK", conflicts_with = "dataset")]
    published: Option<String>,
    /// File to write; standard output where it is not given
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Name of the experiment; the data set's own without its task number where it is not given
    #[arg(long)]
    name: Option<String>,
    /// What the aspect ratio of a 3D patch follows: `mm` as in Table 1 of the paper, or `voxel` as in its text
    #[arg(long, default_value = "mm", value_parser = ["mm", "voxel"])]
    aspect: String,
    /// Memory of the card to train on, GiB: patches and batches are those that are estimated to fit into it. Without it they
    /// are the paper's, for 12 GB. Measuring the data set takes no more of this machine's memory than that, and 4 GiB without it
    #[arg(long, value_name = "GIB")]
    memory_gib: Option<f64>,
    /// Leave out a training case, by its name; may be given several times. `data.exclude` in the plan
    #[arg(long, value_name = "CASE", conflicts_with = "published")]
    exclude: Vec<String>,
    /// Set a key of the plan, such as `split.patient_pattern=^(.+)_E[DS]$`; a key of `[rules]` changes what is planned
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,
    /// Measure the data set of this plan anew, and propose what the rules then plan as a diff
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["output", "name", "aspect", "overwrite", "published", "exclude", "set", "memory_gib"])]
    update: Option<PathBuf>,
    /// Write what an update proposes
    #[arg(long, requires = "update")]
    write: bool,
}

pub(super) fn plan(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.update {
        Some(plan) => propose::propose(plan, arguments),
        None => write(arguments),
    }
}

fn write(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(path) = &arguments.output {
        let inputs: Vec<PathBuf> = arguments.dataset.iter().cloned().collect();
        claim_file(path, &inputs, arguments.overwrite).map_err(|error| match error {
            ClaimError::Exists(_) if path.extension().is_some_and(|ending| ending == "toml") => {
                let path = path.display();
                let help = format!("`--update {path}` keeps what a person decided; `--overwrite` replaces it");
                Failure::wrong_input(miette::miette!(help = help, "`{path}` exists already, and may have been edited"))
            }
            error => Failure::of_claim(error),
        })?;
    }
    let terminal = Terminal::new();
    let (rules, others) = sorted(&arguments.set);
    let mut rules = changed_rules(&rules).map_err(|reason| Failure::wrong_input(miette::miette!(reason)))?;
    if arguments.aspect == "voxel" {
        rules.patch_aspect = Aspect::Voxel;
    }
    apply::check(&others).map_err(|error| Failure::wrong_input(error.into()))?;
    let source = match &arguments.dataset {
        Some(folder) => Plannable::Data(data(folder, arguments, &terminal)?),
        None => of_paper(arguments)?,
    };
    let mut planned = source.planned(&rules);
    if let Some(gibi) = arguments.memory_gib {
        let before = rules.clone();
        rules = fitted(gibi, &planned.plan)?;
        planned = source.planned(&rules);
        planned.reasons.extend(fit::reasons(gibi, &before, &rules));
    }
    let file = arguments.output.as_deref().unwrap_or(Path::new(NO_FILE));
    let (text, loaded) = planned.applied(file, &others).map_err(|error| Failure::wrong_input(error.into()))?;
    if let Plannable::Data(data) = &source {
        checked(&loaded, &data.dataset).map_err(|error| Failure::wrong_input(error.into()))?;
        let names = loaded.plan.configurations.keys().copied();
        check_case_sizes(&loaded.plan, &data.fingerprint, names)
            .map_err(|error| Failure::damaged_data(plain(error)))?;
        say_notes(&loaded, &data.dataset, &data.fingerprint, &terminal);
    }
    let Some(path) = &arguments.output else {
        print(&text);
        return Ok(());
    };
    write_atomic(path, text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    write_beside(path, arguments.overwrite)?;
    terminal.say(&overview(&loaded.plan, arguments.memory_gib));
    terminal.say(&format!("written to `{}`; this runs it, from any folder:", path.display()));
    terminal.say(&format!("  {}", next::command(path, &loaded, source.folder())));
    Ok(())
}

/// Bytes that measuring may take: as many as the GPU has, but on a small machine no more than half of what it has itself.
fn memory_to_measure(arguments: &Arguments) -> u64 {
    let default = default_memory_bytes();
    let Some(card) = arguments.memory_gib.map(|gib| (gib * GIBI) as u64) else { return default };
    let machine = Machine::inspect(Path::new(".")).memory.map_or(default, |memory| memory / 2);
    card.min(machine.max(default))
}

/// What a plan is made of.
enum Plannable {
    /// A data set that was measured.
    Data(Data),
    /// What the paper published of a task, and the name of the experiment.
    Paper(Task, String),
}

/// A data set that was measured.
struct Data {
    name: String,
    dataset: Dataset,
    exclude: Vec<String>,
    fingerprint: Fingerprint,
}

impl Plannable {
    fn planned(&self, rules: &Rules) -> Planned {
        match self {
            Self::Data(Data { name, dataset, exclude, fingerprint }) => {
                make(name, dataset, exclude, fingerprint, rules)
            }
            Self::Paper(task, name) => task.planned(name, rules),
        }
    }

    fn folder(&self) -> Option<&Path> {
        match self {
            Self::Data(data) => Some(&data.dataset.folder),
            Self::Paper(..) => None,
        }
    }
}

/// Measures a data set, without the cases that are left out.
fn data(folder: &Path, arguments: &Arguments, terminal: &Terminal) -> Result<Data, Failure> {
    let dataset = scan(folder).map_err(|error| Failure::wrong_input(plain(error)))?;
    let dataset = dataset.without(&arguments.exclude).map_err(|error| Failure::wrong_input(plain(error)))?;
    if fs::canonicalize(folder).ok().and_then(|whole| Some(whole.file_name()?.to_str()? == dataset.name)) != Some(true)
    {
        return Err(Failure::wrong_input(miette::miette!(
            help = "a plan names its data set's folder: give it a name in Unicode",
            "the folder `{}` has no name that a plan can hold",
            folder.display()
        )));
    }
    let name = experiment_name(arguments.name.as_deref(), &dataset.name, terminal)?;
    let fingerprint = measured(&dataset, memory_to_measure(arguments), terminal)?;
    Ok(Data { name, dataset, exclude: arguments.exclude.clone(), fingerprint })
}

/// Measures the cases of a data set, and refuses one of which no plan can be made.
fn measured(dataset: &Dataset, memory_bytes: u64, terminal: &Terminal) -> Result<Fingerprint, Failure> {
    enough_cases(dataset).map_err(unplannable)?;
    terminal.begin("measuring the data set", dataset.training.len());
    let fingerprint = compute_fingerprint(dataset, memory_bytes, &|| terminal.advance());
    terminal.end();
    let fingerprint = fingerprint.map_err(unusable)?;
    measurements(dataset, &fingerprint).map_err(unplannable)?;
    Ok(fingerprint)
}

/// Names the faulty cases, and how to plan without them.
fn unusable(error: FingerprintError) -> Failure {
    let mut cases: Vec<&str> = match &error {
        FingerprintError::Issues(faults) => faults.iter().map(|fault| fault.case.0.as_str()).collect(),
        FingerprintError::Empty(_) => Vec::new(),
    };
    cases.dedup();
    let without: Vec<String> = cases.iter().map(|case| format!("--exclude {}", shell_word(case))).collect();
    if without.is_empty() {
        return Failure::damaged_data(plain(error));
    }
    Failure::damaged_data(miette::miette!(help = format!("to plan without: {}", without.join(" ")), "{error}"))
}

fn unplannable(error: Unplannable) -> Failure {
    if error.is_damage() { Failure::damaged_data(plain(error)) } else { Failure::wrong_input(plain(error)) }
}

/// Refuses what `run` would refuse of a plan and its data set.
fn checked(loaded: &LoadedPlan, dataset: &Dataset) -> Result<(), PlanError> {
    let faults = check_data(loaded, dataset);
    if faults.iter().all(Fault::is_warning) { Ok(()) } else { Err(PlanError::Faults { faults }) }
}

/// Says what of a plan and its data set is worth a look.
fn say_notes(loaded: &LoadedPlan, dataset: &Dataset, fingerprint: &Fingerprint, terminal: &Terminal) {
    warn(&loaded.warnings);
    for note in notes(&loaded.plan, dataset, fingerprint) {
        terminal.say(&format!("note: {note}"));
    }
}

/// One of the paper's tasks.
fn of_paper(arguments: &Arguments) -> Result<Plannable, Failure> {
    let asked = arguments.published.as_deref().unwrap_or_default();
    let mut tasks = tasks();
    let found = tasks.remove(asked).ok_or_else(|| {
        let known: Vec<&str> = tasks.keys().map(String::as_str).collect();
        Failure::wrong_input(miette::miette!("`{asked}` is no task of the paper; expected one of {}", known.join(", ")))
    })?;
    let name = given_name(arguments.name.as_deref())?.unwrap_or_else(|| asked.to_owned());
    Ok(Plannable::Paper(found, name))
}

/// The rules of a plan, for a GPU of that memory.
fn fitted(gibi: f64, plan: &Plan) -> Result<Rules, Failure> {
    let data = &plan.data;
    let bytes = |name: ConfigurationName, network: &Configuration| {
        let topology = Topology::new(network, plan.input_channels(name), plan.classes());
        topology.training_bytes(network.patch_size.0, network.batch_size, FITTED_BACKEND)
    };
    let measured = Measured { cases: data.cases, spacing: data.median_spacing_mm, median: data.median_shape };
    fit(&measured, &plan.rules, (gibi * GIBI) as u64, &bytes).ok_or_else(|| {
        Failure::wrong_input(miette::miette!("no network of the rules is estimated to train in {gibi} GiB"))
    })
}

/// A name that was given, if it can be that of a folder.
fn given_name(given: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(given) = given.filter(|given| !name::is_valid(given)) else { return Ok(given.map(str::to_owned)) };
    let instead = name::valid(given).unwrap_or_else(|| "hippocampus".to_owned());
    Err(Failure::wrong_input(miette::miette!(
        help = format!("such as `--name {instead}`: letters, digits, `-`, `_`, `.` and `=`"),
        "`{given}` cannot be the name of a folder"
    )))
}

/// The name of an experiment: as given, or else that of its data set as far as it can be that of a folder.
fn experiment_name(given: Option<&str>, dataset: &str, terminal: &Terminal) -> Result<String, Failure> {
    if let Some(given) = given_name(given)? {
        return Ok(given);
    }
    let short = short_name(dataset);
    let valid = name::valid(&short).unwrap_or_else(|| "experiment".to_owned());
    if valid != short {
        terminal.say(&format!(
            "the experiment is called `{valid}`, since `{short}` cannot be the name of a folder of results"
        ));
    }
    Ok(valid)
}

/// `Task04_Hippocampus` and `Dataset004_Hippocampus` are called `hippocampus`; any other name is kept, in small letters.
fn short_name(dataset: &str) -> String {
    let rest = dataset.strip_prefix("Task").or_else(|| dataset.strip_prefix("Dataset"));
    let short = rest.and_then(|rest| rest.split_once('_')).filter(|(number, _)| number.parse::<u32>().is_ok());
    short.map_or(dataset, |(_, name)| name).to_lowercase()
}

/// A line for each network. The memory is that of the GPU that the plan was fitted to, or else of the plan's own device.
fn overview(plan: &Plan, fitted: Option<f64>) -> String {
    let where_to = match fitted {
        Some(gibi) => format!("on a GPU (`--memory-gib {gibi}`)"),
        None => format!("on `{}`", plan.runtime.device),
    };
    let line = |(name, configuration): (&ConfigurationName, &Configuration)| {
        let network = PlannedNetwork::new(plan, *name);
        let topology = network.topology();
        let backend = if fitted.is_some() { FITTED_BACKEND } else { network.backend() };
        let bytes = topology.training_bytes(configuration.patch_size.0, configuration.batch_size, backend);
        format!(
            "{name}: patch {}, batch {}, {:.1} million parameters, about {} to train {where_to}",
            configuration.patch_size,
            configuration.batch_size,
            topology.parameters() as f64 / 1e6,
            format_bytes(bytes),
        )
    };
    plan.configurations.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::make::default_rules;

    #[test]
    fn a_plan_for_a_card_trains_in_its_memory_and_the_papers_card_is_one_of_twelve() {
        let planned = tasks()["task01"].planned("brain", &default_rules()).plan;
        for (gibi, edge) in [(6.0, 96), (12.0, 128), (24.0, 160), (80.0, 256)] {
            let rules = fitted(gibi, &planned).expect("fits");
            assert_eq!(rules.reference_patch_size_3d.0, [edge; 3], "{gibi} GiB");
        }
        assert!(fitted(0.01, &planned).is_err());
    }

    #[test]
    fn an_experiment_is_called_after_its_data_set() {
        assert_eq!(short_name("Task04_Hippocampus"), "hippocampus");
        assert_eq!(short_name("Dataset004_Hippocampus"), "hippocampus");
        assert_eq!(short_name("Task_force"), "task_force");
        assert_eq!(short_name("MyHearts"), "myhearts");
    }
}
