//! Scores in short: mean and spread over cases, class by class. Source: spec sections 14.1 and 15.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::evaluate::scores::Score;
use crate::evaluate::surface::Surface;
use crate::statistics::{mean, sample_sd};

/// How well one class of one configuration was predicted, over its cases.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassSummary {
    /// Name of the class.
    pub name: String,
    /// Mean Dice over the cases that have one; none where no case has.
    pub mean: Option<f64>,
    /// Sample standard deviation of the Dice over these cases; none for fewer than two.
    pub sd: Option<f64>,
    /// Mean normalised surface Dice over the same cases.
    pub nsd: Option<f64>,
    /// Mean 95 % Hausdorff distance over the cases in which prediction and reference have the class, mm.
    pub hd95: Option<f64>,
    /// Mean average symmetric surface distance over the same cases as `hd95`, mm.
    pub assd: Option<f64>,
    /// Cases that have a Dice.
    pub cases: usize,
    /// Cases in which neither prediction nor reference has the class: they have no Dice.
    pub empty: usize,
    /// Cases in which either prediction or reference alone has the class: Dice and surface Dice are 0, and they have no
    /// distances.
    pub missed: usize,
}

/// Scores of some configurations in short.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Classes by label value, for each configuration and seed in turn.
    pub configurations: BTreeMap<(String, u64), BTreeMap<u64, ClassSummary>>,
}

/// Summarises scores: each configuration and seed by itself, all folds pooled.
pub fn summarize(scores: &[Score]) -> Summary {
    let mut grouped = BTreeMap::<_, BTreeMap<u64, Vec<&Score>>>::new();
    for score in scores {
        let key = (score.run.configuration.clone(), score.run.seed);
        grouped.entry(key).or_default().entry(score.label).or_default().push(score);
    }
    let class = |scores: Vec<&Score>| {
        let known: Vec<f64> = scores.iter().filter_map(|score| score.counts.dice()).collect();
        let distances: Vec<Surface> = scores.iter().filter_map(|score| score.surface).collect();
        let over = |value: fn(&Surface) -> f64| mean(&distances.iter().map(value).collect::<Vec<_>>());
        ClassSummary {
            name: scores[0].name.clone(),
            mean: mean(&known),
            nsd: mean(&scores.iter().filter_map(|score| score.nsd()).collect::<Vec<_>>()),
            hd95: over(|surface| surface.hd95),
            assd: over(|surface| surface.assd),
            sd: sample_sd(&known),
            cases: known.len(),
            empty: scores.len() - known.len(),
            missed: known.len() - distances.len(),
        }
    };
    let classes = |labels: BTreeMap<u64, Vec<&Score>>| {
        labels.into_iter().map(|(label, scores)| (label, class(scores))).collect::<BTreeMap<_, _>>()
    };
    Summary { configurations: grouped.into_iter().map(|(key, labels)| (key, classes(labels))).collect() }
}

fn foreground_mean(classes: &BTreeMap<u64, ClassSummary>) -> Option<f64> {
    mean(&classes.values().filter_map(|class| class.mean).collect::<Vec<_>>())
}

/// A configuration and its seed; nothing for predictions that are of none.
fn shown(configuration: &str, seed: u64) -> String {
    if configuration.is_empty() { String::new() } else { format!("{configuration} seed {seed}") }
}

impl Summary {
    /// Mean foreground Dice: the mean over classes of the mean over cases, and over configurations and seeds where there
    /// are several. None where nothing has a Dice.
    pub fn mean_foreground_dice(&self) -> Option<f64> {
        mean(&self.configurations.values().filter_map(foreground_mean).collect::<Vec<_>>())
    }

    /// The summary as text in columns, for a terminal; distances are in millimetres.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let names = || self.configurations.keys().map(|(configuration, seed)| shown(configuration, *seed));
        let first = names().map(|name| name.chars().count()).max().unwrap_or(0).max("configuration".len()) + 2;
        let mut line = |name: &str, class: &str, numbers: &[&str]| {
            let _ = write!(text, "{name:<first$}{class:<16}");
            for number in numbers {
                let _ = write!(text, "{number:>8}");
            }
            text.push('\n');
        };
        line("configuration", "class", &["Dice", "SD", "NSD", "HD95", "ASSD", "cases", "empty", "missed"]);
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        let millimetres = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        for ((configuration, seed), classes) in &self.configurations {
            let name = shown(configuration, *seed);
            for class in classes.values() {
                let values = [class.mean, class.sd, class.nsd].map(number);
                let distances = [class.hd95, class.assd].map(millimetres);
                let counts = [class.cases, class.empty, class.missed].map(|count| count.to_string());
                let cells: Vec<&str> = values.iter().chain(&distances).chain(&counts).map(String::as_str).collect();
                line(&name, &class.name, &cells);
            }
            line(&name, "mean foreground", &[&number(foreground_mean(classes))]);
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::CaseId;
    use crate::evaluate::Counts;
    use crate::evaluate::scores::Run;

    fn score(case: &str, label: u64, true_positives: u64, wrong: u64) -> Score {
        let run = Run { experiment: "e".to_owned(), configuration: "2d".to_owned(), fold: 0, seed: 1 };
        let counts = Counts { true_positives, false_positives: wrong, false_negatives: wrong };
        let surface = (true_positives > 0).then_some(Surface { hd95: 2.0, assd: 1.0, nsd: 0.5 });
        Score { run, case: CaseId(case.to_owned()), label, name: format!("class {label}"), counts, surface }
    }

    #[test]
    fn the_mean_is_over_classes_of_the_mean_over_cases_and_empty_cases_are_counted_apart() {
        let scores = [score("a", 1, 1, 0), score("b", 1, 1, 1), score("a", 2, 0, 0), score("b", 2, 0, 1)];
        let summary = summarize(&scores);
        let classes = &summary.configurations[&("2d".to_owned(), 1)];
        assert_eq!((classes[&1].mean, classes[&1].cases, classes[&1].empty), (Some(0.75), 2, 0));
        assert_eq!((classes[&2].mean, classes[&2].cases, classes[&2].empty), (Some(0.0), 1, 1));
        assert_eq!((classes[&1].hd95, classes[&1].nsd, classes[&1].missed), (Some(2.0), Some(0.5), 0));
        assert_eq!((classes[&2].hd95, classes[&2].nsd, classes[&2].missed), (None, Some(0.0), 1));
        assert!((classes[&1].sd.unwrap() - 0.125_f64.sqrt()).abs() < 1e-12);
        assert_eq!(summary.mean_foreground_dice(), Some(0.375));
    }

    #[test]
    fn the_table_says_what_is_undefined() {
        let table = summarize(&[score("a", 1, 0, 0)]).table();
        assert_eq!(
            table,
            "configuration  class               Dice      SD     NSD    HD95    ASSD   cases   empty  missed\n\
             2d seed 1      class 1                -       -       -       -       -       0       1       0\n\
             2d seed 1      mean foreground        -"
        );
    }
}
