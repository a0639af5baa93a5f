//! The lines of a summary as Markdown, CSV, LaTeX and Parquet.
//!
//! Markdown and LaTeX have one table a metric; CSV and Parquet hold all of them, one row a line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use crate::report::scores::{Better, shown};
use crate::report::summary::Line;
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
        spread(line.mean, line.sd),
        line.interval.map_or_else(|| "–".to_owned(), range),
        format!("{}{}", number(line.median), line.quartiles.map_or_else(String::new, |q| format!(" [{}]", range(q)))),
        format!("{} of {}{missing}", line.n, line.planned),
        line.empty_references.to_string(),
        grouped(line.folds, "fold"),
        grouped(line.seeds, "seed"),
    ]
}

/// Mean, and standard deviation where there is one.
fn spread(mean: Option<f64>, sd: Option<f64>) -> String {
    format!("{}{}", number(mean), sd.map_or_else(String::new, |sd| format!(" ± {sd:.3}")))
}

/// The table of one metric in Markdown.
pub fn markdown(lines: &[Line], metric: &str) -> String {
    let mut text = String::new();
    let mut row = |cells: &[String]| {
        let _ =
            writeln!(text, "| {} |", cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | "));
    };
    row(&HEADS.map(str::to_owned));
    row(&HEADS.map(|_| "---".to_owned()));
    for line in lines.iter().filter(|line| line.metric == metric) {
        row(&cells(line));
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
            quote(&line.run),
            quote(&line.configuration),
            line.label.to_string(),
            quote(&line.class),
            quote(&line.metric),
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

/// Rows of text as comma-separated values.
pub fn rows_as_csv(rows: &[Vec<String>]) -> String {
    let row = |row: &Vec<String>| row.iter().map(|cell| quote(cell)).collect::<Vec<_>>().join(",") + "\n";
    rows.iter().map(row).collect()
}

/// A cell, in quotation marks where it needs them. Source: RFC 4180.
fn quote(cell: &str) -> String {
    if cell.contains([',', '"', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
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

/// The table of one metric in LaTeX: booktabs; where several are compared, the best mean of a class is bold and the second
/// underlined.
pub fn latex(lines: &[Line], metric: &str) -> String {
    let lines: Vec<&Line> = lines.iter().filter(|line| line.metric == metric).collect();
    let ranks = ranks(&lines, Better::of(metric));
    let mut text = String::from("% Needs \\usepackage{booktabs}.\n\\begin{tabular}{lllrrrrrrr}\n\\toprule\n");
    let heads = [
        "Run",
        "Configuration",
        "Class",
        "Mean $\\pm$ SD",
        "95\\,\\% interval",
        "Median [quartiles]",
        "$n$",
        "Empty",
        "SD (folds)",
        "SD (seeds)",
    ];
    let _ = writeln!(text, "{} \\\\\n\\midrule", heads.join(" & "));
    for (line, rank) in lines.iter().zip(ranks) {
        let mut cells = cells(line).map(|cell| escape(&cell));
        for number in &mut cells[3..6] {
            // A hyphen is no minus.
            if number != "--" {
                *number = number.replace('-', "$-$");
            }
        }
        cells[3] = match rank {
            Some(0) => format!("\\textbf{{{}}}", cells[3]),
            Some(1) => format!("\\underline{{{}}}", cells[3]),
            _ => cells[3].clone(),
        };
        let _ = writeln!(text, "{} \\\\", cells.join(" & "));
    }
    let _ = write!(
        text,
        "\\bottomrule\n\\end{{tabular}}\n% {}: over cases; 95 % bootstrap interval of the mean, 2000 resamples of the cases.\n",
        shown(metric)
    );
    text
}

/// Place of each line's mean among those of the same class, best first; none where there is nothing to compare.
fn ranks(lines: &[&Line], better: Better) -> Vec<Option<usize>> {
    let mut classes = BTreeMap::<&str, Vec<f64>>::new();
    for line in lines {
        classes.entry(&line.class).or_default().extend(line.mean.map(|mean| better.merit(mean)));
    }
    let rank = |line: &&Line| {
        let merits = classes.get(line.class.as_str()).filter(|merits| merits.len() > 1)?;
        let own = better.merit(line.mean?);
        Some(merits.iter().filter(|&&merit| merit > own).count())
    };
    lines.iter().map(rank).collect()
}

/// Text that LaTeX takes as it is.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '~' => escaped.push_str("\\textasciitilde{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '\\' => escaped.push_str("\\textbackslash{}"),
            '±' => escaped.push_str("$\\pm$"),
            '–' => escaped.push_str("--"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(run: &str, class: &str, mean: f64) -> Line {
        Line {
            run: run.to_owned(),
            configuration: "3d_fullres".to_owned(),
            label: 1,
            class: class.to_owned(),
            metric: "dice".to_owned(),
            n: 6,
            planned: 8,
            missing: 2,
            empty_references: 1,
            mean: Some(mean),
            sd: Some(0.02),
            median: Some(mean),
            quartiles: Some((mean - 0.1, mean + 0.1)),
            interval: Some((mean - 0.05, mean + 0.05)),
            folds: (Some(0.01), 2),
            seeds: (None, 1),
        }
    }

    /// What LaTeX would stumble over: braces that do not match, rows of other lengths, an open environment.
    fn faults(text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let text = text.lines().filter(|line| !line.starts_with('%')).collect::<Vec<_>>().join("\n");
        let plain = text.replace("\\{", "").replace("\\}", "").replace("\\&", "");
        let depths = plain.chars().scan(0_i32, |depth, letter| {
            *depth += i32::from(letter == '{') - i32::from(letter == '}');
            Some(*depth)
        });
        let depths: Vec<i32> = depths.collect();
        if depths.iter().any(|&depth| depth < 0) {
            faults.push("a brace is closed that was not opened".to_owned());
        }
        if let Some(&open) = depths.last().filter(|&&depth| depth != 0) {
            faults.push(format!("{open} braces are left open"));
        }
        if (plain.matches('$').count() - plain.matches("\\$").count()) % 2 == 1 {
            faults.push("an odd number of dollars".to_owned());
        }
        let rows: Vec<&str> = plain.lines().filter(|line| line.ends_with("\\\\")).collect();
        faults.extend(rows.iter().filter(|row| row.matches('&').count() != 9).map(|row| format!("columns: {row}")));
        for environment in ["toprule", "midrule", "bottomrule", "begin{tabular}", "end{tabular}"] {
            if plain.matches(&format!("\\{environment}")).count() != 1 {
                faults.push(format!("`{environment}` is not there once"));
            }
        }
        if let Some(at) = plain.match_indices(['_', '#', '%']).find(|(at, _)| !plain[..*at].ends_with('\\')) {
            faults.push(format!("unescaped `{}`", at.1));
        }
        faults
    }

    #[test]
    fn latex_tables_are_well_formed_whatever_the_names() {
        let odd = r"50% {odd} \ names & more_#1 $~^";
        let text = latex(&[line("a", odd, 0.8), line("b_c", odd, 0.9)], "dice");
        assert_eq!(faults(&text), Vec::<String>::new(), "{text}");
        assert_eq!(
            faults(&text.replacen("\\textbf{", "", 1)),
            ["a brace is closed that was not opened", "-1 braces are left open"]
        );
    }

    #[test]
    fn the_best_mean_is_bold_and_the_second_underlined_only_where_there_are_several() {
        let text = latex(&[line("a", "x", 0.8), line("b", "x", 0.9), line("c", "x", 0.7), line("a", "y", 0.5)], "dice");
        assert_eq!(text.matches("\\textbf{0.900").count(), 1);
        assert_eq!(text.matches("\\underline{0.800").count(), 1);
        assert_eq!(text.matches("\\textbf").count() + text.matches("\\underline").count(), 2);
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
