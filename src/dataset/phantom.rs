//! The built-in data set: small volumes with an organ and its core, among things that look like them.
//!
//! Input: a folder and a [`PhantomConfig`]. Output: a data set in the layout of the Decathlon, the same to the byte for the
//! same configuration. Every case has a spacing, a size, a place, a gain and an intensity drift of its own. A body wall and
//! vessels have the intensities of the organ and of its core, so that no threshold finds them.

mod anatomy;
mod render;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::description::{self, Description, Pair};
use super::{DatasetError, scan};
use crate::dataset::Dataset;
use crate::random::{Key, Purpose, stream};
use crate::store::claim::Claim;
use crate::store::write_atomic;
use crate::volume::nifti::{write_image, write_labels};
use crate::volume::{Geometry, Shape};
use anatomy::Anatomy;

/// Smallest shape that holds the structures, `[z, y, x]`.
const SMALLEST: [usize; 3] = [12, 24, 24];

/// How much of the phantom is made, and from which seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhantomConfig {
    /// Number of cases, all of them for training.
    pub cases: usize,
    /// Seed of everything that is random.
    pub seed: u64,
    /// Typical shape of a volume, `[z, y, x]`; each case differs by some voxels.
    pub shape: Shape,
}

impl Default for PhantomConfig {
    fn default() -> Self {
        Self { cases: 30, seed: 2018, shape: Shape([24, 40, 40]) }
    }
}

/// Writes the phantom into a folder and reads it back as a data set.
///
/// Class 1 is the organ, class 2 its core. `on_done` is called after each case. The description is written last: a folder
/// that has one is complete. Files of the same names are replaced.
///
/// # Errors
///
/// When the phantom would be too small for its structures, or the folder cannot be written.
pub fn write(folder: &Path, config: &PhantomConfig, on_done: &(dyn Fn() + Sync)) -> Result<Dataset, DatasetError> {
    let small = config.shape.0.iter().zip(SMALLEST).any(|(&size, smallest)| size < smallest);
    if config.cases == 0 || small {
        return Err(DatasetError::Phantom { cases: config.cases, shape: config.shape });
    }
    let pairs: Vec<Pair> = (0..config.cases).map(pair).collect();
    pairs.par_iter().enumerate().try_for_each(|(number, pair)| {
        write_case(folder, config, number, pair)?;
        on_done();
        Ok::<(), DatasetError>(())
    })?;
    write_atomic(&folder.join(description::FILE), description(pairs).to_text().as_bytes())?;
    scan(folder)
}

/// Makes the phantom in a folder, which has all of it or nothing new whenever the process is killed.
///
/// # Errors
///
/// When the folder has files of these names that segplan did not write or that were changed since, unless they may be
/// overwritten; when it is another data set, or in one; and as [`write()`] does.
pub fn make(
    folder: &Path,
    config: &PhantomConfig,
    overwrite: bool,
    on_done: &(dyn Fn() + Sync),
) -> Result<(), DatasetError> {
    let images = (0..config.cases).map(pair).flat_map(|pair| [pair.image, pair.label]);
    let names = images.map(|name| PathBuf::from(name.trim_start_matches("./")));
    let names: Vec<PathBuf> = names.chain([PathBuf::from(description::FILE)]).collect();
    let claim = Claim { is_dataset: true, ..Claim::new(folder, &names, &[]).overwriting(overwrite) };
    let mut outputs = claim.check()?;
    write(outputs.staging()?, config, on_done)?;
    Ok(outputs.keep_all()?)
}

fn pair(number: usize) -> Pair {
    let file = format!("phantom_{:03}.nii.gz", number + 1);
    Pair { image: format!("./imagesTr/{file}"), label: format!("./labelsTr/{file}") }
}

fn description(training: Vec<Pair>) -> Description {
    let labels = [("0", "background"), ("1", "organ"), ("2", "core")];
    Description {
        name: Some("Phantom".to_owned()),
        modality: Some(BTreeMap::from([("0".to_owned(), "MRI".to_owned())])),
        labels: labels.map(|(number, name)| (number.to_owned(), Value::from(name))).into(),
        training: Some(training),
        test: Some(Vec::new()),
        ..Description::default()
    }
}

fn write_case(folder: &Path, config: &PhantomConfig, number: usize, pair: &Pair) -> Result<(), DatasetError> {
    let key = Key { purpose: Purpose::Phantom, seed: config.seed, counters: [number as u64, 0, 0, 0] };
    let anatomy = Anatomy::draw(&mut stream(key), config.shape);
    let geometry = Geometry::axis_aligned(anatomy.shape, anatomy.spacing, anatomy.origin_mm);
    let (image, labels) = render::render(&anatomy, geometry);
    write_labels(&folder.join(&pair.label), labels.labels.view(), &labels.geometry)?;
    write_image(&folder.join(&pair.image), &image)?;
    Ok(())
}

#[cfg(test)]
mod tests;
