//! Prepared cases on disk: made once, shared by all experiments that prepare alike, read through a memory map.
//!
//! A cache folder is named by the digest of the plan's preprocessing, and each file carries the digest of what the
//! image and label files held that it was made of, so that neither a changed plan nor a changed image is ever served stale
//! data.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use thiserror::Error;

use crate::dataset::contents::Contents;
use crate::dataset::gate::{Faults, read_case};
use crate::dataset::{Case, CaseId, Dataset};
use crate::plan::schema::{Configuration, Plan};
use crate::preprocess::budget::Budget;
pub use crate::preprocess::case::PreparedCase;
use crate::preprocess::case::{Header, write_prepared};
use crate::preprocess::{prepare, target_spacing};
use crate::store::folder::prepared_case;
use crate::store::tensors::{TensorFile, TensorFileError};
use crate::volume::LabelMap;
use crate::volume::nifti::{NiftiError, read_header};
use crate::volume::resample::resampled_shape;

/// Bytes a voxel of an image needs while it is being prepared: the channel itself, its resampled copy, the spline
/// coefficients and the axis-moved result.
pub const BYTES_PER_VOXEL: usize = 4 * 4;

/// Cases could not be prepared.
#[derive(Debug, Error)]
pub enum PreprocessError {
    /// The files of a case cannot be used.
    #[error(transparent)]
    Faults(#[from] Faults),
    /// The header of an image cannot be used.
    #[error("case `{case}`: {source}")]
    Nifti {
        /// The case.
        case: CaseId,
        /// Why.
        source: NiftiError,
    },
    /// A prepared case could not be written or read.
    #[error(transparent)]
    Tensors(#[from] TensorFileError),
    /// Several cases failed.
    #[error("{} cases cannot be prepared:\n  {}", .0.len(), .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
    Several(Vec<PreprocessError>),
}

/// What is prepared, and where to.
#[derive(Clone, Copy, Debug)]
pub struct Preparation<'a> {
    /// The data set whose training cases are prepared.
    pub dataset: &'a Dataset,
    /// What its files hold.
    pub contents: &'a Contents,
    /// The plan.
    pub plan: &'a Plan,
    /// The configuration.
    pub configuration: &'a Configuration,
    /// Folder of the prepared cases.
    pub folder: &'a Path,
}

impl Preparation<'_> {
    /// Number of cases whose prepared file is there and made of what the case's files hold now.
    pub fn fresh(&self) -> usize {
        self.dataset.training.iter().filter(|case| self.is_fresh(case)).count()
    }

    /// Prepares those cases whose prepared file is missing or was made of other images or labels.
    ///
    /// At most `plan.runtime.memory_gib` are used at once, by an estimate from the images' headers; a single case that needs
    /// more is prepared alone. `on_done` is called after each case. When `interrupted` is set, the cases at hand are finished
    /// and the others left. Returns how many cases were made anew.
    ///
    /// # Errors
    ///
    /// Every case that could not be prepared; the others are prepared all the same.
    pub fn make(&self, interrupted: &AtomicBool, on_done: &(dyn Fn() + Sync)) -> Result<usize, PreprocessError> {
        let budget = Budget::new(usize::try_from(self.plan.runtime.memory_gib << 30).unwrap_or(usize::MAX));
        let next = AtomicUsize::new(0);
        let made = AtomicUsize::new(0);
        let failures = Mutex::new(BTreeMap::new());
        let cases = &self.dataset.training;
        // Threads of their own: a pool's thread that waited for the budget could be one that the budget's holder waits for.
        let workers = rayon::current_num_threads().min(cases.len()).max(1);
        thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if interrupted.load(Ordering::Relaxed) {
                            break;
                        }
                        match self.case(case, &budget) {
                            Ok(true) => _ = made.fetch_add(1, Ordering::Relaxed),
                            Ok(false) => (),
                            Err(failure) => {
                                let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                                failures.insert(case.id.clone(), failure);
                            }
                        }
                        on_done();
                    }
                });
            }
        });
        let mut failures: Vec<_> =
            failures.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect();
        match failures.len() {
            0 => Ok(made.into_inner()),
            1 => Err(failures.remove(0)),
            _ => Err(PreprocessError::Several(failures)),
        }
    }

    /// Prepares one case unless its file is there and fresh; true when it was made.
    fn case(&self, case: &Case, budget: &Budget) -> Result<bool, PreprocessError> {
        let (plan, configuration) = (self.plan, self.configuration);
        if self.is_fresh(case) {
            tracing::debug!(case = %case.id, "prepared before");
            return Ok(false);
        }
        let nifti = |source| PreprocessError::Nifti { case: case.id.clone(), source };
        let needed = case.images.iter().try_fold(0, |sum, path| {
            let header = read_header(path)?;
            let geometry = &header.geometry;
            let spacing = target_spacing(geometry.spacing, configuration);
            let target = resampled_shape(geometry.shape, geometry.spacing, spacing);
            Ok(sum + header.channels * BYTES_PER_VOXEL * geometry.shape.voxels().max(target.voxels()))
        });
        let _claim = budget.claim(needed.map_err(nifti)?);

        let (image, labels) = read_case(case, &plan.expected())?;
        let labels = Some(as_classes(labels, plan));
        let prepared = prepare(&image, labels.as_ref(), &plan.preprocess, configuration);
        write_prepared(self.folder, &case.id, self.contents.of_case(&case.id), &prepared)?;
        Ok(true)
    }

    fn is_fresh(&self, case: &Case) -> bool {
        TensorFile::open(&prepared_case(self.folder, &case.id.0))
            .and_then(|file| file.metadata::<Header>())
            .is_ok_and(|header| header.source == self.contents.of_case(&case.id))
    }
}

/// Label values as class numbers: 0 is background, and the data set's labels follow in ascending order.
fn as_classes(mut labels: LabelMap, plan: &Plan) -> LabelMap {
    let mut class_of = [0; 256];
    for (class, &label) in (1..).zip(plan.data.labels.keys()) {
        class_of[usize::from(label)] = class;
    }
    for label in &mut labels.labels {
        *label = class_of[usize::try_from(*label).expect("the gate lets declared labels through only")];
    }
    labels
}
