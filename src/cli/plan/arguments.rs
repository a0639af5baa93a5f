//! The arguments of `segplan plan`.

use std::path::PathBuf;

use clap::Args;

use crate::cli::plan::memory::parse_gib;

const EXAMPLES: &str = "\
Examples:
  # measure a data set and write its plan
  segplan plan data/Task04_Hippocampus -o experiments/hippocampus.toml
  # print the plan
  segplan plan data/Task04_Hippocampus
  # plan a task of the paper from its tables
  segplan plan --published task04 -o experiments/task04.toml
  # plan for a GPU with 24 GiB
  segplan plan data/Task04_Hippocampus --memory-gib 24 -o large.toml
  # leave out a case
  segplan plan data/Hearts --exclude patient_07 -o hearts.toml
  # keep a patient's cases in one fold
  segplan plan data/Hearts --set 'split.patient_pattern=^(.+)_E[DS]$'
  # show what would change, as a diff
  segplan plan --update experiments/hippocampus.toml
  # write these changes to the file
  segplan plan --update experiments/hippocampus.toml --write

A plan contains measured, planned and changed values; other values are those of the recipe (`segplan show FILE --resolved`).
An update applies the plan's own [rules] to the current data. Values that you set by hand are kept and listed.
Nothing is written that `segplan run` would refuse.

Exit codes: 0 done, 1 failed, 2 wrong input, 3 damaged data";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Folder of the data set (Decathlon or nnU-Net v2 raw)
    #[arg(required_unless_present_any = ["published", "update"])]
    pub(super) dataset: Option<PathBuf>,
    /// Plan one of the paper's tasks, `task01` to `task07`, from its published measurements, without its data
    #[arg(long, value_name = "TASK", conflicts_with = "dataset")]
    pub(super) published: Option<String>,
    /// File to write [default: standard output]
    #[arg(short, long)]
    pub(super) output: Option<PathBuf>,
    /// Name of the experiment [default: the name of the data set, without its task number]
    #[arg(long)]
    pub(super) name: Option<String>,
    /// Aspect ratio of 3D patches: in `mm` as in Table 1 of the paper, or in `voxel`s as in its text
    #[arg(long, default_value = "mm", value_parser = ["mm", "voxel"])]
    pub(super) aspect: String,
    /// Memory of the GPU to train on, GiB: plan the largest patches and batches that are estimated to fit. Without it they are the
    /// paper's, for 12 GB. Measuring the data set uses at most as much memory of this machine (at most 4 GiB without it)
    #[arg(long, value_name = "GIB", value_parser = parse_gib)]
    pub(super) memory_gib: Option<f64>,
    /// Leave out a training case, by name (repeatable); `data.exclude` in the plan
    #[arg(long, value_name = "CASE", conflicts_with = "published")]
    pub(super) exclude: Vec<String>,
    /// Set a key of the plan, such as `train.max_epochs=50`; a key of `[rules]` changes what is planned
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// Write all keys, those of the recipe and the rules, too
    #[arg(long, conflicts_with = "update")]
    pub(super) full: bool,
    /// Overwrite an existing file
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Measure the data set of this plan again, and print what the rules would now plan, as a diff
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["output", "name", "aspect", "overwrite", "published", "exclude", "set", "memory_gib"])]
    pub(super) update: Option<PathBuf>,
    /// Write the update to the file
    #[arg(long, requires = "update")]
    pub(super) write: bool,
}
