//! The lines of a summary as Markdown, CSV and Parquet.
//!
//! Markdown has one table a metric, as LaTeX has; CSV and Parquet hold all of them, one row a line.

use std::fmt::Write as _;
use std::path::Path;

use crate::report::statistics::summary::Line;
use crate::store::rows::quoted;
use crate::store::table::{Columns, TableError};

/// Heads of the columns of a table of one metric.
pub const HEADS: [&str; 10] = [
    "run",
    "configuration",
    "class",
    "mean ± SD over cases",
    "95 % interval of the mean",
    "median [quartiles]",
    "n of planned",
    "empty references",
    "SD over folds",
    "SD over seeds",
];

/// Marks a mean that leaves out cases that should have a score.
pub const INCOMPLETE: char = '†';
/// What the mark says.
pub const INCOMPLETE_NOTE: &str =
    "† Cases are missing: the mean is over those that are left, and is no result of the plan.";

/// Metrics of some lines, each once, in their order.
pub fn metrics(lines: &[Line]) -> Vec<&str> {
    let mut metrics: Vec<&str> = Vec::new();
    for line in lines {
        if !metrics.contains(&line.metric.as_str()) {
            metrics.push(&line.metric);
        }
    }
    metrics
}

/// A number with as many decimals everywhere.
pub fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

/// The cells of a line, below [`HEADS`].
pub fn cells(line: &Line) -> [String; 10] {
    let range = |(low, high): (f64, f64)| format!("{low:.3} to {high:.3}");
    let grouped = |(sd, groups): (Option<f64>, usize), one: &str| match groups {
        0 => "–".to_owned(),
        1 => format!("one {one}"),
        _ => format!("{} ({groups})", number(sd)),
    };
    let missing = if line.missing > 0 { format!(", {} missing", line.missing) } else { String::new() };
    [
        line.run.clone(),
        line.configuration.clone(),
        line.class.clone(),
        spread(line),
        line.interval.map_or_else(|| "–".to_owned(), range),
        format!("{}{}", number(line.median), line.quartiles.map_or_else(String::new, |q| format!(" [{}]", range(q)))),
        format!("{} of {}{missing}", line.n, line.planned),
        line.empty_references.to_string(),
        grouped(line.folds, "fold"),
        grouped(line.seeds, "seed"),
    ]
}

/// The table of one metric: its heads and rows. Which run a line is of is left out where there is only one.
pub fn table(lines: &[Line], metric: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let several = lines.iter().any(|line| line.run != lines[0].run);
    let kept = |cells: Vec<String>| cells.into_iter().skip(usize::from(!several)).collect();
    let rows = lines.iter().filter(|line| line.metric == metric).map(|line| kept(cells(line).to_vec()));
    (kept(HEADS.map(str::to_owned).to_vec()), rows.collect())
}

/// Mean, standard deviation where there is one, and a mark where cases are missing.
fn spread(line: &Line) -> String {
    let sd = line.sd.map_or_else(String::new, |sd| format!(" ± {sd:.3}"));
    let mark = if line.missing > 0 { format!(" {INCOMPLETE}") } else { String::new() };
    format!("{}{sd}{mark}", number(line.mean))
}

/// The table of one metric in Markdown.
pub fn markdown(lines: &[Line], metric: &str) -> String {
    let mut text = String::new();
    let mut row = |cells: &[String]| {
        let _ =
            writeln!(text, "| {} |", cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "));
    };
    let (heads, rows) = table(lines, metric);
    row(&heads);
    row(&vec!["---".to_owned(); heads.len()]);
    for cells in rows {
        row(&cells);
    }
    if lines.iter().any(|line| line.metric == metric && line.missing > 0) {
        let _ = writeln!(text, "\n{INCOMPLETE_NOTE}");
    }
    text
}

/// All lines as comma-separated values, at full precision; nothing between two commas where a number is not defined.
pub fn csv(lines: &[Line]) -> String {
    let mut text = String::from(
        "run,configuration,label,class,metric,n,planned,missing,empty_references,mean,sd,median,quartile_1,quartile_3,\
         interval_low,interval_high,sd_over_folds,folds,sd_over_seeds,seeds\n",
    );
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for line in lines {
        let (q1, q3) = line.quartiles.unzip();
        let (low, high) = line.interval.unzip();
        let cells = [
            quoted(&line.run),
            quoted(&line.configuration),
            line.label.to_string(),
            quoted(&line.class),
            quoted(&line.metric),
            line.n.to_string(),
            line.planned.to_string(),
            line.missing.to_string(),
            line.empty_references.to_string(),
            number(line.mean),
            number(line.sd),
            number(line.median),
            number(q1),
            number(q3),
            number(low),
            number(high),
            number(line.folds.0),
            line.folds.1.to_string(),
            number(line.seeds.0),
            line.seeds.1.to_string(),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}

/// Writes all lines as Parquet.
///
/// # Errors
///
/// When the file cannot be written.
pub fn parquet(lines: &[Line], path: &Path) -> Result<(), TableError> {
    let texts = |value: fn(&Line) -> &str| lines.iter().map(value);
    let counts = |value: fn(&Line) -> usize| lines.iter().map(move |line| value(line) as u64);
    let numbers = |value: fn(&Line) -> Option<f64>| lines.iter().map(value);
    Columns::default()
        .texts("run", texts(|line| &line.run))
        .texts("configuration", texts(|line| &line.configuration))
        .counts("label", counts(|line| line.label.into()))
        .texts("class", texts(|line| &line.class))
        .texts("metric", texts(|line| &line.metric))
        .counts("n", counts(|line| line.n))
        .counts("planned", counts(|line| line.planned))
        .counts("missing", counts(|line| line.missing))
        .counts("empty_references", counts(|line| line.empty_references))
        .optional_numbers("mean", numbers(|line| line.mean))
        .optional_numbers("sd", numbers(|line| line.sd))
        .optional_numbers("median", numbers(|line| line.median))
        .optional_numbers("quartile_1", numbers(|line| line.quartiles.map(|(first, _)| first)))
        .optional_numbers("quartile_3", numbers(|line| line.quartiles.map(|(_, third)| third)))
        .optional_numbers("interval_low", numbers(|line| line.interval.map(|(low, _)| low)))
        .optional_numbers("interval_high", numbers(|line| line.interval.map(|(_, high)| high)))
        .optional_numbers("sd_over_folds", numbers(|line| line.folds.0))
        .counts("folds", counts(|line| line.folds.1))
        .optional_numbers("sd_over_seeds", numbers(|line| line.seeds.0))
        .counts("seeds", counts(|line| line.seeds.1))
        .write(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::testing::line as whole;

    /// Two of eight cases are missing, and one has no voxel of the label.
    fn line(run: &str, class: &str, mean: f64) -> Line {
        Line { n: 6, missing: 2, empty_references: 1, ..whole(run, class, mean) }
    }

    #[test]
    fn tables_say_how_many_cases_are_missing() {
        let lines = [line("a", "x", 0.8)];
        let table = markdown(&lines, "dice");
        assert!(table.contains("| 6 of 8, 2 missing | 1 | 0.010 (2) | one seed |"), "{table}");
        let csv = csv(&lines);
        let (head, row) = csv.trim_end().split_once('\n').unwrap();
        assert_eq!(head.split(',').count(), row.split(',').count());
    }
}
