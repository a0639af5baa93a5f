//! Why new images could not be segmented.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::dataset::input::InputError;
use crate::device::DeviceError;
use crate::network::weights::WeightsError;
use crate::plan::read::PlanError;
use crate::plan::schema::ConfigurationName;
use crate::run::RunFileError;
use crate::segment::package::PackageError;
use crate::store::StoreError;
use crate::store::claim::ClaimError;
use crate::store::table::TableError;
use crate::store::tensors::TensorFileError;
use crate::units::{counted, plural};
use crate::volume::io::format::endings_text;

/// New images could not be segmented.
#[derive(Debug, Error)]
#[expect(missing_docs, reason = "most variants pass on the error of another room")]
pub enum SegmentError {
    #[error(transparent)]
    Plan(Box<PlanError>),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Input(#[from] InputError),
    #[error(transparent)]
    RunFile(#[from] RunFileError),
    #[error(transparent)]
    Score(#[from] TableError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Claim(#[from] ClaimError),
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Damaged weights of a run that is packaged.
    #[error("{0}; restore an intact copy, or retrain the network by `segplan run`")]
    Tensors(#[from] TensorFileError),
    #[error(
        "`{0}` is no model: expected a file of `segplan package`, such as `model.segplan`, or a run folder of `segplan run`, such as \
         `runs/hippocampus`"
    )]
    NoModel(String),
    #[error(
        "`--set {key}` is refused: {reason}; expected a key of `[predict]`, such as `--set predict.tile_step_fraction=0.25`"
    )]
    Setting { key: String, reason: &'static str },
    #[error(
        "configuration `{name}` in `{model}` has no trained network of fold {fold}; it has those of {}",
        folds_text(trained)
    )]
    UntrainedFold { model: String, name: ConfigurationName, fold: usize, trained: BTreeSet<usize> },
    #[error("`{}` is the path of one label map, and the input has {}; expected a folder, such as `segmentations`", path.display(), counted(*cases, "case"))]
    OneOutput { path: PathBuf, cases: usize },
    #[error("`{}` has an unsupported format; expected a name that ends in {}, or a folder", .0.display(), endings_text())]
    OutputFormat(PathBuf),
    #[error("the entry `{name}` has {bytes} bytes; a package has texts of at most {limit} bytes")]
    LargeText { name: &'static str, bytes: usize, limit: u64 },
    #[error("`{0}` is no run folder: it has no `plan.toml`; make one with `segplan run PLAN`")]
    NoRun(String),
    #[error("`{model}` has no trained network{of}; train one with `segplan run`")]
    Untrained { model: String, of: String },
    #[error("some images could not be segmented; the others are done:\n  {}", .0.join("\n  "))]
    Cases(Vec<String>),
}

impl SegmentError {
    /// The error that a model has no trained network, or none of a configuration.
    pub(super) fn untrained(model: &Path, name: Option<ConfigurationName>) -> Self {
        let of = name.map_or_else(String::new, |name| format!(" of configuration `{name}`"));
        Self::Untrained { model: model.display().to_string(), of }
    }
}

fn folds_text(folds: &BTreeSet<usize>) -> String {
    let numbers: Vec<String> = folds.iter().map(ToString::to_string).collect();
    format!("{} {}", plural(numbers.len(), "fold"), numbers.join(", "))
}
