//! Cases that resampling makes too large for the memory, or of which it leaves next to nothing. They are found before any case is
//! preprocessed.

use crate::fingerprint::{CaseFingerprint, Fingerprint};
use crate::plan::schema::{ConfigurationName, Plan};
use crate::preprocess::cache::PreprocessError;
use crate::preprocess::footprint::{Extent, check, check_collapse};

/// Refuses cases that cannot be preprocessed for some configurations: those that exceed `runtime.memory_gib`, such as one whose
/// spacing is wrong by a factor of 100, and those that collapse, such as one whose spacing is given in metres.
///
/// # Errors
///
/// Every such case, once, with its shape after resampling.
pub fn check_case_sizes(
    plan: &Plan,
    fingerprint: &Fingerprint,
    names: impl Iterator<Item = ConfigurationName> + Clone,
) -> Result<(), PreprocessError> {
    let channels = plan.data.channels.len();
    let refusal = |case: &CaseFingerprint| {
        let extent = Extent { shape: case.shape, spacing: case.spacing, channels, labelled: true };
        let collapse = |name| check_collapse(case.cropped_shape, case.spacing, &plan.configurations[&name]).err();
        let excess = |name| {
            let configuration = &plan.configurations[&name];
            check(&extent, case.cropped_shape, &plan.preprocess, configuration, plan.runtime.memory_bytes()).err()
        };
        if let Some(source) = names.clone().find_map(collapse) {
            return Some(PreprocessError::Collapsed { case: case.id.clone(), source });
        }
        let source = names.clone().find_map(excess)?;
        Some(PreprocessError::TooLarge { case: case.id.clone(), source })
    };
    let mut refused: Vec<PreprocessError> = fingerprint.cases.iter().filter_map(refusal).collect();
    match refused.len() {
        0 => Ok(()),
        1 => Err(refused.remove(0)),
        _ => Err(PreprocessError::Several(refused)),
    }
}
