//! Means and standard deviations of scores over cases, per class. Means are over cases first, then over
//! classes. Source: arXiv:1809.10486, 2.6.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::evaluate::metric::Metric;
use crate::evaluate::scores::Score;
use crate::statistics::{mean, sample_sd};

/// The metrics of one class of one configuration, over its cases.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassSummary {
    /// Class name.
    pub class: String,
    /// Mean Dice over the cases where it is defined.
    pub dice: Option<f64>,
    /// Sample standard deviation of the Dice over these cases; `None` for fewer than two.
    pub dice_sd: Option<f64>,
    /// Mean normalised surface Dice over the same cases.
    pub nsd: Option<f64>,
    /// Mean 95 % Hausdorff distance over the cases where both label maps have the class, mm.
    pub hd95_mm: Option<f64>,
    /// Mean average symmetric surface distance over the same cases as `hd95_mm`, mm.
    pub assd_mm: Option<f64>,
    /// Cases with a Dice.
    pub cases: usize,
    /// Cases where neither label map has the class: they have no Dice.
    pub empty: usize,
    /// Cases where only one label map has the class: Dice and surface Dice are 0, distances are undefined.
    pub missed: usize,
}

/// A configuration, trained with one seed. Both are empty for a folder of predictions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigurationSeed {
    /// Name of the configuration.
    pub configuration: String,
    /// Seed.
    pub seed: u64,
}

/// Summaries of all configurations, seeds and classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// For each configuration and seed, its classes by label value.
    pub configurations: BTreeMap<ConfigurationSeed, BTreeMap<u64, ClassSummary>>,
}

/// Summarises scores per configuration, seed and class; all folds are pooled.
pub fn summarize(scores: &[Score]) -> Summary {
    let mut grouped = BTreeMap::<_, BTreeMap<u64, Vec<&Score>>>::new();
    for score in scores {
        let key = ConfigurationSeed { configuration: score.network.configuration.clone(), seed: score.network.seed };
        grouped.entry(key).or_default().entry(score.label).or_default().push(score);
    }
    let classes = |labels: BTreeMap<u64, Vec<&Score>>| {
        labels.into_iter().map(|(label, scores)| (label, summarize_class(&scores))).collect()
    };
    Summary { configurations: grouped.into_iter().map(|(key, labels)| (key, classes(labels))).collect() }
}

/// Summarises the scores of one class, of which there is at least one.
fn summarize_class(scores: &[&Score]) -> ClassSummary {
    let defined = |metric: Metric| scores.iter().filter_map(|score| score.value(metric)).collect::<Vec<f64>>();
    let dice = defined(Metric::Dice);
    let empty = scores.iter().filter(|score| score.counts.both_empty()).count();
    let with_surface = scores.iter().filter(|score| score.surface.is_some()).count();
    ClassSummary {
        class: scores[0].class.clone(),
        dice: mean(&dice),
        dice_sd: sample_sd(&dice),
        nsd: mean(&defined(Metric::Nsd)),
        hd95_mm: mean(&defined(Metric::Hd95)),
        assd_mm: mean(&defined(Metric::Assd)),
        cases: dice.len(),
        empty,
        missed: scores.len() - empty - with_surface,
    }
}

fn foreground_dice(classes: &BTreeMap<u64, ClassSummary>) -> Option<f64> {
    mean(&classes.values().filter_map(|class| class.dice).collect::<Vec<_>>())
}

impl ConfigurationSeed {
    /// Its name in a table; empty for a folder of predictions.
    fn name(&self) -> String {
        let Self { configuration, seed } = self;
        if configuration.is_empty() { String::new() } else { format!("{configuration} seed {seed}") }
    }
}

impl Summary {
    /// Mean foreground Dice: the mean over cases, then over classes, then over configurations and seeds. Returns `None`
    /// if no Dice is defined.
    pub fn mean_foreground_dice(&self) -> Option<f64> {
        mean(&self.configurations.values().filter_map(foreground_dice).collect::<Vec<_>>())
    }

    /// The summary as text in columns. The tolerance is that of the normalised surface Dice.
    pub fn table(&self, tolerance_mm: f64) -> String {
        let names = || self.configurations.keys().map(ConfigurationSeed::name);
        let width = names().map(|name| name.chars().count()).max().unwrap_or(0).max("configuration".len()) + 2;
        let [dice, nsd, hd95, assd] =
            [Metric::Dice, Metric::Nsd, Metric::Hd95, Metric::Assd].map(|metric| metric.title(tolerance_mm));
        let heads = [&dice, "SD", &nsd, &hd95, &assd, "cases", "empty", "missed"];
        let mut text = String::new();
        let mut line = |name: &str, class: &str, cells: &[&str]| {
            let _ = write!(text, "{name:<width$}{class:<16}");
            for (cell, head) in cells.iter().zip(heads) {
                let width = (head.chars().count() + 2).max(8);
                let _ = write!(text, "{cell:>width$}");
            }
            text.push('\n');
        };
        line("configuration", "class", &heads);
        let ratio = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        let distance = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        for (key, classes) in &self.configurations {
            let name = key.name();
            for class in classes.values() {
                let ratios = [class.dice, class.dice_sd, class.nsd].map(ratio);
                let distances = [class.hd95_mm, class.assd_mm].map(distance);
                let counts = [class.cases, class.empty, class.missed].map(|count| count.to_string());
                let cells: Vec<&str> = ratios.iter().chain(&distances).chain(&counts).map(String::as_str).collect();
                line(&name, &class.class, &cells);
            }
            line(&name, "mean foreground", &[&ratio(foreground_dice(classes))]);
        }
        text.truncate(text.trim_end().len());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::CaseId;
    use crate::evaluate::counts::Counts;
    use crate::evaluate::scores::ScoredNetwork;
    use crate::evaluate::surface::Surface;

    fn score(case: &str, label: u64, true_positives: u64, wrong: u64) -> Score {
        let network = ScoredNetwork { run: "r".to_owned(), configuration: "2d".to_owned(), fold: 0, seed: 1 };
        let counts = Counts { true_positives, false_positives: wrong, false_negatives: wrong };
        let surface = (true_positives > 0).then_some(Surface { hd95: 2.0, assd: 1.0, nsd: 0.5 });
        Score { network, case: CaseId(case.to_owned()), label, class: format!("class {label}"), counts, surface }
    }

    #[test]
    fn dice_is_averaged_over_cases_then_classes_and_empty_cases_are_counted_separately() {
        let scores = [score("a", 1, 1, 0), score("b", 1, 1, 1), score("a", 2, 0, 0), score("b", 2, 0, 1)];
        let summary = summarize(&scores);
        let classes = summary.configurations.values().next().unwrap();
        assert_eq!((classes[&1].dice, classes[&1].cases, classes[&1].empty), (Some(0.75), 2, 0));
        assert_eq!((classes[&2].dice, classes[&2].cases, classes[&2].empty), (Some(0.0), 1, 1));
        assert_eq!((classes[&1].hd95_mm, classes[&1].nsd, classes[&1].missed), (Some(2.0), Some(0.5), 0));
        assert_eq!((classes[&2].hd95_mm, classes[&2].nsd, classes[&2].missed), (None, Some(0.0), 1));
        assert!((classes[&1].dice_sd.unwrap() - 0.125_f64.sqrt()).abs() < 1e-12);
        assert_eq!(summary.mean_foreground_dice(), Some(0.375));
    }

    #[test]
    fn the_table_marks_undefined_values_and_states_units_and_tolerance() {
        let table = summarize(&[score("a", 1, 0, 0)]).table(1.0);
        assert_eq!(
            table,
            "configuration  class               Dice      SD  NSD (1 mm)  HD95 (mm)  ASSD (mm)   cases   empty  missed\n\
             2d seed 1      class 1                -       -           -          -          -       0       1       0\n\
             2d seed 1      mean foreground        -"
        );
    }
}
