//! `index.html`: a self-contained page that loads nothing. Style and script are in `page.css` and `page.js`.

use std::fmt::Write as _;

use crate::report::figure::output::Figure;
use crate::report::page::data::script_data;
use crate::report::page::section::{Report, Section};
use crate::report::record::RunRecord;
use crate::report::table::Table;
use crate::report::table::html::{escape, render};
use crate::units::counted;

const NAVIGATION: &str = "<nav><a href=\"#results\">Results</a><a href=\"#curves\">Training</a><a href=\"#cases\">Cases</a>\
                          <a href=\"#figures\">Figures</a><a href=\"#methods\">Methods</a><a href=\"#plan\">Plan and \
                          manifest</a></nav>\n";

/// The page of a report.
pub(crate) fn write_html(report: &Report<'_>) -> String {
    let title = escape(&report.title());
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title} · segplan report</title>\n<link rel=\"icon\" \
         href=\"data:,\">\n<style>\n{}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{NAVIGATION}",
        include_str!("page.css"),
    );
    write_notes(&mut html, &report.sections);
    for section in &report.sections {
        write_facts(&mut html, section.record, report.sections.len() > 1);
    }
    write_results(&mut html, report);
    html.push_str("<h2 id=\"curves\" class=\"screen\">Training</h2>\n");
    for (at, section) in report.sections.iter().enumerate() {
        write_curves(&mut html, at, section);
    }
    html.push_str("<h2 id=\"cases\" class=\"screen\">Cases</h2>\n");
    for (at, section) in report.sections.iter().enumerate() {
        write_cases(&mut html, at, section);
    }
    html.push_str("<h2 id=\"figures\">Figures</h2>\n");
    for section in &report.sections {
        write_figures(&mut html, section);
    }
    html.push_str("<h2 id=\"methods\">Methods</h2>\n");
    for section in &report.sections {
        let _ = writeln!(html, "<p>{}</p>", escape(&section.methods));
    }
    html.push_str("<h2 id=\"plan\" class=\"screen\">Plan and manifest</h2>\n");
    for section in &report.sections {
        write_texts(&mut html, section.record);
    }
    let _ = write!(
        html,
        "<script type=\"application/json\" id=\"data\">{}</script>\n<script>\n{}</script>\n</body>\n</html>\n",
        script_data(&report.sections),
        include_str!("page.js")
    );
    html
}

fn write_notes(html: &mut String, sections: &[Section<'_>]) {
    html.push_str("<div class=\"notes\"><h2>Notes</h2><ul>\n");
    for section in sections {
        for note in &section.notes {
            let name = if sections.len() > 1 { format!("{}: ", section.name()) } else { String::new() };
            let _ = writeln!(html, "<li>{}</li>", escape(&format!("{name}{note}")));
        }
        if section.notes.is_empty() {
            let _ = writeln!(html, "<li>{}: nothing is missing.</li>", escape(section.name()));
        }
    }
    html.push_str("</ul></div>\n");
}

/// The key facts of a run, with its name if there are several.
fn write_facts(html: &mut String, record: &RunRecord, with_name: bool) {
    let scored = record.networks.iter().filter(|network| network.state.evaluated.is_some()).count();
    let seconds: f64 = record.networks.iter().flat_map(|network| &network.epochs).map(|row| row.seconds).sum();
    let join = |names: Vec<String>| names.join(", ");
    let mut facts = vec![
        ("data set", format!("{}, {}", record.plan.data.dataset, counted(record.plan.data.cases, "case"))),
        ("classes", join(record.plan.data.labels.values().cloned().collect())),
        ("configurations", join(record.configurations().iter().map(ToString::to_string).collect())),
        ("networks", format!("{scored} of {} trained and scored", record.networks.len())),
        ("training time, all networks", format!("{:.1} min", seconds / 60.0)),
    ];
    let best = record.selection.as_ref().and_then(|selection| selection.candidates.first());
    if let (Some(best), Some(name)) = (best, record.selected_model()) {
        facts.push(("selected model", format!("{name}, mean foreground Dice {:.4}", best.mean_foreground_dice)));
    }
    if let Some(manifest) = &record.manifest {
        let processor = manifest.host.processor.as_ref().unwrap_or(&manifest.host.arch);
        facts.push(("device", format!("{} on {processor}", manifest.device)));
        facts.push(("segplan", manifest.version.clone()));
    }
    if with_name {
        let _ = writeln!(html, "<h3>{}</h3>", escape(&record.plan.name));
    }
    html.push_str("<dl class=\"facts\">\n");
    for (name, value) in facts {
        let _ = writeln!(html, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value));
    }
    html.push_str("</dl>\n");
}

fn write_results(html: &mut String, report: &Report<'_>) {
    html.push_str("<h2 id=\"results\">Results</h2>\n");
    if report.scores.is_empty() {
        html.push_str("<p>Nothing has been scored.</p>\n");
    }
    if let Some(first) = report.scores.first() {
        let _ = writeln!(html, "<p>{}</p>", escape(&first.description));
    }
    for (at, table) in report.scores.iter().enumerate() {
        write_table(html, table, "", at == 0);
    }
    for table in &report.comparisons {
        write_table(html, table, &table.description, table.name == "candidates");
    }
}

fn write_table(html: &mut String, table: &Table, description: &str, is_open: bool) {
    let open = if is_open { " open" } else { "" };
    let _ = writeln!(html, "<details class=\"metric\"{open}><summary>{}</summary>", escape(&table.title));
    if !description.is_empty() {
        let _ = writeln!(html, "<p>{}</p>", escape(description));
    }
    html.push_str(&render(table));
    html.push_str("</details>\n");
}

fn write_curves(html: &mut String, at: usize, section: &Section<'_>) {
    let name = escape(section.name());
    if section.record.trained_networks().next().is_none() {
        let _ = writeln!(html, "<p>{name}: no network has been trained.</p>");
        return;
    }
    let _ = write!(
        html,
        "<div class=\"tool curves\" data-run=\"{at}\"><div class=\"controls\"><strong>{name}</strong><label>show <select>\
         <option value=\"smoothed\">loss (smoothed)</option><option value=\"loss\">loss</option>\
         <option value=\"dice\">pseudo Dice of the validation patches</option><option value=\"rate\">learning rate</option></select>\
         </label></div>\n<svg class=\"curve\" viewBox=\"0 0 720 300\" role=\"img\" aria-label=\"training curves of {name}\">\
         </svg>\n<div class=\"values\" aria-live=\"polite\">Hover to read values. Blue: training; orange: validation; one line \
         style per network.</div></div>\n"
    );
}

fn write_cases(html: &mut String, at: usize, section: &Section<'_>) {
    let name = escape(section.name());
    let Some(cases) = &section.cases else {
        let _ = writeln!(html, "<p>{name}: images were excluded from this report (<code>--without-images</code>).</p>");
        return;
    };
    let Some(first) = cases.first() else {
        let _ = writeln!(html, "<p>{name}: no case could be drawn; see the notes.</p>");
        return;
    };
    let _ = write!(
        html,
        "<div class=\"tool cases\" data-run=\"{at}\"><div class=\"controls\"><select aria-label=\"case\">"
    );
    for (index, case) in cases.iter().enumerate() {
        let _ = write!(html, "<option value=\"{index}\">{}</option>", escape(&case.title));
    }
    html.push_str(
        "</select><input type=\"range\" min=\"0\" value=\"0\" aria-label=\"slice\"><output></output></div>\n\
         <svg class=\"slice\" role=\"img\" aria-label=\"slice with outlines\"></svg>\n<div class=\"controls key\">\
         <label><input type=\"checkbox\" name=\"reference\" checked> reference (solid)</label>\
         <label><input type=\"checkbox\" name=\"prediction\" checked> prediction (dotted)</label>",
    );
    for (class, colour) in &first.classes {
        let _ = write!(html, "<span><i style=\"background:{colour}\"></i>{}</span>", escape(class));
    }
    html.push_str("</div></div>\n");
}

/// The figures of a run; those of single trainings are folded.
fn write_figures(html: &mut String, section: &Section<'_>) {
    write_grid(html, section.main_figures());
    if section.single_trainings().next().is_some() {
        let name = escape(section.name());
        let _ = writeln!(html, "<details class=\"single\"><summary>{name}: single trainings</summary>");
        write_grid(html, section.single_trainings());
        html.push_str("</details>\n");
    }
}

fn write_grid<'a>(html: &mut String, figures: impl Iterator<Item = &'a Figure>) {
    html.push_str("<div class=\"figures\">\n");
    for figure in figures {
        let caption = escape(&figure.caption);
        let svg = figure.svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{caption}\" "), 1);
        let _ = writeln!(html, "<figure>{}<figcaption>{caption}</figcaption></figure>", svg.trim());
    }
    html.push_str("</div>\n");
}

/// Plan and manifest of a run, folded.
fn write_texts(html: &mut String, record: &RunRecord) {
    let name = escape(&record.plan.name);
    for (title, text) in [
        ("plan file", &record.plan_text),
        ("resolved plan", &record.resolved_text),
        ("manifest", &record.manifest_text),
    ] {
        let text = escape(&without_data_folder(record, text));
        let _ =
            writeln!(html, "<details class=\"texts\"><summary>{name}: {title}</summary><pre>{text}</pre></details>");
    }
}

/// A text without the path to the data set: it describes one machine and is of no use to readers.
fn without_data_folder(record: &RunRecord, text: &str) -> String {
    let folder = record.manifest.as_ref().map(|manifest| manifest.dataset.folder.as_path());
    match folder.filter(|folder| folder.is_absolute()).and_then(|folder| folder.parent()?.to_str()) {
        Some(parent) if parent.len() > 1 => text.replace(parent, "…"),
        _ => text.to_owned(),
    }
}
