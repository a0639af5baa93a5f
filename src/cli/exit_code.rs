//! The exit codes of the program, and which error has which.

use crate::bench::BenchError;
use crate::experiment::ExperimentError;
use crate::network::weights::WeightsError;
use crate::nnunet::checkpoint::CheckpointError;
use crate::nnunet::model::ModelError;
use crate::preview::PreviewError;
use crate::run::contents::ContentsError;
use crate::segment::SegmentError;
use crate::segment::package::PackageError;
use crate::store::archive::ArchiveError;
use crate::store::claim::ClaimError;
use crate::train::TrainError;

/// How a command ended, for scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExitCode {
    Done = 0,
    Failed = 1,
    /// Wrong plan, arguments or files named by the user.
    WrongInput = 2,
    /// Files of a data set or of a run are damaged.
    DamagedData = 3,
    /// Stopped by a signal; the same command resumes.
    Interrupted = 4,
    /// With `--keep-going`, or after an earlier success: a part is done.
    PartFailed = 5,
}

/// The line of `--help` about exit codes.
pub(super) const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 wrong input, 3 damaged data, \
                                     4 interrupted (progress is saved), 5 part of the work failed";

impl ExitCode {
    pub(super) fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn of_experiment(error: &ExperimentError) -> Self {
        match error {
            ExperimentError::Plan(_)
            | ExperimentError::Data(_)
            | ExperimentError::Device(_)
            | ExperimentError::UnknownConfiguration(_)
            | ExperimentError::UnknownFold { .. }
            | ExperimentError::OtherPlan { .. }
            | ExperimentError::EditedSplit(_)
            | ExperimentError::FirstStageSplit { .. }
            | ExperimentError::Split(_) => Self::WrongInput,
            ExperimentError::Fingerprint(_)
            | ExperimentError::Preprocess(_)
            | ExperimentError::RunFile(_)
            | ExperimentError::Image { .. }
            | ExperimentError::Issues(_)
            | ExperimentError::Contents(ContentsError::MissingFile(_))
            | ExperimentError::Unlabelled(_)
            | ExperimentError::UnknownCase { .. }
            | ExperimentError::Train(TrainError::Checkpoint(_) | TrainError::Weights(WeightsError::Damaged { .. }))
            | ExperimentError::Weights(_) => Self::DamagedData,
            ExperimentError::Predict { .. }
            | ExperimentError::Store(_)
            | ExperimentError::Contents(ContentsError::Store(_))
            | ExperimentError::Train(_)
            | ExperimentError::Table(_)
            | ExperimentError::Locked(_) => Self::Failed,
        }
    }

    pub(super) fn of_bench(error: &BenchError) -> Self {
        match error {
            BenchError::Plan(_) | BenchError::Configuration(_) | BenchError::Device(_) | BenchError::Data(_) => {
                Self::WrongInput
            }
            BenchError::Contents(ContentsError::MissingFile(_))
            | BenchError::Preprocess(_)
            | BenchError::Issues(_)
            | BenchError::Image { .. } => Self::DamagedData,
            BenchError::Contents(ContentsError::Store(_)) => Self::Failed,
        }
    }

    pub(super) fn of_preview(error: &PreviewError) -> Self {
        match error {
            PreviewError::Configuration(_) | PreviewError::Data(_) | PreviewError::NoSuchCase { .. } => {
                Self::WrongInput
            }
            PreviewError::Claim(error) => Self::of_claim(error),
            PreviewError::Contents(ContentsError::MissingFile(_))
            | PreviewError::Preprocess(_)
            | PreviewError::FirstStage(_)
            | PreviewError::Image { .. } => Self::DamagedData,
            PreviewError::Contents(ContentsError::Store(_)) | PreviewError::Drawing(_) | PreviewError::Store(_) => {
                Self::Failed
            }
        }
    }

    pub(super) fn of_segment(error: &SegmentError) -> Self {
        match error {
            SegmentError::Plan(_)
            | SegmentError::Device(_)
            | SegmentError::Input(_)
            | SegmentError::NoRun(_)
            | SegmentError::NoModel(_)
            | SegmentError::Setting { .. }
            | SegmentError::OneOutput { .. }
            | SegmentError::OutputFormat(_)
            | SegmentError::LargeText { .. }
            | SegmentError::UntrainedFold { .. }
            | SegmentError::Untrained { .. } => Self::WrongInput,
            SegmentError::Cases(_) | SegmentError::RunFile(_) | SegmentError::Tensors(_) | SegmentError::Weights(_) => {
                Self::DamagedData
            }
            SegmentError::Claim(error) => Self::of_claim(error),
            SegmentError::Package(error) => Self::of_package(error),
            SegmentError::Score(_) | SegmentError::Store(_) => Self::Failed,
        }
    }

    pub(super) fn of_model(error: &ModelError) -> Self {
        match error {
            ModelError::NoModel(_)
            | ModelError::Unsupported { .. }
            | ModelError::Inexact { .. }
            | ModelError::Tensors { .. }
            | ModelError::Plans { .. }
            | ModelError::Exists(_)
            | ModelError::NotExpressible { .. }
            | ModelError::Plan(_)
            | ModelError::Device(_)
            | ModelError::Checkpoint(CheckpointError::Unsupported { .. }) => Self::WrongInput,
            ModelError::File { .. }
            | ModelError::Archive { .. }
            | ModelError::RunFile(_)
            | ModelError::Weights(_)
            | ModelError::Checkpoint(CheckpointError::Damaged { .. } | CheckpointError::Io { .. }) => Self::DamagedData,
            ModelError::Store(_) | ModelError::TensorFile(_) | ModelError::Checkpoint(CheckpointError::Store(_)) => {
                Self::Failed
            }
        }
    }

    fn of_package(error: &PackageError) -> Self {
        match error {
            PackageError::Version { .. } => Self::WrongInput,
            PackageError::Archive(ArchiveError::Damaged { .. }) | PackageError::Weights(_) => Self::DamagedData,
            PackageError::Archive(ArchiveError::Store(_)) => Self::Failed,
        }
    }

    /// 2 if files may not be written, 1 if they cannot.
    pub(super) fn of_claim(error: &ClaimError) -> Self {
        match error {
            ClaimError::Exists(_)
            | ClaimError::Folder(_)
            | ClaimError::Input(_)
            | ClaimError::Dataset { .. }
            | ClaimError::Run { .. }
            | ClaimError::Mixed(_)
            | ClaimError::Twice(_) => Self::WrongInput,
            ClaimError::Store(_) => Self::Failed,
        }
    }
}
