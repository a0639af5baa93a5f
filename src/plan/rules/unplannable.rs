//! Data sets that cannot be planned, reported by case and file: whatever `run` would refuse in the plan is refused here.

use thiserror::Error;

use crate::dataset::{CaseId, Dataset};
use crate::fingerprint::Fingerprint;
use crate::plan::rules::planner::Measured;
use crate::units::{counted, listed, shell_word};

/// A data set that cannot be planned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unplannable {
    /// A single case cannot be split into training and validation cases.
    #[error(
        "data set `{dataset}` has a single training case, `{case}`; a fold needs one to train on and one to validate on"
    )]
    SingleCase {
        /// The data set.
        dataset: String,
        /// The case.
        case: CaseId,
    },
    /// No label map has a foreground voxel.
    #[error(
        "data set `{dataset}` has no foreground: the label maps of its {} have no voxel of {classes}; check the label maps, such as \
         `{example}`",
        counted(*cases, "training case")
    )]
    NoForeground {
        /// The data set.
        dataset: String,
        /// Number of training cases.
        cases: usize,
        /// Labels and names of the declared classes.
        classes: String,
        /// A label map.
        example: String,
    },
    /// The median case has no extent.
    #[error("the median case of data set `{dataset}` is a single voxel; check the images, such as case `{case}`")]
    SingleVoxel {
        /// The data set.
        dataset: String,
        /// A case.
        case: CaseId,
    },
    /// Intensities that are not finite.
    #[error(
        "data set `{dataset}` has NaN or infinite intensities in channel {channel} (`{name}`); `segplan verify {folder}` lists the \
         cases: correct them, or leave them out with `--exclude CASE`"
    )]
    NotFinite {
        /// The data set.
        dataset: String,
        /// Its folder, quoted for a shell.
        folder: String,
        /// Index of the channel.
        channel: usize,
        /// Its name.
        name: String,
    },
}

impl Unplannable {
    /// Whether files have to be corrected.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::SingleCase { .. } => false,
            Self::NoForeground { .. } | Self::SingleVoxel { .. } | Self::NotFinite { .. } => true,
        }
    }
}

/// Refuses a data set with too few cases, before any of them is read.
///
/// # Errors
///
/// When there is a single training case.
pub fn require_cases(dataset: &Dataset) -> Result<(), Unplannable> {
    match dataset.training.as_slice() {
        [case] => Err(Unplannable::SingleCase { dataset: dataset.name.clone(), case: case.id.clone() }),
        _ => Ok(()),
    }
}

/// Refuses a data set whose measurements cannot be planned.
///
/// # Errors
///
/// When no case has foreground, the median case is a single voxel, or intensities are not finite.
pub fn require_measurements(dataset: &Dataset, fingerprint: &Fingerprint) -> Result<(), Unplannable> {
    let spacing = fingerprint.median_spacing();
    if fingerprint.cases.iter().all(|case| case.voxels.values().sum::<u64>() == 0) {
        let classes: Vec<String> = dataset.labels.iter().map(|(label, name)| format!("{label} ({name})")).collect();
        let example = dataset.training.iter().find_map(|case| case.labels.as_ref());
        return Err(Unplannable::NoForeground {
            dataset: dataset.name.clone(),
            cases: fingerprint.cases.len(),
            classes: listed(&classes),
            example: example.map_or_else(String::new, |path| path.display().to_string()),
        });
    }
    let measured = Measured { cases: fingerprint.cases.len(), spacing, median: fingerprint.median_shape(spacing) };
    if let Some(case) = fingerprint.cases.first().filter(|_| measured.median_shape().voxels() == 1) {
        return Err(Unplannable::SingleVoxel { dataset: dataset.name.clone(), case: case.id.clone() });
    }
    for (channel, known) in fingerprint.intensities.iter().enumerate() {
        let finite = known
            .is_none_or(|known| [known.mean, known.sd, known.p00_5, known.p99_5].iter().all(|value| value.is_finite()));
        if !finite {
            return Err(Unplannable::NotFinite {
                dataset: dataset.name.clone(),
                folder: shell_word(&dataset.folder.display().to_string()),
                channel,
                name: dataset.channels[channel].clone(),
            });
        }
    }
    Ok(())
}
