//! Scores in short: mean and spread over cases, class by class. Source: spec sections 14.1 and 15.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::evaluate::scores::Score;

/// Dice of one class of one configuration over its cases.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassSummary {
    /// Name of the class.
    pub name: String,
    /// Mean over the cases that have a Dice; none where no case has.
    pub mean: Option<f64>,
    /// Sample standard deviation over these cases; none for fewer than two.
    pub sd: Option<f64>,
    /// Cases that have a Dice.
    pub cases: usize,
    /// Cases in which neither prediction nor reference has the class: they have no Dice.
    pub empty: usize,
}

/// Scores of some configurations in short.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Classes by label value, for each configuration and seed in turn.
    pub configurations: BTreeMap<(String, u64), BTreeMap<u8, ClassSummary>>,
}

/// Summarises scores: each configuration and seed by itself, all folds pooled.
pub fn summarize(scores: &[Score]) -> Summary {
    let mut grouped = BTreeMap::<_, BTreeMap<u8, Vec<&Score>>>::new();
    for score in scores {
        let key = (score.run.configuration.clone(), score.run.seed);
        grouped.entry(key).or_default().entry(score.label).or_default().push(score);
    }
    let class = |scores: Vec<&Score>| {
        let known: Vec<f64> = scores.iter().filter_map(|score| score.counts.dice()).collect();
        let mean = mean(&known);
        ClassSummary {
            name: scores[0].name.clone(),
            mean,
            sd: mean.filter(|_| known.len() > 1).map(|mean| {
                let squares: f64 = known.iter().map(|dice| (dice - mean).powi(2)).sum();
                (squares / (known.len() - 1) as f64).sqrt()
            }),
            cases: known.len(),
            empty: scores.len() - known.len(),
        }
    };
    let classes = |labels: BTreeMap<u8, Vec<&Score>>| {
        labels.into_iter().map(|(label, scores)| (label, class(scores))).collect::<BTreeMap<_, _>>()
    };
    Summary { configurations: grouped.into_iter().map(|(key, labels)| (key, classes(labels))).collect() }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn foreground_mean(classes: &BTreeMap<u8, ClassSummary>) -> Option<f64> {
    mean(&classes.values().filter_map(|class| class.mean).collect::<Vec<_>>())
}

impl Summary {
    /// Mean foreground Dice: the mean over classes of the mean over cases, and over configurations and seeds where there
    /// are several. None where nothing has a Dice.
    pub fn mean_foreground_dice(&self) -> Option<f64> {
        mean(&self.configurations.values().filter_map(foreground_mean).collect::<Vec<_>>())
    }

    /// The summary as text in columns, for a terminal.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut line = |cells: [&str; 6]| {
            let [configuration, class, mean, sd, cases, empty] = cells;
            let _ = writeln!(text, "{configuration:<24}{class:<20}{mean:>8}{sd:>8}{cases:>7}{empty:>7}");
        };
        line(["configuration", "class", "Dice", "SD", "cases", "empty"]);
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        for ((configuration, seed), classes) in &self.configurations {
            let name = if configuration.is_empty() { String::new() } else { format!("{configuration} seed {seed}") };
            for class in classes.values() {
                let (mean, sd) = (number(class.mean), number(class.sd));
                line([&name, &class.name, &mean, &sd, &class.cases.to_string(), &class.empty.to_string()]);
            }
            line([&name, "mean foreground", &number(foreground_mean(classes)), "", "", ""]);
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

    fn score(case: &str, label: u8, true_positives: u64, wrong: u64) -> Score {
        let run = Run { experiment: "e".to_owned(), configuration: "2d".to_owned(), fold: 0, seed: 1 };
        let counts = Counts { true_positives, false_positives: wrong, false_negatives: wrong };
        Score { run, case: CaseId(case.to_owned()), label, name: format!("class {label}"), counts }
    }

    #[test]
    fn the_mean_is_over_classes_of_the_mean_over_cases_and_empty_cases_are_counted_apart() {
        let scores = [score("a", 1, 1, 0), score("b", 1, 1, 1), score("a", 2, 0, 0), score("b", 2, 0, 1)];
        let summary = summarize(&scores);
        let classes = &summary.configurations[&("2d".to_owned(), 1)];
        assert_eq!((classes[&1].mean, classes[&1].cases, classes[&1].empty), (Some(0.75), 2, 0));
        assert_eq!((classes[&2].mean, classes[&2].cases, classes[&2].empty), (Some(0.0), 1, 1));
        assert!((classes[&1].sd.unwrap() - 0.125_f64.sqrt()).abs() < 1e-12);
        assert_eq!(summary.mean_foreground_dice(), Some(0.375));
    }

    #[test]
    fn the_table_says_what_is_undefined() {
        let table = summarize(&[score("a", 1, 0, 0)]).table();
        assert_eq!(
            table,
            "configuration           class                   Dice      SD  cases  empty\n\
             2d seed 1               class 1                    -       -      0      1\n\
             2d seed 1               mean foreground            -"
        );
    }
}
