//! Cases that cannot be prepared, since resampling makes them too large or leaves next to nothing of them: found before any
//! case is prepared.

use crate::dataset::Dataset;
use crate::dataset::contents::Contents;
use crate::fingerprint::Fingerprint;
use crate::plan::compare::stage_digests;
use crate::plan::schema::{ConfigurationName, Plan};
use crate::preprocess::cache::{Preparation, PreprocessError};
use crate::preprocess::footprint::{Extent, check, check_collapse};
use crate::run::folder::prepared_folder;

/// Refuses measured cases that some configurations cannot prepare within `runtime.memory_gib`, such as one whose spacing is
/// wrong by a factor of 100; and cases of which resampling leaves next to nothing, such as one whose spacing is in metres.
///
/// # Errors
///
/// Every such case, once, with its shape after resampling.
pub fn cases_fit(
    plan: &Plan,
    fingerprint: &Fingerprint,
    names: impl Iterator<Item = ConfigurationName> + Clone,
) -> Result<(), PreprocessError> {
    let channels = plan.data.channels.len();
    let refused = fingerprint.cases.iter().filter_map(|case| {
        let extent = Extent { shape: case.shape, spacing: case.spacing, channels, labelled: true };
        let fits = |name| {
            let configuration = &plan.configurations[&name];
            check(&extent, case.cropped_shape, &plan.preprocess, configuration, plan.runtime.memory_bytes())
        };
        let collapses = |name| check_collapse(case.cropped_shape, case.spacing, &plan.configurations[&name]).err();
        if let Some(source) = names.clone().find_map(collapses) {
            return Some(PreprocessError::Collapsed { case: case.id.clone(), source });
        }
        let source = names.clone().find_map(|name| fits(name).err())?;
        Some(PreprocessError::TooLarge { case: case.id.clone(), source })
    });
    let mut refused: Vec<PreprocessError> = refused.collect();
    match refused.len() {
        0 => Ok(()),
        1 => Err(refused.remove(0)),
        _ => Err(PreprocessError::Several(refused)),
    }
}

/// The configurations some of whose cases are not prepared.
pub(in crate::experiment) fn unprepared<'a>(
    plan: &'a Plan,
    dataset: &'a Dataset,
    contents: &'a Contents,
    names: impl Iterator<Item = ConfigurationName> + 'a,
) -> Vec<ConfigurationName> {
    names
        .filter(|name| {
            let folder = prepared_folder(&plan.runtime.runs, &stage_digests(plan, *name).preprocess);
            let configuration = &plan.configurations[name];
            let cases = Preparation { dataset, contents, plan, configuration, folder: &folder };
            cases.fresh() < dataset.training.len()
        })
        .collect()
}
