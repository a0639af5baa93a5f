//! Why no plan can be made of a data set, said of its cases and files: what `run` would refuse in the plan is refused here.

use thiserror::Error;

use crate::dataset::{CaseId, Dataset};
use crate::fingerprint::Fingerprint;
use crate::plan::rules::Measured;
use crate::units::{counted, listed, shell_word};

/// No plan can be made of a data set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unplannable {
    /// Nothing is left to train on when a case is held out.
    #[error(
        "data set `{dataset}` has a single training case, `{case}`, and a fold needs one to train on and one to hold out; add cases"
    )]
    SingleCase {
        /// The data set.
        dataset: String,
        /// The case.
        case: CaseId,
    },
    /// No label map has anything to learn.
    #[error(
        "data set `{dataset}` has no foreground: none of the label maps of its {} has a voxel of {classes}; check the label maps, \
         such as `{example}`",
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
    /// Nothing to train on in space.
    #[error(
        "the median case of data set `{dataset}` is a single voxel, which no network learns from; check the images, such as case `{case}`"
    )]
    SingleVoxel {
        /// The data set.
        dataset: String,
        /// A case.
        case: CaseId,
    },
    /// Intensities that are no numbers.
    #[error(
        "data set `{dataset}` has intensities of channel {channel} (`{name}`) that are NaN or infinite; `segplan verify {folder}` \
         names the cases: correct them, or leave them out by `--exclude CASE`"
    )]
    NotFinite {
        /// The data set.
        dataset: String,
        /// Its folder, as a shell takes it.
        folder: String,
        /// Number of the channel.
        channel: usize,
        /// Its name.
        name: String,
    },
}

impl Unplannable {
    /// Whether files have to be corrected, and not only the number of cases.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::SingleCase { .. } => false,
            Self::NoForeground { .. } | Self::SingleVoxel { .. } | Self::NotFinite { .. } => true,
        }
    }
}

/// Refuses a data set that has too few cases, before any of them is read.
///
/// # Errors
///
/// When there are not enough cases to hold one out.
pub fn enough_cases(dataset: &Dataset) -> Result<(), Unplannable> {
    match dataset.training.as_slice() {
        [case] => Err(Unplannable::SingleCase { dataset: dataset.name.clone(), case: case.id.clone() }),
        _ => Ok(()),
    }
}

/// Refuses a data set whose measurements make no plan.
///
/// # Errors
///
/// When no case has any foreground, the median case is a single voxel, or intensities are no numbers.
pub fn measurements(dataset: &Dataset, fingerprint: &Fingerprint) -> Result<(), Unplannable> {
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
