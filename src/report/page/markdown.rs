//! `report.md`: the report as a git host shows it.

use std::fmt::Write as _;

use crate::report::figure::output::Kind;
use crate::report::page::section::{Report, Section};
use crate::report::table::markdown::render;

/// The report in Markdown.
pub(crate) fn write_markdown(report: &Report<'_>) -> String {
    let mut text = format!("# {}\n\n", report.title());
    for section in &report.sections {
        for note in &section.notes {
            let _ = writeln!(text, "> **Note**, {}: {note}\n>", section.name());
        }
    }
    text.push_str("\n## Results\n");
    if report.scores.is_empty() {
        text.push_str("\nNothing has been scored.\n");
    }
    if let Some(first) = report.scores.first() {
        let _ = write!(text, "\n{}\n", first.description);
    }
    for table in &report.scores {
        let _ = write!(text, "\n### {}\n\n{}", table.title, render(table));
    }
    for table in &report.comparisons {
        let _ = write!(text, "\n## {}\n\n{}\n\n{}", table.title, table.description, render(table));
    }
    text.push_str("\n## Figures\n\n");
    for section in &report.sections {
        write_figures(&mut text, section);
    }
    text.push_str("## Methods\n\n");
    for section in &report.sections {
        let _ = writeln!(text, "{}\n", section.methods);
    }
    text.push_str(
        "`index.html` is the same report with sortable tables, interactive curves and a slice viewer; `references.bib` lists the \
         cited works.\n",
    );
    text
}

fn write_figures(text: &mut String, section: &Section<'_>) {
    for figure in section.main_figures() {
        // Git hosts do not show images within SVG.
        let ending = if figure.kind == Kind::Slices { "png" } else { "svg" };
        let _ = writeln!(text, "![{0}]({1})\n\n{0}\n", figure.caption, figure.column_file(ending));
    }
    let singles: Vec<String> =
        section.single_trainings().map(|figure| format!("[{}]({})", figure.name, figure.column_file("svg"))).collect();
    if !singles.is_empty() {
        let _ = writeln!(text, "Single trainings of {}: {}.\n", section.name(), singles.join(", "));
    }
}
