//! `report.md`: the report as a git host shows it.

use std::fmt::Write as _;

use crate::report::compare::Comparison;
use crate::report::figure::Kind;
use crate::report::page::html::Section;
use crate::report::record::scores::shown;
use crate::report::statistics::summary::Line;
use crate::report::table::scores as tables;
use crate::store::rows::rows_as_markdown;

/// The report of some runs. `comparisons` are tables of their differences, where there are any.
pub fn markdown(sections: &[Section<'_>], lines: &[Line], comparisons: &[Comparison]) -> String {
    let names: Vec<&str> = sections.iter().map(|section| section.record.plan.name.as_str()).collect();
    let mut text = format!("# {}\n\n", names.join(", "));
    for section in sections {
        for gap in &section.gaps {
            let _ = writeln!(text, "> **Note**, {}: {gap}\n>", section.record.plan.name);
        }
    }
    text.push_str("\n## Results\n");
    for metric in tables::metrics(lines) {
        let _ = write!(text, "\n### {}\n\n{}", shown(metric), tables::markdown(lines, metric));
    }
    if lines.is_empty() {
        text.push_str("\nNothing has been scored.\n");
    }
    for comparison in comparisons {
        let rows = rows_as_markdown(&comparison.rows);
        let _ = write!(
            text,
            "
## {}

{}

{rows}",
            comparison.title, comparison.words
        );
    }
    text.push_str("\n## Figures\n\n");
    for section in sections {
        for figure in section.figures.iter().filter(|figure| figure.kind != Kind::Training) {
            // Hosts of git show drawings, but not the pictures within them.
            let extension = if figure.kind == Kind::Slices { "png" } else { "svg" };
            let _ = writeln!(text, "![{0}](figures/{1}-88mm.{extension})\n\n{0}\n", figure.caption, figure.name);
        }
        let singles: Vec<String> = section
            .figures
            .iter()
            .filter(|figure| figure.kind == Kind::Training)
            .map(|figure| format!("[{0}](figures/{0}-88mm.svg)", figure.name))
            .collect();
        if !singles.is_empty() {
            let name = &section.record.plan.name;
            let _ = writeln!(text, "Each training of {name} by itself: {}.\n", singles.join(", "));
        }
    }
    text.push_str("## Methods\n\n");
    for section in sections {
        let _ = writeln!(text, "{}\n", section.methods);
    }
    text.push_str(
        "The page with sortable tables, curves and slices is `index.html`; works cited are in `references.bib`.\n",
    );
    text
}
