//! Prepared cases on disk: made once, shared by all experiments that prepare alike, read through a memory map.
//!
//! A cache folder is named by the digest of the plan's preprocessing, and each file carries the digest of what the
//! image and label files held that it was made of, so that neither a changed plan nor a changed image is ever served stale
//! data.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use crate::dataset::budget::{MemoryBudget, map_parallel};
use crate::dataset::contents::Contents;
use crate::dataset::gate::{Issues, read_case};
use crate::dataset::{Case, CaseId, Dataset};
use crate::plan::schema::{Configuration, Plan};
pub use crate::preprocess::case::PreparedCase;
use crate::preprocess::case::{Header, write_prepared};
use crate::preprocess::footprint::{
    Collapsed, Extent, TooLarge, bytes_to_prepare, check_collapse, check_reading, extent,
};
use crate::preprocess::prepare;
use crate::run::folder::prepared_case;
use crate::store;
use crate::store::tensors::{TensorFile, TensorFileError};
use crate::volume::LabelMap;

/// Cases could not be prepared.
#[derive(Debug, Error)]
pub enum PreprocessError {
    /// The files of a case cannot be used.
    #[error(transparent)]
    Issues(#[from] Issues),
    /// A case takes more memory than may be used.
    #[error("case `{case}`: {source}")]
    TooLarge {
        /// The case.
        case: CaseId,
        /// With its figures.
        source: TooLarge,
    },
    /// Resampling leaves next to nothing of a case.
    #[error("case `{case}`: {source}")]
    Collapsed {
        /// The case.
        case: CaseId,
        /// With its figures.
        source: Collapsed,
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
        let budget = self.budget();
        let results = map_parallel(&self.dataset.training, &|case| {
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
    fn case(&self, case: &Case, budget: &MemoryBudget) -> Result<bool, PreprocessError> {
        let (plan, configuration) = (self.plan, self.configuration);
        if self.is_fresh(case) {
            tracing::debug!(case = %case.id, "prepared before");
            return Ok(false);
        }
        let too_large = |source| PreprocessError::TooLarge { case: case.id.clone(), source };
        // What is wrong with headers that cannot be read is for the gate to say.
        let extent = extent(case).ok();
        if let Some(extent) = &extent {
            check_reading(extent, configuration, budget.limit()).map_err(too_large)?;
            check_collapse(extent.shape, extent.spacing, configuration)
                .map_err(|source| PreprocessError::Collapsed { case: case.id.clone(), source })?;
        }
        let bytes = |extent: Extent| bytes_to_prepare(&extent, extent.shape, &plan.preprocess, configuration);
        let _claim = budget.claim(extent.map_or(0, bytes));

        let (image, labels) = read_case(case, &plan.expected())?;
        let labels = as_classes(labels, plan);
        let prepared =
            prepare(image, Some(labels), &plan.preprocess, configuration, budget.limit()).map_err(too_large)?;
        write_prepared(self.folder, &case.id, self.contents.of_case(&case.id), &prepared)?;
        Ok(true)
    }

    /// Opens a prepared case. One that turns out to be damaged is made again, after `on_damage` was told what is wrong with it.
    ///
    /// # Errors
    ///
    /// When the file is missing, or the case cannot be made again.
    pub fn open(&self, id: &CaseId, on_damage: &dyn Fn(&TensorFileError)) -> Result<PreparedCase, PreprocessError> {
        let open = || {
            let case = PreparedCase::open(self.folder, id)?;
            case.check(self.plan.data.labels.len())?;
            Ok(case)
        };
        match (open(), self.dataset.training.iter().find(|case| case.id == *id)) {
            (Err(PreprocessError::Tensors(damage @ TensorFileError::Damaged { .. })), Some(case)) => {
                on_damage(&damage);
                let path = prepared_case(self.folder, &id.0);
                store::remove_if_present(&path).map_err(|error| TensorFileError::Io { path, source: error.source })?;
                self.case(case, &self.budget())?;
                open()
            }
            (opened, _) => opened,
        }
    }

    fn budget(&self) -> MemoryBudget {
        MemoryBudget::new(self.plan.runtime.memory_bytes())
    }

    fn is_fresh(&self, case: &Case) -> bool {
        TensorFile::peek(&prepared_case(self.folder, &case.id.0))
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
