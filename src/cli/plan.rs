//! `segplan plan`: from a data set to its plan.

use std::path::{Path, PathBuf};

use clap::Args;
use similar::TextDiff;

use crate::cli::failure::{Failure, plain};
use crate::cli::output::print;
use crate::cli::schema::write_beside;
use crate::cli::terminal::Terminal;
use crate::dataset::{Dataset, scan};
use crate::experiment::data::locate;
use crate::experiment::events::Events;
use crate::fingerprint::{Fingerprint, measure};
use crate::network::topology::Topology;
use crate::plan::fit::{self, fit};
use crate::plan::load::{load_from, read};
use crate::plan::make::{Planned, changed_rules, default_memory_bytes, make};
use crate::plan::published::tasks;
use crate::plan::rules::Measured;
use crate::plan::schema::{Aspect, Configuration, ConfigurationName, Plan, Rules};
use crate::plan::update::update;
use crate::store::claim::{ClaimError, claim_file};
use crate::store::{rewrite, write_atomic};

const GIBI: f64 = (1_u64 << 30) as f64;
const EXAMPLES: &str = "\
Examples:
  segplan plan data/Task04_Hippocampus -o experiments/hippocampus.toml
  segplan plan data/Task04_Hippocampus                                 to standard output
  segplan plan --published task04 -o experiments/task04.toml           from the paper's tables
  segplan plan data/Task04_Hippocampus --memory-gib 24 -o large.toml   for a card of 24 GiB
  segplan plan --update experiments/hippocampus.toml                   what is planned now, as a diff
  segplan plan --update experiments/hippocampus.toml --write           and written

An update follows the data and the plan's own [rules]. What a person decided stays, and is said.";

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
    /// are the paper's, for 12 GB
    #[arg(long, value_name = "GIB")]
    memory_gib: Option<f64>,
    /// Change a constant of the planning rules, such as `rules.cascade_factor=2`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Replace the file if it is there
    #[arg(long)]
    overwrite: bool,
    /// Measure the data set of this plan anew, and propose what the rules then plan as a diff
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["output", "name", "aspect", "overwrite", "published", "set", "memory_gib"])]
    update: Option<PathBuf>,
    /// Write what an update proposes
    #[arg(long, requires = "update")]
    write: bool,
}

pub(super) fn plan(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.update {
        Some(plan) => propose(plan, arguments.dataset.as_deref(), arguments.write),
        None => write(arguments),
    }
}

fn write(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(path) = &arguments.output {
        let inputs: Vec<PathBuf> = arguments.dataset.iter().cloned().collect();
        claim_file(path, &inputs, arguments.overwrite).map_err(|error| match error {
            ClaimError::Exists(_) => {
                let path = path.display();
                let help = format!("`--update {path}` keeps what a person decided; `--overwrite` replaces it");
                Failure::wrong_input(miette::miette!(help = help, "`{path}` exists already, and may have been edited"))
            }
            error => Failure::of_claim(error),
        })?;
    }
    let terminal = Terminal::new();
    let mut rules = changed_rules(&arguments.set).map_err(|reason| Failure::wrong_input(miette::miette!(reason)))?;
    if arguments.aspect == "voxel" {
        rules.aspect = Aspect::Voxel;
    }
    let name = arguments.name.as_deref();
    let planned_by = match (&arguments.dataset, &arguments.published) {
        (Some(dataset), _) => of_data(dataset, name, &terminal)?,
        (None, published) => of_paper(published.as_deref().unwrap_or_default(), name)?,
    };
    let mut planned = planned_by(&rules);
    if let Some(gibi) = arguments.memory_gib {
        rules = fitted(gibi, &planned.plan)?;
        planned = planned_by(&rules);
        planned.reasons.extend(fit::reasons(gibi, &rules));
    }
    let text = planned.text();
    let Some(path) = &arguments.output else {
        print(&text);
        return Ok(());
    };
    write_atomic(path, text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    write_beside(path, arguments.overwrite)?;
    terminal.say(&overview(&planned.plan));
    terminal.say(&format!("written to `{0}`; run it with: segplan run {0}", path.display()));
    Ok(())
}

fn measured(dataset: &Dataset, terminal: &Terminal) -> Result<Fingerprint, Failure> {
    terminal.begin("measuring the data set", dataset.training.len());
    let fingerprint = measure(dataset, default_memory_bytes(), &|| terminal.advance());
    terminal.end();
    fingerprint.map_err(|error| Failure::damaged_data(plain(error)))
}

/// Measures the data set of a plan anew, and prints what would be planned now.
fn propose(path: &Path, dataset: Option<&Path>, write: bool) -> Result<(), Failure> {
    let loaded = load_from(path, &|file| read(file)).map_err(|error| Failure::wrong_input(error.into()))?;
    let terminal = Terminal::new();
    let dataset = match dataset {
        Some(folder) => scan(folder).map_err(|error| Failure::wrong_input(plain(error)))?,
        None => locate(&loaded.plan, &terminal).map_err(|error| Failure::wrong_input(plain(error)))?,
    };
    let fingerprint = measured(&dataset, &terminal)?;
    let update = update(path, &loaded, &dataset, &fingerprint).map_err(|error| Failure::wrong_input(error.into()))?;
    for what in &update.kept {
        terminal.say(what);
    }
    let shown = path.display();
    if update.text == loaded.input {
        terminal.say(&format!("`{shown}` is as it would be planned now"));
        return Ok(());
    }
    let diff = TextDiff::from_lines(&loaded.input, &update.text);
    print(diff.unified_diff().header(&format!("a/{shown}"), &format!("b/{shown}")));
    if let Some(fault) = update.fault {
        terminal.say("what stays does not fit what is planned now:");
        return Err(Failure::wrong_input(fault.into()));
    }
    if !write {
        terminal.say(&format!("nothing is written yet: segplan plan --update {shown} --write"));
        return Ok(());
    }
    if read(path).is_ok_and(|text| text != loaded.input) {
        let help = "run the same command again";
        return Err(Failure::wrong_input(miette::miette!(help = help, "`{shown}` was edited in the meantime")));
    }
    rewrite(path, update.text.as_bytes()).map_err(|error| Failure::failed(plain(error)))?;
    write_beside(path, false)?;
    terminal.say(&format!("written to `{shown}`"));
    Ok(())
}

/// Plans by rules.
type PlannedBy = Box<dyn Fn(&Rules) -> Planned>;

/// Plans a data set that is there.
fn of_data(dataset: &Path, name: Option<&str>, terminal: &Terminal) -> Result<PlannedBy, Failure> {
    let dataset = scan(dataset).map_err(|error| Failure::wrong_input(plain(error)))?;
    let fingerprint = measured(&dataset, terminal)?;
    let name = name.map_or_else(|| experiment_name(&dataset.name), str::to_owned);
    Ok(Box::new(move |rules| make(&name, &dataset, &fingerprint, rules)))
}

/// Plans one of the paper's tasks.
fn of_paper(task: &str, name: Option<&str>) -> Result<PlannedBy, Failure> {
    let mut tasks = tasks();
    let found = tasks.remove(task).ok_or_else(|| {
        let known: Vec<&str> = tasks.keys().map(String::as_str).collect();
        Failure::wrong_input(miette::miette!("`{task}` is no task of the paper; expected one of {}", known.join(", ")))
    })?;
    let name = name.unwrap_or(task).to_owned();
    Ok(Box::new(move |rules| found.planned(&name, rules)))
}

/// The rules of a plan, for a card of that memory.
fn fitted(gibi: f64, plan: &Plan) -> Result<Rules, Failure> {
    let data = &plan.data;
    let bytes = |name: ConfigurationName, network: &Configuration| {
        let topology = Topology::new(network, plan.input_channels(name), data.labels.len() + 1);
        topology.training_bytes(network.patch_size.0, network.batch_size, "cuda")
    };
    let measured = Measured { cases: data.cases, spacing: data.median_spacing, median: data.median_shape };
    fit(&measured, &plan.rules, (gibi * GIBI) as u64, &bytes).ok_or_else(|| {
        Failure::wrong_input(miette::miette!("no network of the rules is estimated to train in {gibi} GiB"))
    })
}

/// `Task04_Hippocampus` and `Dataset004_Hippocampus` are called `hippocampus`; any other name is kept, in small letters.
fn experiment_name(dataset: &str) -> String {
    let rest = dataset.strip_prefix("Task").or_else(|| dataset.strip_prefix("Dataset"));
    let short = rest.and_then(|rest| rest.split_once('_')).filter(|(number, _)| number.parse::<u32>().is_ok());
    short.map_or(dataset, |(_, name)| name).to_lowercase()
}

/// A line for each network.
fn overview(plan: &Plan) -> String {
    let line = |(name, configuration): (&ConfigurationName, &Configuration)| {
        let topology = Topology::of(plan, *name);
        let memory =
            topology.training_bytes(configuration.patch_size.0, configuration.batch_size, &plan.runtime.device) as f64;
        format!(
            "{name}: patch {}, batch {}, {:.1} million parameters, about {:.1} GiB to train",
            configuration.patch_size,
            configuration.batch_size,
            topology.parameters() as f64 / 1e6,
            memory / GIBI,
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
            assert_eq!(rules.reference_patch_3d.0, [edge; 3], "{gibi} GiB");
        }
        assert!(fitted(0.01, &planned).is_err());
    }

    #[test]
    fn an_experiment_is_called_after_its_data_set() {
        assert_eq!(experiment_name("Task04_Hippocampus"), "hippocampus");
        assert_eq!(experiment_name("Dataset004_Hippocampus"), "hippocampus");
        assert_eq!(experiment_name("Task_force"), "task_force");
        assert_eq!(experiment_name("MyHearts"), "myhearts");
    }
}
