//! Tables in LaTeX, by booktabs: in each column the best number is bold and the second underlined.
//!
//! Input: lines of a summary, or rows of text. Output: a `tabular`, to be taken into a paper by `\input`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::report::record::scores::{Better, shown};
use crate::report::statistics::summary::Line;
use crate::report::table::scores::{INCOMPLETE, cells};

/// Heads of the columns, in the order of [`cells`].
const HEADS: [&str; 10] = [
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
/// What a paper's preamble needs.
const NEEDS: &str = "% Needs \\usepackage{booktabs}.\n";
/// Small enough that all columns stand on a page.
const SMALL: &str = "{\\scriptsize\\setlength{\\tabcolsep}{3pt}%\n";

/// The table of one metric. Where several are compared, the best mean of a class is bold and the second underlined; means over
/// fewer cases than were planned take no part in that. Columns that say the same in every row are left to the text below.
pub fn lines(lines: &[Line], metric: &str) -> String {
    let lines: Vec<&Line> = lines.iter().filter(|line| line.metric == metric).collect();
    let ranks = ranks(&lines, Better::of(metric));
    let rows: Vec<[String; 10]> = lines.iter().map(|line| cells(line)).collect();
    let same = |column: usize| rows.iter().all(|row| row[column] == rows[0][column]);
    // Which run, which configuration, empty references, seeds: where there is only one answer, a note below gives it.
    let noted: Vec<usize> = [0, 1, 7, 9].into_iter().filter(|&column| rows.len() > 1 && same(column)).collect();
    let kept: Vec<usize> = (0..HEADS.len()).filter(|column| !noted.contains(column)).collect();
    let alignment: String = kept.iter().map(|&column| if column < 3 { 'l' } else { 'r' }).collect();
    let heads: Vec<&str> = kept.iter().map(|&column| HEADS[column]).collect();
    let mut text =
        format!("{NEEDS}{SMALL}\\begin{{tabular}}{{{alignment}}}\n\\toprule\n{} \\\\\n\\midrule\n", heads.join(" & "));
    let mut class = None;
    for (line, (row, rank)) in lines.iter().zip(rows.iter().zip(ranks)) {
        if class.is_some_and(|class| class != &line.configuration) {
            text.push_str("\\addlinespace\n");
        }
        class = Some(&line.configuration);
        let cell = |&column: &usize| {
            let cell = escape(&row[column]);
            // A hyphen is no minus.
            let cell = if (3..6).contains(&column) && cell != "--" { cell.replace('-', "$-$") } else { cell };
            if column == 3 { emphasised(cell, rank) } else { cell }
        };
        let _ = writeln!(text, "{} \\\\", kept.iter().map(cell).collect::<Vec<_>>().join(" & "));
    }
    let _ = write!(
        text,
        "\\bottomrule\n\\end{{tabular}}}}\n% {}: over cases; 95 % bootstrap interval of the mean, 2000 resamples of the cases.\n",
        shown(metric)
    );
    for column in noted {
        let _ = writeln!(text, "% {}: {} in every row.", HEADS[column].replace('\\', ""), rows[0][column]);
    }
    if lines.iter().any(|line| line.missing > 0) {
        let _ = writeln!(text, "% {INCOMPLETE}: cases are missing; the mean is over those that are left.");
    }
    text
}

/// Rows of text, the first of which is the head; in the columns `best` the highest number is bold and the second underlined.
pub fn rows(rows: &[Vec<String>], best: &[usize]) -> String {
    let Some((head, body)) = rows.split_first() else { return String::new() };
    let number = |cell: &String| cell.split_whitespace().next().and_then(|word| word.parse::<f64>().ok());
    let numeric = |column: usize| body.iter().all(|row| number(&row[column]).is_some() || row[column] == "–");
    let alignment: String = (0..head.len()).map(|column| if numeric(column) { 'r' } else { 'l' }).collect();
    let heads: Vec<String> = head.iter().map(|cell| stacked(cell)).collect();
    let mut text =
        format!("{NEEDS}{SMALL}\\begin{{tabular}}{{{alignment}}}\n\\toprule\n{} \\\\\n\\midrule\n", heads.join(" & "));
    for row in body {
        let cell = |(column, cell): (usize, &String)| {
            let escaped = escape(cell);
            let escaped = if numeric(column) { escaped.replace('+', "$+$") } else { escaped };
            let escaped = match escaped.strip_prefix('-') {
                Some(rest) if numeric(column) && rest != "-" => format!("$-${rest}"),
                _ => escaped,
            };
            if !best.contains(&column) || body.len() < 2 {
                return escaped;
            }
            let above =
                |own: f64| body.iter().filter_map(|row| number(&row[column])).filter(|&other| other > own).count();
            emphasised(escaped, number(cell).map(above))
        };
        let cells: Vec<String> = row.iter().enumerate().map(cell).collect();
        let _ = writeln!(text, "{} \\\\", cells.join(" & "));
    }
    text.push_str("\\bottomrule\n\\end{tabular}}\n");
    text
}

/// A head in two lines where it is long, so that its column is no wider than its numbers.
fn stacked(head: &str) -> String {
    let middle = head.len() / 2;
    let spaces = head.match_indices(' ').map(|(at, _)| at);
    match spaces.min_by_key(|at| at.abs_diff(middle)).filter(|_| head.len() > 9) {
        Some(at) => format!("\\shortstack{{{}\\\\{}}}", escape(&head[..at]), escape(&head[at + 1..])),
        None => escape(head),
    }
}

fn emphasised(cell: String, rank: Option<usize>) -> String {
    match rank {
        Some(0) => format!("\\textbf{{{cell}}}"),
        Some(1) => format!("\\underline{{{cell}}}"),
        _ => cell,
    }
}

/// Place of each line's mean among those of the same class, best first; none where there is nothing to compare.
fn ranks(lines: &[&Line], better: Better) -> Vec<Option<usize>> {
    let merit = |line: &Line| line.mean.filter(|_| line.missing == 0).map(|mean| better.merit(mean));
    let mut classes = BTreeMap::<&str, Vec<f64>>::new();
    for line in lines {
        classes.entry(&line.class).or_default().extend(merit(line));
    }
    let rank = |line: &&Line| {
        let merits = classes.get(line.class.as_str()).filter(|merits| merits.len() > 1)?;
        let own = merit(line)?;
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
            '<' => escaped.push_str("$<$"),
            '>' => escaped.push_str("$>$"),
            '±' => escaped.push_str("$\\pm$"),
            '×' => escaped.push_str("$\\times$"),
            '†' => escaped.push_str("\\textsuperscript{\\textdagger}"),
            '–' => escaped.push_str("--"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::table::testing::line;

    /// What LaTeX would stumble over: braces that do not match, rows of other lengths, an open environment.
    fn faults(text: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let text = text.lines().filter(|line| !line.starts_with('%')).collect::<Vec<_>>().join("\n");
        let plain = text.replace("\\{", "").replace("\\}", "").replace("\\&", "").replace("pt}%\n", "pt}\n");
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
        let alignment = plain.split_once("\\begin{tabular}{").and_then(|(_, rest)| rest.split_once('}'));
        let columns = alignment.map_or(0, |(alignment, _)| alignment.len());
        let rows: Vec<&str> = plain.lines().filter(|line| line.ends_with("\\\\")).collect();
        faults.extend(
            rows.iter().filter(|row| row.matches('&').count() + 1 != columns).map(|row| format!("columns: {row}")),
        );
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
    fn tables_are_well_formed_whatever_the_names() {
        let odd = r"50% {odd} \ names & more_#1 $~^";
        let text = lines(&[line("a", odd, 0.8), line("b_c", odd, 0.9)], "dice");
        assert_eq!(faults(&text), Vec::<String>::new(), "{text}");
        assert_eq!(
            faults(&text.replacen("\\textbf{", "", 1)),
            ["a brace is closed that was not opened", "-1 braces are left open"]
        );
        let text = rows(&[vec!["p_1".to_owned(), odd.to_owned()], vec!["< 0.1".to_owned(), "-0.5 †".to_owned()]], &[1]);
        assert_eq!(faults(&text), Vec::<String>::new(), "{text}");
    }

    #[test]
    fn the_best_mean_is_bold_and_the_second_underlined_only_where_there_are_several() {
        let some = [line("a", "x", 0.8), line("b", "x", 0.9), line("c", "x", 0.7), line("a", "y", 0.5)];
        let text = lines(&some, "dice");
        assert_eq!(text.matches("\\textbf{0.900").count(), 1);
        assert_eq!(text.matches("\\underline{0.800").count(), 1);
        assert_eq!(text.matches("\\textbf").count() + text.matches("\\underline").count(), 2);
    }

    #[test]
    fn a_mean_over_what_is_left_wins_nothing() {
        let holes = Line { n: 6, missing: 2, ..line("b", "x", 0.9) };
        let text = lines(&[line("a", "x", 0.8), holes, line("c", "x", 0.7)], "dice");
        assert!(text.contains("\\textbf{0.800") && text.contains("\\underline{0.700"), "{text}");
        assert!(text.contains("& 0.900 $\\pm$ 0.020 \\textsuperscript{\\textdagger} &"), "{text}");
    }

    #[test]
    fn rows_set_off_the_highest_numbers_of_the_columns_that_ask_for_it() {
        let cells = |row: [&str; 2]| row.map(str::to_owned).to_vec();
        let text = rows(&[cells(["name", "Dice"]), cells(["a", "0.8"]), cells(["b", "0.9"])], &[1]);
        assert!(text.contains("a & \\underline{0.8} \\\\\nb & \\textbf{0.9} \\\\"), "{text}");
    }
}
