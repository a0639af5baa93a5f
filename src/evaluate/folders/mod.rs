//! Scores of a folder of predictions against a folder of references with the same file names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use thiserror::Error;

use crate::dataset::gate::{Issue, IssueKind, Issues, compare_grids, count_labels, read_classes};
use crate::dataset::{CaseId, declared_labels};
use crate::dataset::{File, Listing, file_names};
use crate::evaluate::score_case::{Class, LabelMaps, score_maps};
use crate::evaluate::scores::{Score, ScoredNetwork};
use crate::units::{agree, counted, quoted};
use crate::volume::LabelMap;
use crate::volume::io::format::{DEFAULT_ENDING, endings_text};

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
    #[error("`{}` contains no label maps; expected files that end in {}", folder.display(), endings_text())]
    Empty { folder: PathBuf },
    /// Files that look like label maps have an unsupported format.
    #[error(
        "unsupported image files: {}; convert them to `{DEFAULT_ENDING}`, or score the other cases with `--partial`",
        file_names(files)
    )]
    Unsupported { files: Vec<PathBuf> },
    /// Two files in one folder belong to the same case.
    #[error("case `{case}` has two files, {}; remove one of them", file_names(files))]
    TwoFiles { case: CaseId, files: [PathBuf; 2] },
    /// Cases without a prediction. They are never left out of a mean silently.
    #[error(
        "{} of {} {} no prediction in `{}`: {}; add the missing files, or score the other cases with `--partial`",
        missing.len(), counted(*references, "case"), agree(missing.len(), "has", "have"), folder.display(), quoted(missing)
    )]
    Missing { folder: PathBuf, references: usize, missing: Vec<CaseId> },
    /// Label maps that cannot be scored.
    #[error("{}\nfix these files, or score the other cases with `--partial`", lines(.0))]
    Issues(Vec<Issue>),
    /// No class to score.
    #[error("nothing to score: {} and their predictions contain only the background, 0", counted(*references, "reference"))]
    NoLabel { references: usize },
    /// More labels than can be distinguished.
    #[error("found {0} different labels: are these label maps?")]
    TooMany(usize),
}

fn lines(issues: &[Issue]) -> String {
    issues.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A reference and its prediction.
struct Pair {
    case: CaseId,
    reference: PathBuf,
    prediction: PathBuf,
}

/// Scores a folder of predictions against a folder of references with the same file names.
///
/// The classes are those that a `dataset.json` in the reference folder, or in its parent, declares; without one, all
/// labels that occur. A prediction on another grid than its reference is an issue, and never scored.
///
/// # Errors
///
/// If a folder cannot be read, or, unless `partial` is set, if any case cannot be scored; all such cases are named.
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
        notes.push(format!("predictions without a reference are not scored: {}", file_names(&extra)));
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
    let labels = scored_labels(request, &pairs, count, &mut notes)?;
    let (mut scores, mut issues, mut scored) = (Vec::new(), Vec::new(), 0);
    let results: Vec<Result<Vec<Score>, Issues>> = pairs.par_iter().map(|pair| score(request, pair, &labels)).collect();
    for result in results {
        match result {
            Ok(of_case) => {
                scored += 1;
                scores.extend(of_case);
            }
            Err(Issues(of_case)) => issues.extend(of_case),
        }
    }
    if !issues.is_empty() {
        if !request.partial || scored == 0 {
            return Err(EvaluateError::Issues(issues));
        }
        notes.extend(issues.iter().map(|issue| format!("not scored: {issue}")));
    }
    Ok(Evaluated { scores, references: count, scored, notes })
}

/// Scores of one case.
fn score(request: &Request<'_>, pair: &Pair, labels: &BTreeMap<i64, String>) -> Result<Vec<Score>, Issues> {
    let numbers: Vec<i64> = labels.keys().copied().collect();
    let read = |path| read_classes(&pair.case, path, &numbers, request.memory_bytes);
    let (reference, prediction): (LabelMap, LabelMap) = (read(&pair.reference)?, read(&pair.prediction)?);
    let differences = compare_grids(&reference.geometry, &prediction.geometry);
    if !differences.is_empty() {
        let issue = |kind| Issue { case: pair.case.clone(), path: pair.prediction.clone(), kind };
        return Err(Issues(differences.into_iter().map(issue).collect()));
    }
    let classes: Vec<Class<'_>> =
        (1..).zip(labels).map(|(value, (&label, name))| Class { value, label: label as u64, name }).collect();
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
            return Err(EvaluateError::Unsupported { files });
        }
        notes.push(format!("not scored, because their format is not supported: {}", file_names(&files)));
    }
    if !listing.others.is_empty() {
        notes.push(format!(
            "not scored, because they are not label maps: {} in `{}`",
            file_names(&listing.others),
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

/// The labels to score, with their names.
fn scored_labels(
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
            Err(error) => notes.push(format!("classes are named by their label values: {error}")),
        }
    }
    let counts: Vec<Result<BTreeMap<i64, usize>, Issues>> = pairs
        .par_iter()
        .flat_map(|pair| [(&pair.case, &pair.reference), (&pair.case, &pair.prediction)])
        .map(|(case, path)| count_classes(case, path, request.memory_bytes))
        .collect();
    let (mut found, mut issues) = (BTreeSet::new(), Vec::new());
    for of_file in counts {
        match of_file {
            Ok(voxels) => found.extend(voxels.into_keys().filter(|&label| label > 0)),
            Err(Issues(of_file)) => issues.extend(of_file),
        }
    }
    // A partial evaluation reports these issues again when it scores their cases.
    if !issues.is_empty() && (!request.partial || found.is_empty()) {
        return Err(EvaluateError::Issues(issues));
    }
    match found.len() {
        0 => Err(EvaluateError::NoLabel { references }),
        count if count > i16::MAX as usize => Err(EvaluateError::TooMany(count)),
        _ => Ok(found.into_iter().map(|label| (label, label.to_string())).collect()),
    }
}

/// Counts the voxels of each label of a file; negative labels are an issue.
fn count_classes(case: &CaseId, path: &Path, memory_bytes: u64) -> Result<BTreeMap<i64, usize>, Issues> {
    let voxels = count_labels(case, path, memory_bytes)?;
    let values: BTreeMap<i64, usize> = voxels.range(..0).map(|(&label, &count)| (label, count)).collect();
    if values.is_empty() {
        return Ok(voxels);
    }
    let issue = Issue { case: case.clone(), path: path.to_owned(), kind: IssueKind::UndeclaredLabels { values } };
    Err(Issues(vec![issue]))
}

#[cfg(test)]
mod tests;
