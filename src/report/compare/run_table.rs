//! Runs side by side: a line for each run and configuration, with the keys in which their plans differ and one metric.
//!
//! Input: plans, each with the record of its run where it was run. Output: rows, and notes of everything that is missing.
//! Nothing is averaged over silently: how many of the planned cases a line is of stands in it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::plan::compare::{Change, changed_keys};
use crate::plan::name::short_keys;
use crate::report::record::scores::{Better, shown};
use crate::report::record::{Planned, Record};
use crate::report::statistics::numbers::mean;
use crate::report::statistics::summary::case_values;
use crate::report::table::latex::escape;
use crate::report::table::scores::number;
use crate::store::rows::{rows_as_csv, rows_as_markdown, rows_as_text};
use crate::units::counted;

/// Keys that are no part of what is compared.
const NOT_COMPARED: [&str; 3] = ["name", "schema", "runtime"];

/// A plan, and its run where there is one.
#[derive(Clone, Debug)]
pub struct Compared {
    /// Name of the experiment.
    pub name: String,
    /// Its plan with every key written out, as TOML.
    pub resolved: String,
    /// What its run folder says; none where it was never run.
    pub record: Option<Record>,
}

/// One configuration of one run, or an ensemble of two.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// Name of the experiment.
    pub run: String,
    /// Configuration; none of a plan that was never run.
    pub configuration: Option<String>,
    /// The keys in which the plans differ, with their values; none where a plan has no such key.
    pub keys: BTreeMap<String, Option<String>>,
    /// Mean over classes of the mean over cases; none where a class has none.
    pub mean: Option<f64>,
    /// Mean over cases of each class.
    pub classes: BTreeMap<String, Option<f64>>,
    /// Cases with a score by every seed.
    pub scored: usize,
    /// Held-out cases of the planned folds.
    pub planned: usize,
    /// Seeds of the plan.
    pub seeds: usize,
    #[serde(skip)]
    cases: BTreeSet<String>,
}

/// A table of runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SideBySide {
    /// The metric.
    pub metric: String,
    /// Keys in which the plans differ.
    pub keys: Vec<String>,
    /// Classes, each once.
    pub classes: Vec<String>,
    /// One line a run and configuration.
    pub lines: Vec<Line>,
    /// What is missing or has to be known, a sentence each.
    pub notes: Vec<String>,
}

impl SideBySide {
    /// The table of some runs by one metric.
    ///
    /// # Errors
    ///
    /// The metrics that the runs do have, where none has this one.
    pub fn of(runs: &[Compared], metric: &str) -> Result<Self, Vec<String>> {
        let known: BTreeSet<&String> = records(runs).flat_map(|record| &record.scores.metrics).collect();
        if !known.is_empty() && !known.iter().any(|name| *name == metric) {
            return Err(known.into_iter().cloned().collect());
        }
        let mut classes: Vec<String> = Vec::new();
        for name in records(runs).flat_map(|record| record.plan.data.labels.values()) {
            if !classes.contains(name) {
                classes.push(name.clone());
            }
        }
        let differing = differing(runs);
        let keys: Vec<String> = differing.keys().cloned().collect();
        let mut table = Self { metric: metric.to_owned(), keys, classes, lines: Vec::new(), notes: Vec::new() };
        for (at, run) in runs.iter().enumerate() {
            let own: BTreeMap<String, Option<String>> =
                differing.iter().map(|(key, values)| (key.clone(), values[at].clone())).collect();
            table.add(run, &own);
        }
        table.say_what_limits_it(runs);
        Ok(table)
    }

    fn add(&mut self, run: &Compared, keys: &BTreeMap<String, Option<String>>) {
        let empty = Line {
            run: run.name.clone(),
            configuration: None,
            keys: keys.clone(),
            mean: None,
            classes: BTreeMap::new(),
            scored: 0,
            planned: 0,
            seeds: 0,
            cases: BTreeSet::new(),
        };
        let Some(record) = &run.record else {
            self.notes.push(format!("{}: it was never run.", run.name));
            self.lines.push(empty);
            return;
        };
        let lost = |network: &&Planned| network.state.evaluated.is_none();
        for Planned { configuration, seed, fold, .. } in record.networks.iter().filter(lost) {
            self.notes.push(format!("{}: {configuration} fold {fold} seed {seed} has no scores.", run.name));
        }
        for name in record.systems() {
            let name = name.as_str();
            let mut line = Line { configuration: Some(name.to_owned()), ..empty.clone() };
            line.seeds = record.plan.run.seeds.len();
            line.cases = whole_cases(record, name);
            (line.scored, line.planned) = (line.cases.len(), record.held_out().count());
            let place = record.scores.metrics.iter().position(|known| *known == self.metric);
            for (&label, class) in &record.plan.data.labels {
                let values = place.map(|place| case_values(record, name, label, place)).unwrap_or_default();
                let values: Vec<f64> =
                    values.into_iter().filter(|(case, _)| line.cases.contains(case)).map(|(_, value)| value).collect();
                if values.len() < line.scored {
                    self.notes.push(format!(
                        "{} {name}: {} of {class} is not defined in {} of {}; its mean is of the others.",
                        run.name,
                        shown(&self.metric),
                        line.scored - values.len(),
                        counted(line.scored, "case")
                    ));
                }
                line.classes.insert(class.clone(), mean(&values));
            }
            let means: Option<Vec<f64>> = line.classes.values().copied().collect();
            line.mean = means.and_then(|means| mean(&means));
            self.lines.push(line);
        }
    }

    fn say_what_limits_it(&mut self, runs: &[Compared]) {
        let mut sets = self.lines.iter().filter(|line| line.scored > 0).map(|line| &line.cases);
        if let Some(first) = sets.next()
            && sets.any(|other| other != first)
        {
            self.notes
                .push("The lines are not of the same cases: their means do not compare like with like.".to_owned());
        }
        let single: Vec<&str> = runs
            .iter()
            .filter(|run| run.record.as_ref().is_some_and(|record| record.plan.run.seeds.len() == 1))
            .map(|run| run.name.as_str())
            .collect();
        if !single.is_empty() {
            let whose = if single.len() == records(runs).count() {
                String::new()
            } else {
                format!(" of {}", single.join(", "))
            };
            self.notes.push(format!(
                "One seed only{whose}: a difference may be due to chance in training, of which a single run says nothing."
            ));
        }
    }

    /// The place of the best mean; none where the lines are not of the same cases, or there are fewer than two.
    fn best(&self) -> Option<usize> {
        let better = Better::of(&self.metric);
        let scored: Vec<(usize, &Line)> =
            self.lines.iter().enumerate().filter(|(_, line)| line.mean.is_some()).collect();
        let (_, first) = scored.first()?;
        if scored.len() < 2 || scored.iter().any(|(_, line)| line.cases != first.cases) {
            return None;
        }
        let merit = |line: &Line| line.mean.map_or(f64::NEG_INFINITY, |mean| better.merit(mean));
        scored.into_iter().max_by(|(_, one), (_, two)| merit(one).total_cmp(&merit(two))).map(|(place, _)| place)
    }

    /// Rows of cells, the head first; `shown` writes a number.
    fn rows(&self, shown_number: &dyn Fn(Option<f64>) -> String) -> Vec<Vec<String>> {
        let keys: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        let mut head = vec!["run".to_owned()];
        head.extend(short_keys(&keys));
        head.extend(["configuration".to_owned(), format!("{} (mean)", shown(&self.metric))]);
        head.extend(self.classes.iter().cloned());
        head.extend(["cases".to_owned(), "seeds".to_owned()]);
        let or_dash = |value: &Option<String>| value.clone().unwrap_or_else(|| "–".to_owned());
        let row = |line: &Line| {
            let mut row = vec![line.run.clone()];
            row.extend(self.keys.iter().map(|key| or_dash(line.keys.get(key).unwrap_or(&None))));
            row.extend([or_dash(&line.configuration), shown_number(line.mean)]);
            row.extend(self.classes.iter().map(|class| shown_number(line.classes.get(class).copied().flatten())));
            row.extend(match &line.configuration {
                Some(_) => [format!("{} of {}", line.scored, line.planned), line.seeds.to_string()],
                None => ["not run", "–"].map(str::to_owned),
            });
            row
        };
        std::iter::once(head).chain(self.lines.iter().map(row)).collect()
    }

    /// The column of the means.
    fn mean_column(&self) -> usize {
        self.keys.len() + 2
    }

    /// The notes, a line each.
    fn notes_behind(&self, mark: &str) -> String {
        self.notes.iter().map(|note| [mark, note, "\n"].concat()).collect()
    }

    /// For a terminal; the best mean has a star.
    pub fn text(&self) -> String {
        let mut rows = self.rows(&number);
        if let Some(best) = self.best() {
            rows[best + 1][self.mean_column()].push_str(" *");
        }
        format!("{}{}", rows_as_text(&rows), self.notes_behind("note: "))
    }

    /// Markdown; the best mean is bold.
    pub fn markdown(&self) -> String {
        let mut rows = self.rows(&number);
        if let Some(best) = self.best() {
            let cell = &mut rows[best + 1][self.mean_column()];
            *cell = format!("**{cell}**");
        }
        format!("{}\n{}", rows_as_markdown(&rows), self.notes_behind("* "))
    }

    /// Comma-separated values at full precision, without the notes.
    pub fn csv(&self) -> String {
        rows_as_csv(&self.rows(&|value| value.map_or_else(String::new, |value| value.to_string())))
    }

    /// LaTeX with booktabs; the best mean is bold, and the notes are comments.
    pub fn latex(&self) -> String {
        let mut rows: Vec<Vec<String>> =
            self.rows(&number).into_iter().map(|row| row.iter().map(|cell| escape(cell)).collect()).collect();
        if let Some(best) = self.best() {
            let cell = &mut rows[best + 1][self.mean_column()];
            *cell = format!("\\textbf{{{cell}}}");
        }
        let line = |row: &Vec<String>| format!("{} \\\\\n", row.join(" & "));
        let columns = format!("{}{}", "l".repeat(self.mean_column()), "r".repeat(self.classes.len() + 3));
        let body = rows[1..].iter().map(line).collect::<Vec<_>>().concat();
        let notes = self.notes_behind("% ");
        format!(
            "% Needs \\usepackage{{booktabs}}.\n\\begin{{tabular}}{{{columns}}}\n\\toprule\n{}\\midrule\n{body}\
             \\bottomrule\n\\end{{tabular}}\n{notes}",
            line(&rows[0])
        )
    }
}

fn records(runs: &[Compared]) -> impl Iterator<Item = &Record> {
    runs.iter().filter_map(|run| run.record.as_ref())
}

/// The keys in which some plans differ, each with the value of every plan.
fn differing(runs: &[Compared]) -> BTreeMap<String, Vec<Option<String>>> {
    let Some((first, others)) = runs.split_first() else { return BTreeMap::new() };
    let is_compared = |change: &Change| {
        let table = change.key.split('.').next().unwrap_or_default();
        !NOT_COMPARED.contains(&table)
    };
    let mut values = BTreeMap::<String, Vec<Option<String>>>::new();
    for (at, other) in others.iter().enumerate() {
        for change in changed_keys(&first.resolved, &other.resolved).into_iter().filter(is_compared) {
            // Until it is seen to differ, a plan has the first one's value.
            let all = values.entry(change.key).or_insert_with(|| vec![change.from; runs.len()]);
            all[at + 1] = change.to;
        }
    }
    values
}

/// Held-out cases of the planned folds that every seed of a configuration has a score of.
fn whole_cases(record: &Record, configuration: &str) -> BTreeSet<String> {
    let mut seeds = BTreeMap::<&str, BTreeSet<u64>>::new();
    for row in record.scores.rows.iter().filter(|row| row.configuration == configuration) {
        seeds.entry(&row.case).or_default().insert(row.seed);
    }
    let all = record.plan.run.seeds.len();
    let whole = |case: &&str| seeds.get(case).is_some_and(|seeds| seeds.len() == all);
    record.held_out().map(|(_, case)| case).filter(whole).map(str::to_owned).collect()
}
