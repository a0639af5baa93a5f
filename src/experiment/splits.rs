//! The folds of a run: drawn once, saved in nnU-Net's `splits_final.json`, shared by all configurations.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rand::seq::SliceRandom;
use regex::Regex;
use thiserror::Error;

use crate::dataset::CaseId;
use crate::plan::schema;
use crate::random::{Key, Purpose, stream};
use crate::run::Split;
use crate::run::split::splits_text;
use crate::store::{self, StoreError};
use crate::units::counted;

/// The folds cannot be drawn, or the saved ones do not fit the data set or the plan.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the messages name file, case and cause")]
pub enum SplitError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("`{path}` is not a list of `train` and `val` cases: {source}")]
    Form { path: String, source: serde_json::Error },
    #[error("`{path}` does not fit: {reason}; remove it to draw new folds, with which every network starts again")]
    Mismatch { path: String, reason: String },
    #[error(
        "{} cannot be split into {}; lower `split.folds`",
        counted(*patients, if *grouped { "patient" } else { "case" }),
        counted(*folds, "fold")
    )]
    TooFew {
        /// Training cases, or patients if they are grouped.
        patients: usize,
        grouped: bool,
        folds: usize,
    },
    #[error("`split.patient_pattern`, which is `{pattern}`, finds no patient in the name of the case `{case}`")]
    NoPatient { pattern: String, case: CaseId },
}

/// The folds of a run: those saved at `path`, or new ones. Nothing is written.
///
/// `abandoned` are the settings of an earlier plan of the same run folder that produced no result: folds drawn with them are
/// replaced.
///
/// # Errors
///
/// If the saved folds name other cases than the data set has, validate on a case twice or never, or train on a validation case or
/// on another case of its patient; and if there are fewer cases than folds.
pub fn load_or_draw(
    path: &Path,
    cases: &[CaseId],
    settings: &schema::Split,
    abandoned: Option<&schema::Split>,
) -> Result<Vec<Split>, SplitError> {
    let drawn_before = abandoned.filter(|before| *before != settings).and_then(|before| draw(cases, before).ok());
    if let Some(before) = drawn_before
        && store::read_text_if_present(path)?.is_some_and(|text| text == splits_text(&before))
    {
        return draw(cases, settings);
    }
    read_fitting(path, cases, settings)?.map_or_else(|| draw(cases, settings), Ok)
}

/// The folds that are saved at `path`. Returns `None` if there is no such file.
///
/// # Errors
///
/// If the saved folds do not fit the cases or the plan.
pub fn read_fitting(path: &Path, cases: &[CaseId], settings: &schema::Split) -> Result<Option<Vec<Split>>, SplitError> {
    let Some(text) = store::read_text_if_present(path)? else { return Ok(None) };
    let name = path.display().to_string();
    let splits: Vec<Split> =
        serde_json::from_str(&text).map_err(|source| SplitError::Form { path: name.clone(), source })?;
    match find_fault(&splits, &Patients::of(cases, settings)?, settings.folds) {
        None => Ok(Some(splits)),
        Some(reason) => Err(SplitError::Mismatch { path: name, reason }),
    }
}

/// Shuffles the cases with the seed and cuts them into folds whose sizes differ by at most one, the larger ones first.
///
/// Grouped cases are shuffled by patient; each patient joins the fold with the least cases, patients with many cases first.
///
/// Source: arXiv:1809.10486, 2.3: five-fold cross-validation on the training cases.
///
/// Differs: nnU-Net's code shuffles with scikit-learn's `KFold`. The paper's folds were not published, so there is nothing to reproduce;
/// a `splits_final.json` of nnU-Net is used as it is.
///
/// # Errors
///
/// If there are fewer cases, or patients, than folds.
pub fn draw(cases: &[CaseId], settings: &schema::Split) -> Result<Vec<Split>, SplitError> {
    let patients = Patients::of(cases, settings)?;
    let mut shuffled: Vec<Vec<&CaseId>> = patients.cases_by_name().into_values().collect();
    if shuffled.len() < settings.folds {
        let grouped = !settings.patient_pattern.is_empty();
        return Err(SplitError::TooFew { patients: shuffled.len(), grouped, folds: settings.folds });
    }
    shuffled.shuffle(&mut stream(Key { purpose: Purpose::Split, seed: settings.seed, counters: [0; 4] }));
    let validation = if settings.patient_pattern.is_empty() {
        cut(&shuffled, settings.folds)
    } else {
        fill(shuffled, settings.folds)
    };
    let split = |val: BTreeSet<&CaseId>| {
        let (val, train): (Vec<CaseId>, Vec<CaseId>) = cases.iter().cloned().partition(|case| val.contains(case));
        Split { train, val }
    };
    Ok(validation.into_iter().map(split).collect())
}

/// Consecutive blocks of patients.
fn cut<'a>(patients: &[Vec<&'a CaseId>], folds: usize) -> Vec<BTreeSet<&'a CaseId>> {
    let (size, longer) = (patients.len() / folds, patients.len() % folds);
    let mut rest = patients;
    let block = |fold: usize| {
        let (block, others) = rest.split_at(size + usize::from(fold < longer));
        rest = others;
        block.iter().flatten().copied().collect()
    };
    (0..folds).map(block).collect()
}

/// Patients with many cases first, each into the fold with the least cases.
fn fill(mut patients: Vec<Vec<&CaseId>>, folds: usize) -> Vec<BTreeSet<&CaseId>> {
    patients.sort_by_key(|cases| Reverse(cases.len()));
    let mut filled = vec![BTreeSet::new(); folds];
    for cases in patients {
        let emptiest = filled.iter_mut().min_by_key(|fold| fold.len()).expect("a plan has at least two folds");
        emptiest.extend(cases);
    }
    filled
}

/// The patient of each case.
struct Patients<'a>(BTreeMap<&'a CaseId, &'a str>);

impl<'a> Patients<'a> {
    fn of(cases: &'a [CaseId], settings: &schema::Split) -> Result<Self, SplitError> {
        let pattern = Regex::new(&settings.patient_pattern).expect("a validated plan has a regular expression");
        let patient = |case: &'a CaseId| {
            if settings.patient_pattern.is_empty() {
                return Ok((case, case.0.as_str()));
            }
            let found = pattern.captures(&case.0).and_then(|found| found.get(1).or_else(|| found.get(0)));
            let patient = found.map(|found| found.as_str()).filter(|patient| !patient.is_empty());
            let none = || SplitError::NoPatient { pattern: settings.patient_pattern.clone(), case: case.clone() };
            Ok((case, patient.ok_or_else(none)?))
        };
        Ok(Self(cases.iter().map(patient).collect::<Result<_, SplitError>>()?))
    }

    fn cases_by_name(&self) -> BTreeMap<&'a str, Vec<&'a CaseId>> {
        let mut cases = BTreeMap::<&str, Vec<&CaseId>>::new();
        for (case, patient) in &self.0 {
            cases.entry(patient).or_default().push(case);
        }
        cases
    }
}

fn find_fault(splits: &[Split], patients: &Patients<'_>, folds: usize) -> Option<String> {
    if splits.len() != folds {
        return Some(format!("it has {}, `split.folds` is {folds}", counted(splits.len(), "fold")));
    }
    let known = &patients.0;
    let mut validated = BTreeSet::new();
    for (fold, split) in splits.iter().enumerate() {
        if let Some(case) = split.train.iter().chain(&split.val).find(|case| !known.contains_key(case)) {
            return Some(format!("fold {fold} names the case `{case}`, which the data set does not have"));
        }
        let trained: BTreeMap<&str, &CaseId> = split.train.iter().map(|case| (known[case], case)).collect();
        for case in &split.val {
            if split.train.contains(case) {
                return Some(format!("fold {fold} trains and validates on `{case}`"));
            }
            if let Some(other) = trained.get(known[case]) {
                let patient = known[case];
                return Some(format!(
                    "fold {fold} trains on `{other}` and validates on `{case}`, both of patient `{patient}`"
                ));
            }
            if !validated.insert(case) {
                return Some(format!("two folds validate on `{case}`"));
            }
        }
    }
    known.keys().find(|case| !validated.contains(*case)).map(|case| format!("no fold validates on `{case}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::split::write_splits as save;

    fn cases(count: usize) -> Vec<CaseId> {
        (0..count).map(|case| CaseId(format!("case_{case:02}"))).collect()
    }

    const FIVE: schema::Split = schema::Split { folds: 5, seed: 12345, patient_pattern: String::new() };

    /// Four patients of one to four scans.
    fn scans() -> Vec<CaseId> {
        let of = |patient: usize| (0..patient).map(move |scan| CaseId(format!("p{patient}_scan{scan}")));
        (1..5).flat_map(of).collect()
    }

    fn grouped(folds: usize) -> schema::Split {
        schema::Split { folds, seed: 1, patient_pattern: "^(.*)_scan".to_owned() }
    }

    #[test]
    fn a_patient_never_straddles_folds() {
        let scans = scans();
        let splits = draw(&scans, &grouped(3)).unwrap();
        for split in &splits {
            let patient = |case: &CaseId| case.0[..2].to_owned();
            let held_out: BTreeSet<String> = split.val.iter().map(patient).collect();
            assert!(split.train.iter().all(|case| !held_out.contains(&patient(case))), "{split:?}");
        }
        // 4, 3, and 2 + 1 scans: as even as whole patients can be.
        let mut sizes: Vec<usize> = splits.iter().map(|split| split.val.len()).collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [3, 3, 4]);
        assert_eq!(find_fault(&splits, &Patients::of(&scans, &grouped(3)).unwrap(), 3), None);
        assert!(matches!(draw(&scans, &grouped(5)), Err(SplitError::TooFew { patients: 4, grouped: true, folds: 5 })));
    }

    #[test]
    fn a_file_of_folds_that_a_patient_straddles_is_refused() {
        let (folder, scans) = (tempfile::tempdir().unwrap(), scans());
        let path = folder.path().join("splits_final.json");
        let apart = schema::Split { patient_pattern: String::new(), ..grouped(3) };
        save(&path, &draw(&scans, &apart).unwrap()).unwrap();
        let refused = load_or_draw(&path, &scans, &grouped(3), None).unwrap_err().to_string();
        assert!(refused.contains("both of patient `p"), "{refused}");
    }

    #[test]
    fn a_case_without_a_patient_is_named() {
        let settings = schema::Split { patient_pattern: "^p[0-3]".to_owned(), ..grouped(3) };
        assert!(matches!(draw(&scans(), &settings), Err(SplitError::NoPatient { case, .. }) if case.0 == "p4_scan0"));
    }

    #[test]
    fn every_case_is_validated_once() {
        let cases = cases(23);
        let splits = draw(&cases, &FIVE).unwrap();
        assert_eq!(splits.iter().map(|split| split.val.len()).collect::<Vec<_>>(), [5, 5, 5, 4, 4]);
        assert_eq!(find_fault(&splits, &Patients::of(&cases, &FIVE).unwrap(), 5), None);
    }

    #[test]
    fn the_seed_decides_and_the_order_of_the_cases_does_not() {
        let ordered = cases(20);
        let mut reversed = ordered.clone();
        reversed.reverse();
        let held_out = |cases: &[CaseId], seed| -> Vec<BTreeSet<CaseId>> {
            draw(cases, &schema::Split { seed, ..FIVE })
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
        let mut splits = load_or_draw(&path, &cases, &FIVE, None).unwrap();
        assert!(!path.exists());
        save(&path, &splits).unwrap();
        assert_eq!(load_or_draw(&path, &cases, &FIVE, None).unwrap(), splits);
        let leaked = splits[2].val[0].clone();
        splits[2].train.push(leaked);
        store::write_atomic(&path, serde_json::to_string(&splits).unwrap().as_bytes()).unwrap();
        let refused = load_or_draw(&path, &cases, &FIVE, None).unwrap_err().to_string();
        assert!(refused.contains("trains and validates on"), "{refused}");
    }

    #[test]
    fn folds_of_a_plan_without_results_are_replaced_and_edited_folds_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("splits_final.json");
        let (cases, three) = (cases(10), schema::Split { folds: 3, ..FIVE });
        save(&path, &draw(&cases, &FIVE).unwrap()).unwrap();
        assert!(matches!(load_or_draw(&path, &cases, &three, None), Err(SplitError::Mismatch { .. })));
        assert_eq!(load_or_draw(&path, &cases, &three, Some(&FIVE)).unwrap(), draw(&cases, &three).unwrap());
        let mut own = draw(&cases, &FIVE).unwrap();
        own.swap(0, 1);
        save(&path, &own).unwrap();
        let other_seed = schema::Split { seed: 1, ..FIVE };
        assert_eq!(load_or_draw(&path, &cases, &other_seed, Some(&FIVE)).unwrap(), own);
    }

    #[test]
    fn a_digest_depends_on_the_training_cases() {
        let splits = draw(&cases(10), &FIVE).unwrap();
        assert_eq!(splits[0].digest(), splits[0].clone().digest());
        assert_ne!(splits[0].digest(), splits[1].digest());
        let swapped = Split { train: splits[0].val.clone(), val: splits[0].train.clone() };
        assert_ne!(splits[0].digest(), swapped.digest());
    }

    #[test]
    fn more_folds_than_cases_are_refused() {
        assert!(matches!(draw(&cases(3), &FIVE), Err(SplitError::TooFew { patients: 3, folds: 5, .. })));
    }
}
