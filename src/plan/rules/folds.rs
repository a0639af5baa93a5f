//! Number of folds of a data set.

/// Folds of the cross-validation (arXiv:1809.10486, section 2.3).
pub(super) const FOLDS: usize = 5;
/// Minimum number of folds: fewer leave nothing to train on.
const MIN_FOLDS: usize = 2;

/// Number of folds for a number of training cases.
///
/// Differs: the paper always has five. A data set with fewer cases has one case per fold.
pub(super) fn fold_count(cases: usize) -> usize {
    cases.clamp(MIN_FOLDS, FOLDS)
}
