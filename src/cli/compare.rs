//! `segplan compare`: runs, or the variants of a sweep, in one table.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};

use crate::cli::failure::{Failure, plain};
use crate::cli::output::print;
use crate::cli::variant::chosen;
use crate::evaluate::metric::Metric;
use crate::plan::edit::resolved_text;
use crate::plan::read::{LoadedPlan, load};
use crate::report::compare::run_table::{ComparedRun, run_table};
use crate::report::record::read_run;
use crate::report::table::{Format, Table, Write};
use crate::run::folder::RunFolder;

const EXAMPLES: &str = "\
Examples:
  # all variants of a sweep, by mean Dice
  segplan compare experiments/sweep.toml
  # any runs, by any metric
  segplan compare runs/phantom runs/phantom-short --metric hd95
  # a LaTeX table
  segplan compare experiments/sweep.toml --format tex > tables/sweep.tex

Means are over cases, then over classes. Notes below the table list runs without results and cases without scores.";

/// Prints a table of a format.
type Render = fn(&Table) -> String;

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Run folders or plans; a plan with a sweep stands for all its variants
    #[arg(required = true, value_name = "PLAN_OR_RUN")]
    runs: Vec<PathBuf>,
    /// Metric to compare
    #[arg(long, default_value = "dice", value_parser = parse_metric())]
    metric: Metric,
    /// Output format
    #[arg(long, default_value = "text", value_parser = parse_format())]
    format: Render,
}

/// The metrics by name, with or without unit.
fn parse_metric() -> impl clap::builder::TypedValueParser<Value = Metric> {
    let values = Metric::all().map(|metric| {
        let value = PossibleValue::new(metric.name());
        let short = metric.unit().and_then(|unit| metric.name().strip_suffix(unit)?.strip_suffix('_'));
        short.map_or(value.clone(), |short| value.alias(short))
    });
    PossibleValuesParser::new(values).map(|name| Metric::from_name(&name).expect("clap passes known names only"))
}

/// The formats that can be printed, with their help.
fn parse_format() -> impl clap::builder::TypedValueParser<Value = Render> {
    let values = printable().map(|(name, help, _)| PossibleValue::new(name).help(help));
    PossibleValuesParser::new(values).map(|name| {
        let (_, _, render) = printable().find(|(known, ..)| *known == name).expect("clap passes known formats only");
        render
    })
}

/// Name, help and function of each format that is text.
fn printable() -> impl Iterator<Item = (&'static str, &'static str, Render)> {
    Format::ALL.iter().map(|format| format.writer()).filter_map(|writer| match writer.write {
        Write::Text(render) => Some((writer.name, writer.help, render as Render)),
        Write::File(_) => None,
    })
}

pub(super) fn compare(arguments: &Arguments) -> Result<(), Failure> {
    let (mut runs, mut changed) = (Vec::new(), Vec::new());
    for path in &arguments.runs {
        if path.is_file() {
            let loaded = load(path, &[]).map_err(|error| Failure::wrong_input(error.into()))?;
            for plan in chosen(&loaded, None)? {
                let (run, note) = run_of_plan(plan)?;
                changed.extend(note);
                runs.push(run);
            }
        } else {
            runs.push(run_of_folder(path)?);
        }
    }
    let mut table = run_table(&runs, arguments.metric);
    table.notes.extend(changed);
    print((arguments.format)(&table));
    Ok(())
}

fn run_of_folder(path: &Path) -> Result<ComparedRun, Failure> {
    let record = read_run(path).map_err(|error| Failure::wrong_input(plain(error)))?;
    Ok(ComparedRun { name: record.plan.name.clone(), resolved: record.resolved_text.clone(), record: Some(record) })
}

/// The run of a plan, and a note if the plan has changed since.
fn run_of_plan(loaded: &LoadedPlan) -> Result<(ComparedRun, Option<String>), Failure> {
    let plan = &loaded.plan;
    let folder = RunFolder::new(&plan.runtime.runs, &plan.name);
    let name = plan.name.clone();
    if !folder.resolved_plan().is_file() {
        return Ok((ComparedRun { name, resolved: resolved_text(plan), record: None }, None));
    }
    let run = run_of_folder(&folder.root)?;
    let has_changed = run.record.as_ref().is_some_and(|record| {
        let mut recorded = record.plan.clone();
        recorded.runtime.clone_from(&plan.runtime);
        recorded != *plan
    });
    let note = format!("{name}: the plan has changed since the run; the values are those of the run.");
    Ok((run, has_changed.then_some(note)))
}
