//! The cache of prepared cases on disk: preprocessed once, shared by all plans with the same preprocessing, read
//! through a memory map.
//!
//! The name of a cache folder is the digest of the plan's preprocessing, and each file contains the digest of the image
//! and label files that it was computed from, so neither a changed plan nor a changed image leads to stale data.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::dataset::budget::{MemoryBudget, map_parallel};
use crate::dataset::contents::Contents;
use crate::dataset::gate::read_case;
use crate::dataset::{Case, CaseId, Dataset};
use crate::plan::schema::{Configuration, Plan};
pub use crate::preprocess::error::PreprocessError;
use crate::preprocess::footprint::{Extent, bytes_to_prepare, check_collapse, check_reading, read_extent};
use crate::preprocess::prepare::prepare;
pub use crate::preprocess::prepared_case::PreparedCase;
use crate::preprocess::prepared_case::{Header, write_prepared};
use crate::run::folder::prepared_case;
use crate::store;
use crate::store::tensors::{TensorFile, TensorFileError};
use crate::volume::LabelMap;

/// The prepared cases of one configuration.
#[derive(Clone, Copy, Debug)]
pub struct Preparation<'a> {
    /// The data set; its training cases are preprocessed.
    pub dataset: &'a Dataset,
    /// Digests of its files.
    pub contents: &'a Contents,
    /// The plan.
    pub plan: &'a Plan,
    /// The configuration.
    pub configuration: &'a Configuration,
    /// Folder of the prepared cases.
    pub folder: &'a Path,
}

impl Preparation<'_> {
    /// Number of cases whose prepared file exists and is up to date.
    pub fn fresh(&self) -> usize {
        self.dataset.training.iter().filter(|case| self.is_fresh(case)).count()
    }

    /// Preprocesses the cases whose prepared file is missing or was computed from other images or labels.
    ///
    /// Uses at most `plan.runtime.memory_gib`, by an estimate from the images' headers; a case that needs more by
    /// itself is refused. Calls `on_done` after each case. When `interrupted` is set, cases in progress are completed
    /// and the others skipped. Returns the number of newly preprocessed cases.
    ///
    /// # Errors
    ///
    /// Every case that could not be preprocessed; the others are.
    pub fn make(&self, interrupted: &AtomicBool, on_done: &(dyn Fn() + Sync)) -> Result<usize, PreprocessError> {
        let budget = self.budget();
        let results = map_parallel(&self.dataset.training, &|case| {
            if interrupted.load(Ordering::Relaxed) {
                return None;
            }
            let made = self.prepare_case(case, &budget);
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

    /// Preprocesses one case unless its file is up to date. Returns whether it was preprocessed.
    fn prepare_case(&self, case: &Case, budget: &MemoryBudget) -> Result<bool, PreprocessError> {
        let (plan, configuration) = (self.plan, self.configuration);
        if self.is_fresh(case) {
            tracing::debug!(case = %case.id, "already prepared");
            return Ok(false);
        }
        let too_large = |source| PreprocessError::TooLarge { case: case.id.clone(), source };
        // The gate reports headers that cannot be read.
        let extent = read_extent(case).ok();
        if let Some(extent) = &extent {
            check_reading(extent, configuration, budget.limit()).map_err(too_large)?;
            check_collapse(extent.shape, extent.spacing, configuration)
                .map_err(|source| PreprocessError::Collapsed { case: case.id.clone(), source })?;
        }
        let bytes = |extent: Extent| bytes_to_prepare(&extent, extent.shape, &plan.preprocess, configuration);
        let _claim = budget.claim(extent.map_or(0, bytes));

        let (image, labels) = read_case(case, &plan.expected())?;
        let labels = to_classes(labels, plan);
        let prepared =
            prepare(image, Some(labels), &plan.preprocess, configuration, budget.limit()).map_err(too_large)?;
        write_prepared(self.folder, &case.id, self.contents.of_case(&case.id), &prepared)?;
        Ok(true)
    }

    /// Opens a prepared case. A damaged one is reported to `on_damage` and preprocessed again.
    ///
    /// # Errors
    ///
    /// If the file is missing, or the case cannot be preprocessed again.
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
                self.prepare_case(case, &self.budget())?;
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

/// Replaces label values by class indices: 0 is background, and the data set's labels follow in ascending order.
fn to_classes(mut labels: LabelMap, plan: &Plan) -> LabelMap {
    let mut class_of = [0; 256];
    for (class, &label) in (1..).zip(plan.data.labels.keys()) {
        class_of[usize::from(label)] = class;
    }
    for label in &mut labels.labels {
        *label = class_of[usize::try_from(*label).expect("the gate accepts only declared labels")];
    }
    labels
}
