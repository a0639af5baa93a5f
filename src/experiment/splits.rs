//! Which cases each fold holds out: drawn once, saved in nnU-Net's `splits_final.json`, shared by all configurations.

use std::collections::BTreeSet;
use std::path::Path;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::dataset::CaseId;
use crate::plan::schema;
use crate::random::{Key, Purpose, stream};
use crate::store::{self, StoreError};

/// The cases of one fold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Cases to train on.
    pub train: Vec<CaseId>,
    /// Held-out cases.
    pub val: Vec<CaseId>,
}

/// The saved split does not fit the data set or the plan.
#[derive(Debug, Error)]
pub enum SplitError {
    /// The file could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file is not a list of splits.
    #[error("`{path}` is not a list of `train` and `val` cases: {source}")]
    Form {
        /// The file.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The file does not fit.
    #[error("`{path}` does not fit: {reason}; remove it to draw the folds anew, which starts every fold again")]
    Mismatch {
        /// The file.
        path: String,
        /// What does not fit.
        reason: String,
    },
    /// Fewer cases than folds.
    #[error("{cases} cases cannot be split into {folds} folds; lower `split.folds`")]
    TooFew {
        /// Training cases.
        cases: usize,
        /// Folds.
        folds: usize,
    },
}

/// The folds of an experiment: those saved at `path`, or new ones, which are saved there.
///
/// # Errors
///
/// When the saved folds name other cases than the data set has, hold a case out twice or never, or train on a held-out
/// case; and when there are fewer cases than folds.
pub fn load_or_draw(path: &Path, cases: &[CaseId], settings: &schema::Split) -> Result<Vec<Split>, SplitError> {
    if let Some(text) = store::read_text_if_present(path)? {
        let name = path.display().to_string();
        let splits: Vec<Split> =
            serde_json::from_str(&text).map_err(|source| SplitError::Form { path: name.clone(), source })?;
        return match fault(&splits, cases, settings.folds) {
            None => Ok(splits),
            Some(reason) => Err(SplitError::Mismatch { path: name, reason }),
        };
    }
    let splits = draw(cases, settings)?;
    let mut text = serde_json::to_string_pretty(&splits).expect("splits are plain lists of names");
    text.push('\n');
    store::write_atomic(path, text.as_bytes())?;
    Ok(splits)
}

/// Shuffles the cases by the seed and cuts them into folds whose sizes differ by one at the most, the longer ones first.
///
/// Source: arXiv:1809.10486, section 2.3: five folds on the training cases (spec section 1).
///
/// # Errors
///
/// When there are fewer cases than folds.
pub fn draw(cases: &[CaseId], settings: &schema::Split) -> Result<Vec<Split>, SplitError> {
    if cases.len() < settings.folds {
        return Err(SplitError::TooFew { cases: cases.len(), folds: settings.folds });
    }
    let mut shuffled: Vec<&CaseId> = cases.iter().collect();
    shuffled.sort();
    shuffled.shuffle(&mut stream(Key { purpose: Purpose::Split, seed: settings.seed, counters: [0; 4] }));
    let (size, longer) = (cases.len() / settings.folds, cases.len() % settings.folds);
    let mut rest = shuffled.as_slice();
    let held_out = (0..settings.folds).map(|fold| {
        let (block, others) = rest.split_at(size + usize::from(fold < longer));
        rest = others;
        block.iter().copied().collect::<BTreeSet<_>>()
    });
    let split = |val: BTreeSet<&CaseId>| {
        let (val, train): (Vec<CaseId>, Vec<CaseId>) = cases.iter().cloned().partition(|case| val.contains(case));
        Split { train, val }
    };
    Ok(held_out.map(split).collect())
}

fn fault(splits: &[Split], cases: &[CaseId], folds: usize) -> Option<String> {
    if splits.len() != folds {
        return Some(format!("it has {} folds, `split.folds` is {folds}", splits.len()));
    }
    let known: BTreeSet<&CaseId> = cases.iter().collect();
    let mut held_out = BTreeSet::new();
    for (fold, split) in splits.iter().enumerate() {
        if let Some(case) = split.train.iter().chain(&split.val).find(|case| !known.contains(case)) {
            return Some(format!("fold {fold} names the case `{case}`, which the data set does not have"));
        }
        let trained: BTreeSet<&CaseId> = split.train.iter().collect();
        for case in &split.val {
            if trained.contains(case) {
                return Some(format!("fold {fold} trains on `{case}`, which it holds out"));
            }
            if !held_out.insert(case) {
                return Some(format!("`{case}` is held out twice"));
            }
        }
    }
    known.into_iter().find(|case| !held_out.contains(case)).map(|case| format!("no fold holds out `{case}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(count: usize) -> Vec<CaseId> {
        (0..count).map(|case| CaseId(format!("case_{case:02}"))).collect()
    }

    const FIVE: schema::Split = schema::Split { folds: 5, seed: 12345 };

    #[test]
    fn every_case_is_held_out_once() {
        let cases = cases(23);
        let splits = draw(&cases, &FIVE).unwrap();
        assert_eq!(splits.iter().map(|split| split.val.len()).collect::<Vec<_>>(), [5, 5, 5, 4, 4]);
        assert_eq!(fault(&splits, &cases, 5), None);
    }

    #[test]
    fn the_seed_decides_and_the_order_of_the_cases_does_not() {
        let ordered = cases(20);
        let mut reversed = ordered.clone();
        reversed.reverse();
        let held_out = |cases: &[CaseId], seed| -> Vec<BTreeSet<CaseId>> {
            draw(cases, &schema::Split { folds: 5, seed })
                .unwrap()
                .into_iter()
                .map(|s| s.val.into_iter().collect())
                .collect()
        };
        assert_eq!(held_out(&ordered, 1), held_out(&reversed, 1));
        assert_ne!(held_out(&ordered, 1), held_out(&ordered, 2));
    }

    #[test]
    fn folds_are_saved_and_a_leak_in_them_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("splits_final.json");
        let cases = cases(10);
        let mut splits = load_or_draw(&path, &cases, &FIVE).unwrap();
        assert_eq!(load_or_draw(&path, &cases, &FIVE).unwrap(), splits);
        let leaked = splits[2].val[0].clone();
        splits[2].train.push(leaked);
        store::write_atomic(&path, serde_json::to_string(&splits).unwrap().as_bytes()).unwrap();
        let refused = load_or_draw(&path, &cases, &FIVE).unwrap_err().to_string();
        assert!(refused.contains("which it holds out"), "{refused}");
    }

    #[test]
    fn more_folds_than_cases_are_refused() {
        assert!(matches!(draw(&cases(3), &FIVE), Err(SplitError::TooFew { cases: 3, folds: 5 })));
    }
}
