//! Scores of a folder of predictions against a folder of references with the same file names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use thiserror::Error;

use crate::dataset::gate::{Fault, FaultKind, Faults, compare_grids, count_labels, read_classes};
use crate::dataset::images::{File, Listing, names};
use crate::dataset::{CaseId, declared_labels};
use crate::evaluate::score_case::{Class, LabelMaps, score_maps};
use crate::evaluate::scores::{Score, ScoredNetwork};
use crate::units::{agree, counted, quoted};
use crate::volume::LabelMap;

/// Two folders and how to compare them.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Folder of reference label maps.
    pub reference: &'a Path,
    /// Folder of predictions with the same file names.
    pub prediction: &'a Path,
    /// Tolerance of the normalised surface Dice, mm.
    pub tolerance_mm: f64,
    /// Whether to score the other cases if some cannot be scored.
    pub partial: bool,
    /// Maximum memory of a label map, bytes.
    pub memory_bytes: u64,
}

/// The scores of the folders, and the cases without a score.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// One score per case and class.
    pub scores: Vec<Score>,
    /// Number of references.
    pub references: usize,
    /// Number of cases that were scored.
    pub scored: usize,
    /// Remarks for the user: files and cases that were skipped, and why.
    pub notes: Vec<String>,
}

/// The folders cannot be compared.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum EvaluateError {
    /// A folder cannot be read.
    #[error("cannot read the folder `{}`: {source}", folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
    /// The reference folder contains no label maps.
    #[error("`{}` contains no label maps; expected files that end in `.nii.gz` or `.nii`", folder.display())]
    Empty { folder: PathBuf },
    /// Files that look like label maps have an unsupported format.
    #[error(
        "unsupported image format: {}; convert to `.nii.gz`, or score the other cases with `--partial`",
        names(files)
    )]
    Unreadable { files: Vec<PathBuf> },
    /// Two files in one folder belong to the same case.
    #[error("case `{case}` has two files, {}; remove one of them", names(files))]
    TwoFiles { case: CaseId, files: [PathBuf; 2] },
    /// Cases without a prediction. They are never left out of a mean silently.
    #[error(
        "{} of {} {} no prediction in `{}`: {}; add the missing files, or score the other cases with `--partial`",
        missing.len(), counted(*references, "case"), agree(missing.len(), "has", "have"), folder.display(), quoted(missing)
    )]
    Missing { folder: PathBuf, references: usize, missing: Vec<CaseId> },
    /// Label maps that cannot be scored.
    #[error("{}\nfix these files, or score the other cases with `--partial`", lines(.0))]
    Faults(Vec<Fault>),
    /// No class to score.
    #[error("nothing to score: {} and their predictions contain only the background, 0", counted(*references, "reference"))]
    NoLabel { references: usize },
    /// More labels than can be distinguished.
    #[error("found {0} different labels: are these label maps?")]
    TooMany(usize),
}

fn lines(issues: &[Fault]) -> String {
    issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A reference and its prediction.
struct Pair {
    case: CaseId,
    reference: PathBuf,
    prediction: PathBuf,
}

/// Scores a folder of predictions against a folder of references of the same names.
///
/// The labels are those that a `dataset.json` in the folder of the references, or above it, declares; without one, all that
/// occur. A prediction on another grid than its reference is a fault, never scored.
///
/// # Errors
///
/// If a folder cannot be read, and, unless `partial` is set, if any case cannot be scored: all such cases are named.
pub fn evaluate_folders(request: &Request<'_>) -> Result<Evaluated, EvaluateError> {
    let mut notes = Vec::new();
    let references = label_maps(request.reference, request.partial, &mut notes)?;
    if references.is_empty() {
        return Err(EvaluateError::Empty { folder: request.reference.to_owned() });
    }
    let predictions = label_maps(request.prediction, request.partial, &mut notes)?;
    let extra: Vec<PathBuf> =
        predictions.iter().filter(|(case, _)| !references.contains_key(*case)).map(|(_, path)| path.clone()).collect();
    if !extra.is_empty() {
        notes.push(format!("predictions without a reference are not scored: {}", names(&extra)));
    }
    let count = references.len();
    let missing: Vec<CaseId> = references.keys().filter(|case| !predictions.contains_key(*case)).cloned().collect();
    if !missing.is_empty() {
        if !request.partial || missing.len() == count {
            return Err(EvaluateError::Missing { folder: request.prediction.to_owned(), references: count, missing });
        }
        notes.push(format!("without a prediction: {}", quoted(&missing)));
    }
    let pair = |(case, reference): (CaseId, PathBuf)| {
        Some(Pair { prediction: predictions.get(&case)?.clone(), case, reference })
    };
    let pairs: Vec<Pair> = references.into_iter().filter_map(pair).collect();
    let labels = labels(request, &pairs, count, &mut notes)?;
    let (mut scores, mut faults, mut scored) = (Vec::new(), Vec::new(), 0);
    let results: Vec<Result<Vec<Score>, Faults>> = pairs.par_iter().map(|pair| score(request, pair, &labels)).collect();
    for result in results {
        match result {
            Ok(of_case) => {
                scored += 1;
                scores.extend(of_case);
            }
            Err(Faults(of_case)) => faults.extend(of_case),
        }
    }
    if !faults.is_empty() {
        if !request.partial || scored == 0 {
            return Err(EvaluateError::Faults(faults));
        }
        notes.extend(faults.iter().map(|fault| format!("not scored: {fault}")));
    }
    Ok(Evaluated { scores, references: count, scored, notes })
}

/// Scores of one case.
fn score(request: &Request<'_>, pair: &Pair, labels: &BTreeMap<i64, String>) -> Result<Vec<Score>, Faults> {
    let numbers: Vec<i64> = labels.keys().copied().collect();
    let read = |path| read_classes(&pair.case, path, &numbers, request.memory_bytes);
    let (reference, prediction): (LabelMap, LabelMap) = (read(&pair.reference)?, read(&pair.prediction)?);
    let differences = compare_grids(&reference.geometry, &prediction.geometry);
    if !differences.is_empty() {
        let fault = |kind| Fault { case: pair.case.clone(), path: pair.prediction.clone(), kind };
        return Err(Faults(differences.into_iter().map(fault).collect()));
    }
    let class = |(value, (&label, name)): (i16, (&i64, &'_ String))| (value, label as u64, name.clone());
    let owned: Vec<(i16, u64, String)> = (1..).zip(labels).map(class).collect();
    let classes: Vec<Class<'_>> =
        owned.iter().map(|(value, label, name)| Class { value: *value, label: *label, name }).collect();
    let maps = LabelMaps { case: &pair.case, reference: &reference, prediction: &prediction };
    Ok(score_maps(maps, &ScoredNetwork::default(), &classes, request.tolerance_mm))
}

/// The label maps of a folder by case.
fn label_maps(
    folder: &Path,
    partial: bool,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<CaseId, PathBuf>, EvaluateError> {
    let listing = Listing::of(folder).map_err(|source| EvaluateError::Folder { folder: folder.to_owned(), source })?;
    if !listing.unreadable.is_empty() {
        let files: Vec<PathBuf> = listing.unreadable.into_iter().map(|(path, _)| path).collect();
        if !partial {
            return Err(EvaluateError::Unreadable { files });
        }
        notes.push(format!("not scored, since they cannot be read: {}", names(&files)));
    }
    if !listing.others.is_empty() {
        notes.push(format!(
            "not scored, since they are no label maps: {} in `{}`",
            names(&listing.others),
            folder.display()
        ));
    }
    let mut found = BTreeMap::new();
    for File { stem, path, .. } in listing.files {
        let case = CaseId(stem);
        if let Some(first) = found.insert(case.clone(), path.clone()) {
            return Err(EvaluateError::TwoFiles { case, files: [first, path] });
        }
    }
    Ok(found)
}

/// The labels that are scored, with their names.
fn labels(
    request: &Request<'_>,
    pairs: &[Pair],
    references: usize,
    notes: &mut Vec<String>,
) -> Result<BTreeMap<i64, String>, EvaluateError> {
    let beside = [Some(request.reference), request.reference.parent()].into_iter().flatten();
    for folder in beside {
        match declared_labels(folder) {
            Ok(Some(declared)) => {
                return Ok(declared.into_iter().map(|(label, name)| (i64::from(label), name)).collect());
            }
            Ok(None) => (),
            Err(error) => notes.push(format!("classes are named by their numbers: {error}")),
        }
    }
    let counted: Vec<Result<BTreeMap<i64, usize>, Faults>> = pairs
        .par_iter()
        .flat_map(|pair| [(&pair.case, &pair.reference), (&pair.case, &pair.prediction)])
        .map(|(case, path)| classes_of(case, path, request.memory_bytes))
        .collect();
    let (mut found, mut faults) = (BTreeSet::new(), Vec::new());
    for of_file in counted {
        match of_file {
            Ok(voxels) => found.extend(voxels.into_keys().filter(|&label| label > 0)),
            Err(Faults(of_file)) => faults.extend(of_file),
        }
    }
    // A partial evaluation finds these faults again when it scores their cases.
    if !faults.is_empty() && (!request.partial || found.is_empty()) {
        return Err(EvaluateError::Faults(faults));
    }
    match found.len() {
        0 => Err(EvaluateError::NoLabel { references }),
        count if count > i16::MAX as usize => Err(EvaluateError::TooMany(count)),
        _ => Ok(found.into_iter().map(|label| (label, label.to_string())).collect()),
    }
}

/// Voxels of each label of a file; labels below zero are a fault of it.
fn classes_of(case: &CaseId, path: &Path, memory_bytes: u64) -> Result<BTreeMap<i64, usize>, Faults> {
    let voxels = count_labels(case, path, memory_bytes)?;
    let values: BTreeMap<i64, usize> = voxels.range(..0).map(|(&label, &count)| (label, count)).collect();
    if values.is_empty() {
        return Ok(voxels);
    }
    let fault = Fault { case: case.clone(), path: path.to_owned(), kind: FaultKind::UndeclaredLabels { values } };
    Err(Faults(vec![fault]))
}

#[cfg(test)]
mod tests;
