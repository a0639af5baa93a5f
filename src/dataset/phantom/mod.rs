//! The built-in synthetic data set: small volumes with an organ and its core, among structures that look like them.
//!
//! Input: a folder and a [`PhantomConfig`]. Output: a data set in the layout of the Decathlon, identical to the byte
//! for the same configuration. Spacing, size, position, gain and intensity drift differ from case to case. A body wall
//! and vessels have the intensities of the organ and of its core, so no threshold separates them.

mod anatomy;
mod render;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dataset::definition::Dataset;
use crate::dataset::description::{self, Description, Pair};
use crate::dataset::error::DatasetError;
use crate::dataset::scan::scan;
use crate::random::{Key, Purpose, stream};
use crate::store::claim::Claim;
use crate::store::write_atomic;
use crate::volume::io::format::file_name;
use crate::volume::io::{write_image, write_labels};
use crate::volume::{Geometry, Shape};
use anatomy::Anatomy;

/// Minimum shape that contains the structures, `[z, y, x]`.
const MIN_SHAPE: Shape = Shape([12, 24, 24]);

/// Size and seed of the phantom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhantomConfig {
    /// Number of cases, all of them training cases.
    pub cases: usize,
    /// Random seed.
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
/// Class 1 is the organ, class 2 its core. Calls `on_done` after each case. The description is written last, so a
/// folder with a description is complete. Files with the same names are replaced.
///
/// # Errors
///
/// If the phantom would be too small for its structures, or the folder cannot be written.
pub fn write(folder: &Path, config: &PhantomConfig, on_done: &(dyn Fn() + Sync)) -> Result<Dataset, DatasetError> {
    if config.cases == 0 {
        return Err(DatasetError::NoPhantomCases);
    }
    if config.shape.0.iter().zip(MIN_SHAPE.0).any(|(&size, minimum)| size < minimum) {
        return Err(DatasetError::PhantomShape { shape: config.shape, minimum: MIN_SHAPE });
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

/// Generates the phantom in a folder. If the process is killed, the folder contains all new files or none.
///
/// # Errors
///
/// If the folder contains files with these names that segplan did not write or that have changed since, and `overwrite`
/// is not set; if it is, or is inside, another data set; and as [`write()`].
pub fn generate(
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
    let file = file_name(&format!("phantom_{:03}", number + 1));
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
