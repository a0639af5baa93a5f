//! `report.md`: the report as a git host shows it.

use std::fmt::Write as _;

use crate::report::figure::output::Kind;
use crate::report::page::section::{Report, Section};
use crate::report::table::{Format, Table, Write};

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
    for table in &report.scores {
        write_table(&mut text, "###", table);
    }
    for table in &report.comparisons {
        write_table(&mut text, "##", table);
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

fn write_table(text: &mut String, level: &str, table: &Table) {
    let description = if table.description.is_empty() { String::new() } else { format!("{}\n\n", table.description) };
    let rows = match Format::Markdown.writer().write {
        Write::Text(render) => render(table),
        Write::File(_) => String::new(),
    };
    let _ = write!(text, "\n{level} {}\n\n{description}{rows}", table.title);
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
