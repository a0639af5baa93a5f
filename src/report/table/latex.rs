//! LaTeX with booktabs: a `tabular` for `\input`. The best value is bold, the second underlined; notes are comments.

use std::fmt::Write as _;

use crate::report::table::data::{Alignment, Cell, Column, Rank, Table};
use crate::report::table::writer::{Purpose, Write, Writer};

pub(super) const WRITER: Writer = Writer {
    name: "tex",
    help: "LaTeX, for the booktabs package",
    purpose: Purpose::Paper,
    write: Write::Text(render),
};

/// Small enough for all columns to fit on a page.
const SMALL: &str = "{\\scriptsize\\setlength{\\tabcolsep}{3pt}%\n";
/// Heads longer than this are set in two lines, letters.
const MAX_HEAD: usize = 9;

fn render(table: &Table) -> String {
    let omitted = table.omitted_columns();
    let kept: Vec<usize> = (0..table.columns.len()).filter(|column| !omitted.contains(column)).collect();
    let alignment = |&column: &usize| match table.columns[column].alignment {
        Alignment::Left => 'l',
        Alignment::Right => 'r',
    };
    let alignments: String = kept.iter().map(alignment).collect();
    let heads: Vec<String> = kept.iter().map(|&column| head(&table.columns[column].head)).collect();
    let mut latex = format!(
        "% Needs \\usepackage{{booktabs}}.\n{SMALL}\\begin{{tabular}}{{{alignments}}}\n\\toprule\n{} \\\\\n\\midrule\n",
        heads.join(" & ")
    );
    for (at, row) in table.rows.iter().enumerate() {
        if table.starts_group(at) {
            latex.push_str("\\addlinespace\n");
        }
        let cells: Vec<String> = kept.iter().map(|&column| cell(&table.columns[column], &row[column])).collect();
        let _ = writeln!(latex, "{} \\\\", cells.join(" & "));
    }
    latex.push_str("\\bottomrule\n\\end{tabular}}\n");
    comments(table, &omitted, &mut latex);
    latex
}

fn comments(table: &Table, omitted: &[usize], latex: &mut String) {
    for note in table.description.lines().chain(table.notes.iter().map(String::as_str)) {
        let _ = writeln!(latex, "% {note}");
    }
    if table.rows.iter().flatten().any(|cell| cell.rank.is_some()) {
        latex.push_str("% Bold: best; underlined: second best.\n");
    }
    for &column in omitted {
        let _ = writeln!(latex, "% {}: {} in every row.", table.columns[column].head, table.rows[0][column].shown);
    }
}

/// A head, in two lines if it is long, so that its column is no wider than its numbers.
fn head(head: &str) -> String {
    let middle = head.len() / 2;
    let spaces = head.match_indices(' ').map(|(at, _)| at);
    match spaces.min_by_key(|at| at.abs_diff(middle)).filter(|_| head.len() > MAX_HEAD) {
        Some(at) => format!("\\shortstack{{{}\\\\{}}}", escape(&head[..at]), escape(&head[at + 1..])),
        None => escape(head),
    }
}

fn cell(column: &Column, cell: &Cell) -> String {
    let escaped = escape(&cell.shown);
    let text = match column.alignment {
        Alignment::Left => escaped,
        Alignment::Right => with_signs(&escaped),
    };
    match cell.rank {
        Some(Rank::Best) => format!("\\textbf{{{text}}}"),
        Some(Rank::Second) => format!("\\underline{{{text}}}"),
        None => text,
    }
}

/// Numbers whose signs are those of mathematics: a hyphen is not a minus.
fn with_signs(text: &str) -> String {
    let mut signed = String::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '+' | '-' if letters.peek().is_some_and(char::is_ascii_digit) => {
                let _ = write!(signed, "${letter}$");
            }
            _ => signed.push(letter),
        }
    }
    signed
}

/// Text that LaTeX prints as it is.
fn escape(text: &str) -> String {
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

    fn table(rows: Vec<[Cell; 3]>) -> Table {
        let columns = vec![
            Column::words("run", "run").omitted_if_constant(),
            Column::words("class", "class"),
            Column::numbers("dice", "mean Dice"),
        ];
        Table { rows: rows.into_iter().map(Vec::from).collect(), ..Table::new("dice", "Dice", columns) }
    }

    fn row(run: &str, class: &str, dice: f64, rank: Option<Rank>) -> [Cell; 3] {
        [Cell::text(run), Cell::text(class), Cell::number(Some(dice), 3).ranked(rank)]
    }

    /// Errors that LaTeX would report: unbalanced braces, rows of different lengths, an open environment, unescaped letters.
    fn errors(latex: &str) -> Vec<String> {
        let mut errors = Vec::new();
        let latex = latex.lines().filter(|line| !line.starts_with('%')).collect::<Vec<_>>().join("\n");
        let plain = latex.replace("\\{", "").replace("\\}", "").replace("\\&", "").replace("pt}%\n", "pt}\n");
        let depths: Vec<i32> = plain
            .chars()
            .scan(0_i32, |depth, letter| {
                *depth += i32::from(letter == '{') - i32::from(letter == '}');
                Some(*depth)
            })
            .collect();
        if depths.iter().any(|&depth| depth < 0) {
            errors.push("a brace is closed that was not opened".to_owned());
        }
        if let Some(&open) = depths.last().filter(|&&depth| depth != 0) {
            errors.push(format!("{open} braces are left open"));
        }
        if (plain.matches('$').count() - plain.matches("\\$").count()) % 2 == 1 {
            errors.push("an odd number of dollar signs".to_owned());
        }
        let alignment = plain.split_once("\\begin{tabular}{").and_then(|(_, rest)| rest.split_once('}'));
        let columns = alignment.map_or(0, |(alignment, _)| alignment.len());
        let rows = plain.lines().filter(|line| line.ends_with("\\\\"));
        errors.extend(
            rows.filter(|row| row.matches('&').count() + 1 != columns).map(|row| format!("number of columns: {row}")),
        );
        for command in ["toprule", "midrule", "bottomrule", "begin{tabular}", "end{tabular}"] {
            if plain.matches(&format!("\\{command}")).count() != 1 {
                errors.push(format!("`{command}` does not occur exactly once"));
            }
        }
        if let Some(at) = plain.match_indices(['_', '#', '%']).find(|(at, _)| !plain[..*at].ends_with('\\')) {
            errors.push(format!("unescaped `{}`", at.1));
        }
        errors
    }

    #[test]
    fn any_name_gives_well_formed_latex() {
        let odd = r"50% {odd} \ names & more_#1 $~^";
        let latex = render(&table(vec![row("a", odd, 0.8, None), row("b_c", odd, -0.9, Some(Rank::Best))]));
        assert_eq!(errors(&latex), Vec::<String>::new(), "{latex}");
        assert_eq!(
            errors(&latex.replacen("\\textbf{", "", 1)),
            ["a brace is closed that was not opened", "-1 braces are left open"]
        );
    }

    #[test]
    fn the_best_value_is_bold_and_the_second_underlined() {
        let latex = render(&table(vec![row("a", "x", 0.8, Some(Rank::Second)), row("b", "x", 0.9, Some(Rank::Best))]));
        assert!(latex.contains("a & x & \\underline{0.800} \\\\\nb & x & \\textbf{0.900} \\\\"), "{latex}");
    }

    #[test]
    fn a_column_with_one_value_is_noted_instead_of_printed() {
        let latex = render(&table(vec![row("a", "x", 0.8, None), row("a", "y", 0.9, None)]));
        assert!(latex.contains("{lr}") && latex.contains("% run: a in every row."), "{latex}");
    }

    #[test]
    fn groups_are_separated_by_space() {
        let mut grouped = table(vec![row("a", "x", 0.8, None), row("a", "y", 0.9, None), row("b", "x", 0.7, None)]);
        grouped.grouped_by = Some(0);
        assert!(render(&grouped).contains("\\addlinespace\nb & x"));
    }

    #[test]
    fn signs_of_numbers_are_set_as_mathematics() {
        assert_eq!(with_signs("-0.5 to +0.1"), "$-$0.5 to $+$0.1");
        assert_eq!(with_signs("--"), "--");
    }
}
