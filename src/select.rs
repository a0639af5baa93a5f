//! Model selection: the configuration, or ensemble of two, with the best cross-validation.
//!
//! Input: scores of all candidates over all folds. Output: the candidates, best first. Deliberately absent: the
//! predictions of ensembles (`experiment`). Source: arXiv:1809.10486, 2.6.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::evaluate::scores::Score;
use crate::evaluate::summary::summarize;
use crate::statistics::mean;

/// The separator of configuration names in the name of an ensemble.
pub const SEPARATOR: char = '+';

/// One configuration, or an ensemble of several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its configurations, whose probabilities are averaged.
    pub configurations: Vec<String>,
    /// Mean Dice over all cases of all folds, then over classes, then over seeds.
    pub mean_foreground_dice: f64,
    /// Mean Dice per class, over cases, then over seeds.
    pub classes: BTreeMap<String, f64>,
    /// Number of scored cases.
    pub cases: usize,
}

/// All candidates, best first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The candidates; the first one is selected.
    pub candidates: Vec<Candidate>,
}

/// The name of an ensemble: the names of its configurations, joined by `+`.
pub fn joined(configurations: &[String]) -> String {
    configurations.join(&SEPARATOR.to_string())
}

impl Selection {
    /// Ranks all candidates with scores by mean foreground Dice.
    ///
    /// On ties, single configurations come before ensembles, then the order is alphabetical. Candidates without a
    /// defined Dice are left out.
    pub fn of(scores: &[Score]) -> Self {
        let mut by_name = BTreeMap::<&str, Vec<Score>>::new();
        for score in scores {
            by_name.entry(&score.network.configuration).or_default().push(score.clone());
        }
        let mut candidates: Vec<Candidate> =
            by_name.into_iter().filter_map(|(name, scores)| Candidate::of(name, &scores)).collect();
        candidates.sort_by(|left, right| {
            let by_dice = right.mean_foreground_dice.total_cmp(&left.mean_foreground_dice);
            by_dice.then(left.configurations.len().cmp(&right.configurations.len()))
        });
        Self { candidates }
    }

    /// The candidates as text in columns; the selected one is marked.
    pub fn table(&self) -> String {
        let Some(first) = self.candidates.first() else { return String::new() };
        let mut text = format!("{:<28}{:>12}", "candidate", "mean Dice");
        for class in first.classes.keys() {
            let _ = write!(text, "{class:>14}");
        }
        let _ = write!(text, "{:>8}", "cases");
        for (rank, candidate) in self.candidates.iter().enumerate() {
            let mark = if rank == 0 { "* " } else { "  " };
            let name = format!("{mark}{}", joined(&candidate.configurations));
            let _ = write!(text, "\n{name:<28}{:>12.4}", candidate.mean_foreground_dice);
            for dice in candidate.classes.values() {
                let _ = write!(text, "{dice:>14.4}");
            }
            let _ = write!(text, "{:>8}", candidate.cases);
        }
        text
    }
}

impl Candidate {
    fn of(name: &str, scores: &[Score]) -> Option<Self> {
        let summary = summarize(scores);
        let mut classes = BTreeMap::<String, Vec<f64>>::new();
        for class in summary.configurations.values().flat_map(BTreeMap::values) {
            classes.entry(class.class.clone()).or_default().extend(class.dice);
        }
        let cases: std::collections::BTreeSet<_> = scores.iter().map(|score| &score.case).collect();
        Some(Self {
            configurations: name.split(SEPARATOR).map(str::to_owned).collect(),
            mean_foreground_dice: summary.mean_foreground_dice()?,
            classes: classes.into_iter().filter_map(|(name, means)| Some((name, mean(&means)?))).collect(),
            cases: cases.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::CaseId;
    use crate::evaluate::Counts;
    use crate::evaluate::scores::ScoredNetwork;

    fn score(configuration: &str, case: &str, right: u64, wrong: u64) -> Score {
        Score {
            network: ScoredNetwork { run: "r".to_owned(), configuration: configuration.to_owned(), fold: 0, seed: 1 },
            case: CaseId(case.to_owned()),
            label: 1,
            class: "organ".to_owned(),
            counts: Counts { true_positives: right, false_positives: wrong, false_negatives: wrong },
            surface: None,
        }
    }

    #[test]
    fn the_candidate_with_the_highest_mean_dice_is_selected() {
        let scores = [
            score("2d", "a", 9, 1),
            score("2d", "b", 1, 9),
            score("3d_fullres", "a", 6, 4),
            score("3d_fullres", "b", 6, 4),
            score("2d+3d_fullres", "a", 8, 2),
            score("2d+3d_fullres", "b", 7, 3),
        ];
        let selection = Selection::of(&scores);
        let names: Vec<String> =
            selection.candidates.iter().map(|candidate| joined(&candidate.configurations)).collect();
        assert_eq!(names, ["2d+3d_fullres", "3d_fullres", "2d"]);
        assert!((selection.candidates[0].mean_foreground_dice - 0.75).abs() < 1e-12);
        assert_eq!(selection.candidates[0].cases, 2);
        assert!(selection.table().contains("\n* 2d+3d_fullres"), "{}", selection.table());
    }

    #[test]
    fn a_single_configuration_wins_a_tie_against_an_ensemble() {
        let scores = [score("2d+3d_fullres", "a", 1, 0), score("3d_fullres", "a", 1, 0)];
        assert_eq!(Selection::of(&scores).candidates[0].configurations, ["3d_fullres"]);
    }
}
