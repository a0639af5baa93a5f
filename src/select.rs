//! Which configuration, or which two together, did best in the cross-validation.
//!
//! Input: scores of all candidates over all folds. Output: the candidates in order, best first. Deliberately absent: making the
//! ensembles' predictions (`experiment`). Source: arXiv:1809.10486, section 2.4 (spec section 14.1).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::evaluate::scores::Score;
use crate::evaluate::summary::summarize;
use crate::statistics::mean;

/// What joins the names of the configurations of an ensemble.
const JOIN: char = '+';

/// One configuration, or an ensemble of some.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its configurations; the mean of their probabilities decides.
    pub configurations: Vec<String>,
    /// Mean over classes of the mean Dice over all cases of all folds, and over seeds where there are several.
    pub mean_foreground_dice: f64,
    /// Mean Dice of each class, likewise.
    pub classes: BTreeMap<String, f64>,
    /// Cases that were scored.
    pub cases: usize,
}

/// All candidates, best first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// The candidates; the first one is the choice.
    pub candidates: Vec<Candidate>,
}

/// The name of an ensemble: the names of its configurations, joined by `+`.
pub fn joined(configurations: &[String]) -> String {
    configurations.join(&JOIN.to_string())
}

impl Selection {
    /// Ranks all candidates that the scores are of, by mean foreground Dice.
    ///
    /// The simpler candidate comes first on a tie, and then the one that is first by name. Candidates without any Dice are left
    /// out.
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

    /// The candidates as text in columns, for a terminal; the choice is marked.
    pub fn table(&self) -> String {
        let Some(first) = self.candidates.first() else { return String::new() };
        let mut text = format!("{:<28}{:>12}", "candidate", "mean Dice");
        for class in first.classes.keys() {
            let _ = write!(text, "{class:>14}");
        }
        let _ = write!(text, "{:>8}", "cases");
        for (place, candidate) in self.candidates.iter().enumerate() {
            let mark = if place == 0 { "* " } else { "  " };
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
            configurations: name.split(JOIN).map(str::to_owned).collect(),
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
    fn the_highest_mean_dice_is_chosen_over_all_cases() {
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
    fn on_a_tie_the_single_configuration_is_chosen() {
        let scores = [score("2d+3d_fullres", "a", 1, 0), score("3d_fullres", "a", 1, 0)];
        assert_eq!(Selection::of(&scores).candidates[0].configurations, ["3d_fullres"]);
    }
}
