//! `segplan compare`: runs, or the variants of a sweep, side by side.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::cli::failure::{Failure, plain};
use crate::cli::output::{print, print_line};
use crate::cli::variant::chosen;
use crate::plan::read::{LoadedPlan, load};
use crate::plan::edit::resolved_text;
use crate::report::compare::run_table::{Compared, SideBySide};
use crate::report::record::Record;
use crate::run::folder::RunFolder;

const EXAMPLES: &str = "\
Examples:
  segplan compare experiments/sweep.toml                                 all variants of a sweep, by mean Dice
  segplan compare runs/phantom runs/phantom-short --metric hd95          any runs, by any metric of scores.parquet
  segplan compare experiments/sweep.toml --format tex > tables/sweep.tex

Means are over cases, then over classes. What was not run or not scored is said, and never averaged over.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Run folders, or plans: of a plan with a sweep, all variants
    #[arg(required = true, value_name = "PLAN_OR_RUN")]
    runs: Vec<PathBuf>,
    /// Metric: a column of `scores.parquet`, such as dice, iou, precision, recall, hd95, assd or nsd
    #[arg(long, default_value = "dice", value_name = "NAME")]
    metric: String,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For a terminal
    Text,
    /// Markdown, for a review
    Md,
    /// Comma-separated values, at full precision
    Csv,
    /// For a program
    Json,
    /// LaTeX, with booktabs
    Tex,
}

pub(super) fn compare(arguments: &Arguments) -> Result<(), Failure> {
    let mut runs = Vec::new();
    let mut of_other_plans = Vec::new();
    for path in &arguments.runs {
        if path.is_file() {
            let loaded = load(path, &[]).map_err(|error| Failure::wrong_input(error.into()))?;
            for plan in chosen(&loaded, None)? {
                let (run, of_another) = of_plan(plan)?;
                of_other_plans.extend(of_another);
                runs.push(run);
            }
        } else {
            runs.push(of_folder(path)?);
        }
    }
    let mut table = SideBySide::of(&runs, &arguments.metric).map_err(|known| {
        let help = format!("they have {}", known.join(", "));
        Failure::wrong_input(miette::miette!(help = help, "the runs have no metric `{}`", arguments.metric))
    })?;
    table.notes.extend(of_other_plans);
    match arguments.format {
        Format::Text => print(table.text()),
        Format::Md => print(table.markdown()),
        Format::Csv => print(table.csv()),
        Format::Json => print_line(format_args!("{:#}", serde_json::json!(table))),
        Format::Tex => print(table.latex()),
    }
    Ok(())
}

fn of_folder(path: &Path) -> Result<Compared, Failure> {
    let record = Record::read(path).map_err(|error| Failure::wrong_input(plain(error)))?;
    Ok(Compared { name: record.plan.name.clone(), resolved: record.resolved.clone(), record: Some(record) })
}

/// The run of a plan, and a note where it was run by another state of the plan.
fn of_plan(loaded: &LoadedPlan) -> Result<(Compared, Option<String>), Failure> {
    let plan = &loaded.plan;
    let folder = RunFolder::new(&plan.runtime.runs, &plan.name);
    let name = plan.name.clone();
    if !folder.resolved_plan().is_file() {
        return Ok((Compared { name, resolved: resolved_text(plan), record: None }, None));
    }
    let run = of_folder(&folder.root)?;
    let is_another = run.record.as_ref().is_some_and(|record| {
        let mut then = record.plan.clone();
        then.runtime.clone_from(&plan.runtime);
        then != *plan
    });
    let note = format!("{name}: the plan has changed since it was run; its values are those of the run.");
    Ok((run, is_another.then_some(note)))
}
