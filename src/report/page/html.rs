//! `index.html`: one file that holds everything and loads nothing.
//!
//! Input: records, tables, figures, cases. Output: text. Style and script are in `page.css` and `page.js`.

use std::fmt::Write as _;

use serde::Serialize;

use crate::report::compare::Comparison;
use crate::report::figure::slice::cases::Shown;
use crate::report::figure::{Figure, Kind};
use crate::report::record::scores::shown;
use crate::report::record::{Planned, Record};
use crate::report::statistics::summary::Line;
use crate::report::table::scores as tables;
use crate::units::counted;

/// One run on the page.
pub struct Section<'a> {
    /// The run.
    pub record: &'a Record,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// Its best, median and worst cases.
    pub cases: Vec<Shown>,
    /// What it lacks.
    pub gaps: Vec<String>,
    /// Its methods paragraph.
    pub methods: String,
}

/// What the script reads.
#[derive(Serialize)]
struct Data<'a> {
    runs: Vec<RunData<'a>>,
}

#[derive(Serialize)]
struct RunData<'a> {
    networks: Vec<Curves>,
    cases: &'a [Shown],
}

#[derive(Serialize)]
struct Curves {
    name: String,
    train_loss: Vec<f64>,
    validation_loss: Vec<f64>,
    train_ema: Vec<f64>,
    validation_ema: Vec<f64>,
    mean_dice: Vec<Option<f64>>,
    learning_rate: Vec<f64>,
}

/// The page of some runs. `comparisons` are tables of their differences, where there are any.
pub fn page(sections: &[Section<'_>], lines: &[Line], comparisons: &[Comparison]) -> String {
    let names: Vec<&str> = sections.iter().map(|section| section.record.plan.name.as_str()).collect();
    let title = escape(&names.join(", "));
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>{title} · segplan report</title>\n<link rel=\"icon\" \
         href=\"data:,\">\n<style>\n{}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{}",
        include_str!("page.css"),
        "<nav><a href=\"#results\">Results</a><a href=\"#curves\">Training</a><a href=\"#cases\">Cases</a>\
         <a href=\"#figures\">Figures</a><a href=\"#methods\">Methods</a><a href=\"#plan\">Plan and manifest</a></nav>\n"
    );
    notes(&mut html, sections);
    for section in sections {
        facts(&mut html, section.record, sections.len() > 1);
    }
    results(&mut html, lines, comparisons);
    html.push_str("<h2 id=\"curves\" class=\"screen\">Training</h2>\n");
    for (at, section) in sections.iter().enumerate() {
        curves(&mut html, at, section.record);
    }
    html.push_str("<h2 id=\"cases\" class=\"screen\">Cases</h2>\n");
    for (at, section) in sections.iter().enumerate() {
        cases(&mut html, at, section);
    }
    html.push_str("<h2 id=\"figures\">Figures</h2>\n");
    for section in sections {
        figures(&mut html, section);
    }
    html.push_str("<h2 id=\"methods\">Methods</h2>\n");
    for section in sections {
        let _ = writeln!(html, "<p>{}</p>", escape(&section.methods));
    }
    html.push_str("<h2 id=\"plan\" class=\"screen\">Plan and manifest</h2>\n");
    for section in sections {
        record_texts(&mut html, section.record);
    }
    let _ = write!(
        html,
        "<script type=\"application/json\" id=\"data\">{}</script>\n<script>\n{}</script>\n</body>\n</html>\n",
        data(sections),
        include_str!("page.js")
    );
    html
}

/// The figures of a run; those of single trainings are folded up.
fn figures(html: &mut String, section: &Section<'_>) {
    let (single, all): (Vec<&Figure>, Vec<&Figure>) =
        section.figures.iter().partition(|figure| figure.kind == Kind::Training);
    let grid = |html: &mut String, figures: &[&Figure]| {
        html.push_str("<div class=\"figures\">\n");
        for Figure { svg, caption, .. } in figures {
            let caption = escape(caption);
            let svg = svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{caption}\" "), 1);
            let _ = writeln!(html, "<figure>{}<figcaption>{caption}</figcaption></figure>", svg.trim());
        }
        html.push_str("</div>\n");
    };
    grid(html, &all);
    if !single.is_empty() {
        let name = escape(&section.record.plan.name);
        let _ = writeln!(html, "<details class=\"single\"><summary>{name}: each training by itself</summary>");
        grid(html, &single);
        html.push_str("</details>\n");
    }
}

fn notes(html: &mut String, sections: &[Section<'_>]) {
    html.push_str("<div class=\"notes\"><h2>Read this first</h2><ul>\n");
    for section in sections {
        for gap in &section.gaps {
            let name = if sections.len() > 1 { format!("{}: ", section.record.plan.name) } else { String::new() };
            let _ = writeln!(html, "<li>{}</li>", escape(&format!("{name}{gap}")));
        }
        if section.gaps.is_empty() {
            let _ = writeln!(html, "<li>{}: nothing is missing.</li>", escape(&section.record.plan.name));
        }
    }
    html.push_str("</ul></div>\n");
}

/// What a run is; with its name where there are several.
fn facts(html: &mut String, record: &Record, named: bool) {
    let done = record.networks.iter().filter(|network| network.state.evaluated.is_some()).count();
    let seconds: f64 = record.networks.iter().flat_map(|network| &network.epochs).map(|row| row.seconds).sum();
    let list = |values: Vec<String>| values.join(", ");
    let mut facts = vec![
        ("data set", format!("{}, {}", record.plan.data.dataset, counted(record.plan.data.cases, "case"))),
        ("classes", list(record.plan.data.labels.values().cloned().collect())),
        ("configurations", list(record.configurations().iter().map(ToString::to_string).collect())),
        ("networks scored of planned", format!("{done} of {}", record.networks.len())),
        ("training time, all networks", format!("{:.1} min", seconds / 60.0)),
    ];
    let best = record.selection.as_ref().and_then(|selection| selection.candidates.first());
    if let (Some(best), Some(name)) = (best, record.chosen()) {
        facts.push(("chosen candidate", format!("{name}, mean Dice {:.4}", best.mean_foreground_dice)));
    }
    if let Some(manifest) = &record.manifest {
        let processor = manifest.host.processor.clone().unwrap_or_else(|| manifest.host.arch.clone());
        facts.push(("device", format!("{} on {processor}", manifest.device)));
        facts.push(("segplan", manifest.version.clone()));
    }
    if named {
        let _ = writeln!(html, "<h3>{}</h3>", escape(&record.plan.name));
    }
    html.push_str("<dl class=\"facts\">\n");
    for (name, value) in facts {
        let _ = writeln!(html, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value));
    }
    html.push_str("</dl>\n");
}

fn results(html: &mut String, lines: &[Line], comparisons: &[Comparison]) {
    html.push_str("<h2 id=\"results\">Results</h2>\n");
    for (place, metric) in tables::metrics(lines).into_iter().enumerate() {
        let (heads, rows) = tables::table(lines, metric);
        let open = if place == 0 { " open" } else { "" };
        let _ = writeln!(html, "<details class=\"metric\"{open}><summary>{}</summary>", escape(&shown(metric)));
        table(html, &heads, rows.into_iter());
        if lines.iter().any(|line| line.metric == metric && line.missing > 0) {
            let _ = writeln!(html, "<p>{}</p>", tables::INCOMPLETE_NOTE);
        }
        html.push_str("</details>\n");
    }
    for Comparison { name, title, words, rows, .. } in comparisons {
        let open = if *name == "candidates" { " open" } else { "" };
        let _ = writeln!(html, "<details class=\"metric\"{open}><summary>{title}</summary>\n<p>{}</p>", escape(words));
        if let [heads, rows @ ..] = rows.as_slice() {
            table(html, heads, rows.iter().cloned());
        }
        html.push_str("</details>\n");
    }
}

fn table(html: &mut String, heads: &[String], rows: impl Iterator<Item = Vec<String>>) {
    html.push_str("<div class=\"wide\"><table class=\"sortable\"><thead><tr>");
    for head in heads {
        let _ = write!(html, "<th scope=\"col\"><button type=\"button\">{}</button></th>", escape(head));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in rows {
        html.push_str("<tr>");
        for cell in &row {
            let _ = write!(html, "<td>{}</td>", escape(cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
}

fn curves(html: &mut String, at: usize, record: &Record) {
    let name = escape(&record.plan.name);
    if trained(record).next().is_none() {
        let _ = writeln!(html, "<p>{name}: no network has been trained.</p>");
        return;
    }
    let _ = write!(
        html,
        "<div class=\"tool curves\" data-run=\"{at}\"><div class=\"controls\"><strong>{name}</strong><label>show <select>\
         <option value=\"smoothed\">smoothed losses</option><option value=\"loss\">losses</option>\
         <option value=\"dice\">pseudo Dice of validation patches</option><option value=\"rate\">learning rate</option></select>\
         </label></div>\n<svg class=\"curve\" viewBox=\"0 0 720 300\" role=\"img\" aria-label=\"training curves of {name}\">\
         </svg>\n<div class=\"values\" aria-live=\"polite\">Point at an epoch to read its values. Blue is training, orange is \
         validation; each line style is a network.</div></div>\n"
    );
}

fn trained(record: &Record) -> impl Iterator<Item = &Planned> {
    record.networks.iter().filter(|network| !network.epochs.is_empty())
}

fn cases(html: &mut String, at: usize, section: &Section<'_>) {
    let name = escape(&section.record.plan.name);
    let Some(first) = section.cases.first() else {
        let _ = writeln!(html, "<p>{name}: no case could be drawn.</p>");
        return;
    };
    let _ = write!(
        html,
        "<div class=\"tool cases\" data-run=\"{at}\"><div class=\"controls\"><select aria-label=\"case\">"
    );
    for (place, case) in section.cases.iter().enumerate() {
        let _ = write!(html, "<option value=\"{place}\">{}</option>", escape(&case.title));
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

fn record_texts(html: &mut String, record: &Record) {
    let name = escape(&record.plan.name);
    for (what, text) in [
        ("the plan file", &record.input),
        ("the resolved plan", &record.resolved),
        ("the manifest", &record.manifest_text),
    ] {
        let text = escape(&public(record, text));
        let _ = writeln!(html, "<details class=\"texts\"><summary>{name}: {what}</summary><pre>{text}</pre></details>");
    }
}

/// A text without the folder that holds the data set: where that lies on somebody's machine is not the readers' business.
fn public(record: &Record, text: &str) -> String {
    let folder = record.manifest.as_ref().map(|manifest| manifest.dataset.folder.as_path());
    match folder.filter(|folder| folder.is_absolute()).and_then(|folder| folder.parent()?.to_str()) {
        Some(parent) if parent.len() > 1 => text.replace(parent, "…"),
        _ => text.to_owned(),
    }
}

/// What the script reads, as JSON that cannot end its element.
fn data(sections: &[Section<'_>]) -> String {
    let runs = sections
        .iter()
        .map(|section| RunData { networks: trained(section.record).map(series).collect(), cases: &section.cases });
    let data = Data { runs: runs.collect() };
    serde_json::to_string(&data).expect("numbers, texts and lists").replace('<', "\\u003c")
}

fn series(network: &Planned) -> Curves {
    let of = |value: fn(&crate::run::log::EpochRow) -> f64| network.epochs.iter().map(value).collect();
    Curves {
        name: format!("{} seed {} fold {}", network.configuration, network.seed, network.fold),
        train_loss: of(|row| row.train_loss),
        validation_loss: of(|row| row.validation_loss),
        train_ema: of(|row| row.train_loss_ema),
        validation_ema: of(|row| row.validation_loss_ema),
        mean_dice: network.epochs.iter().map(|row| row.mean_pseudo_dice).collect(),
        learning_rate: of(|row| row.learning_rate),
    }
}

/// Text inside of an element or an attribute.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Bytes as a data URI, in base 64.
///
/// Source: RFC 4648, section 4.
pub fn data_uri(kind: &str, bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("data:{kind};base64,");
    for group in bytes.chunks(3) {
        let byte = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= group.len() { char::from(DIGITS[value]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_is_that_of_the_standard() {
        for (bytes, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(data_uri("x", bytes.as_bytes()), format!("data:x;base64,{expected}"));
        }
    }
}
