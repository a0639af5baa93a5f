//! Prepared cases on disk: made once, shared by all experiments that prepare alike, read through a memory map.
//!
//! A cache folder is named by the digest of the plan's preprocessing, and each file carries the digest of what the
//! image and label files held that it was made of, so that neither a changed plan nor a changed image is ever served stale
//! data.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use crate::dataset::budget::{Budget, side_by_side};
use crate::dataset::contents::Contents;
use crate::dataset::{Case, CaseId, Dataset};
use crate::plan::schema::{Configuration, Plan};
pub use crate::preprocess::case::PreparedCase;
use crate::preprocess::case::{Header, write_prepared};
use crate::preprocess::footprint::{TooLarge, bytes_to_prepare, check_reading, extent};
use crate::preprocess::prepare;
use crate::store::folder::prepared_case;
use crate::store::tensors::{TensorFile, TensorFileError};
use crate::volume::LabelMap;
use crate::volume::nifti::{NiftiError, read_image, read_labels};

/// Cases could not be prepared.
#[derive(Debug, Error)]
pub enum PreprocessError {
    /// A case's image or label map could not be read.
    #[error("case `{case}`: {source}")]
    Nifti {
        /// The case.
        case: CaseId,
        /// Why.
        source: NiftiError,
    },
    /// Image and labels do not fit each other or the plan.
    #[error("case `{case}`: {reason}; `segplan verify` lists every fault of the data set")]
    Mismatch {
        /// The case.
        case: CaseId,
        /// What does not fit.
        reason: String,
    },
    /// A case takes more memory than may be used.
    #[error("case `{case}`: {source}")]
    TooLarge {
        /// The case.
        case: CaseId,
        /// With its figures.
        source: TooLarge,
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
    /// At most `plan.runtime.memory_gib` are used at once, by an estimate from the images' headers; a case that needs more than
    /// that alone is refused. `on_done` is called after each case. When `interrupted` is set, the cases at hand are finished
    /// and the others left. Returns how many cases were made anew.
    ///
    /// # Errors
    ///
    /// Every case that could not be prepared; the others are prepared all the same.
    pub fn make(&self, interrupted: &AtomicBool, on_done: &(dyn Fn() + Sync)) -> Result<usize, PreprocessError> {
        let budget = Budget::new(self.plan.runtime.memory_bytes());
        let results = side_by_side(&self.dataset.training, &|case| {
            if interrupted.load(Ordering::Relaxed) {
                return None;
            }
            let made = self.case(case, &budget);
            on_done();
            Some(made)
        });
        let (mut made, mut failures) = (0, Vec::new());
        for result in results.into_iter().flatten() {
            match result {
                Ok(is_new) => made += usize::from(is_new),
                Err(failure) => failures.push(failure),
            }
        }
        match failures.len() {
            0 => Ok(made),
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
        let mismatch = |reason| PreprocessError::Mismatch { case: case.id.clone(), reason };
        let too_large = |source| PreprocessError::TooLarge { case: case.id.clone(), source };
        let extent = extent(case).map_err(nifti)?;
        let (channels, planned) = (extent.channels, plan.data.channels.len());
        if channels != planned {
            return Err(mismatch(format!("{channels} channels in the image, {planned} in the plan")));
        }
        check_reading(&extent, configuration, budget.limit()).map_err(too_large)?;
        let _claim = budget.claim(bytes_to_prepare(&extent, extent.shape, &plan.preprocess, configuration));

        let image = read_image(&case.images).map_err(nifti)?;
        let labels = case.labels.as_deref().map(read_labels).transpose().map_err(nifti)?;
        if let Some(labels) = &labels
            && labels.geometry.shape != image.geometry.shape
        {
            return Err(mismatch(format!("image of {} and labels of {}", image.geometry.shape, labels.geometry.shape)));
        }
        let labels = labels.map(|labels| as_classes(labels, plan)).transpose().map_err(mismatch)?;
        let prepared = prepare(image, labels, &plan.preprocess, configuration, budget.limit()).map_err(too_large)?;
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
fn as_classes(mut labels: LabelMap, plan: &Plan) -> Result<LabelMap, String> {
    let mut class_of = [None; 256];
    class_of[0] = Some(0);
    for (class, &label) in (1..).zip(plan.data.labels.keys()) {
        class_of[usize::from(label)] = Some(class);
    }
    for label in &mut labels.labels {
        let class = usize::try_from(*label).ok().and_then(|label| *class_of.get(label)?);
        *label = class.ok_or_else(|| format!("label {label}, which the plan does not declare"))?;
    }
    Ok(labels)
}
