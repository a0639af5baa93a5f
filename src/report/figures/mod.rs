//! The figures of a report: each at the width of a journal's column and of its page, as SVG and PNG.
//!
//! Input: a [`Record`]. Output: files, and the SVG texts for the page. Deliberately absent: numbers that are not in the
//! tables.

mod boxes;
mod dataset;
mod overlay;
mod patch;
mod topology;
mod volumes;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, Cross, Text, TriangleMarker};
use plotters::prelude::{DrawingBackend, RGBColor};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, TRANSPARENT};

use crate::network::topology::Topology;
use crate::report::ReportError;
use crate::report::curves::{number_text, text_style};
use crate::report::record::{Planned, Record};
use crate::report::scores::{Better, shown};
use crate::report::style::{BLUE, GREEN, GREY, INK, PURPLE, Plot, SKY, Scale, Size, VERMILION, write_sized};
use crate::store::report::ReportFolder;

/// Widths of a journal's column and page, mm.
const WIDTHS_MM: [u32; 2] = [88, 180];
/// Colours of classes and configurations on white, each told from the others in grey by its marker, too.
const COLOURS: [RGBColor; 5] = [BLUE, VERMILION, GREEN, PURPLE, SKY];

/// A figure that was drawn.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its name, which its files have.
    pub name: String,
    /// What it shows.
    pub caption: String,
    /// The drawing at column width, as SVG.
    pub svg: String,
}

/// Draws all figures of a run; `prefix` keeps those of several runs apart.
///
/// # Errors
///
/// When a figure cannot be drawn or written.
pub fn draw(record: &Record, prefix: &str, folder: &ReportFolder) -> Result<Vec<Figure>, ReportError> {
    let place = Place { prefix, folder };
    let mut figures = trainings(record, place)?;
    figures.extend(scored(record, place)?);
    figures.extend(planned(record, place)?);
    Ok(figures)
}

/// Where figures go.
#[derive(Clone, Copy)]
struct Place<'a> {
    prefix: &'a str,
    folder: &'a ReportFolder,
}

/// Losses and learning rates of each configuration that has been trained.
fn trainings(record: &Record, place: Place<'_>) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    for &name in record.configurations() {
        let trained = |network: &&Planned| network.configuration == name && !network.epochs.is_empty();
        let networks: Vec<&Planned> = record.networks.iter().filter(trained).collect();
        let count = match networks.len() {
            0 => continue,
            1 => "one network".to_owned(),
            count => format!("{count} networks (folds and seeds) overlaid"),
        };
        let plot = overlay::Losses { networks: &networks };
        let caption = format!("Smoothed losses of {name}: {count}.");
        figures.push(one(&plot, &format!("training-{name}"), caption, [66.0, 80.0], place)?);
        let plot = overlay::Rates { networks: &networks, train: &record.plan.train };
        let caption = format!("Learning rate of {name}: {count}; dotted, the rate below which training may stop.");
        figures.push(one(&plot, &format!("learning-rate-{name}"), caption, [50.0, 60.0], place)?);
    }
    Ok(figures)
}

/// Dice and distances as boxes, and volumes.
fn scored(record: &Record, place: Place<'_>) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    for (metric, name) in record.scores.metrics.iter().enumerate() {
        if name == "dice" || Better::of(name) == Better::Low {
            let plot = boxes::Boxes { record, metric };
            let caption = format!(
                "{} of each class over held-out cases: a point a case; box from the first to the third quartile, line at \
                 the median, whiskers to the farthest case within 1.5 of the box's length.",
                shown(name)
            );
            figures.push(one(&plot, name, caption, [66.0, 80.0], place)?);
        }
    }
    for &name in record.configurations() {
        let plot = volumes::Volumes::of(record, name.as_str());
        if !plot.is_empty() {
            let caption = format!(
                "Volumes that {name} predicts against those of the reference, and their difference over their mean \
                 (Bland and Altman): thick line at the mean difference, dotted ones 1.96 standard deviations away."
            );
            figures.push(one(&plot, &format!("volumes-{name}"), caption, [120.0, 80.0], place)?);
        }
    }
    Ok(figures)
}

/// What was planned, and from what: networks, patches, the data set's grids.
fn planned(record: &Record, place: Place<'_>) -> Result<Vec<Figure>, ReportError> {
    let (mut figures, data) = (Vec::new(), &record.plan.data);
    for &name in record.configurations() {
        let configuration = &record.plan.configurations[&name];
        let topology = Topology::new(configuration, record.plan.input_channels(name), data.labels.len() + 1);
        let plot = topology::Net { topology: &topology, patch: configuration.patch_size };
        let caption = format!(
            "Network of {name}: feature maps and their size at each resolution; {} parameters.",
            topology.parameters()
        );
        figures.push(one(&plot, &format!("network-{name}"), caption, [80.0, 90.0], place)?);
        let plot = patch::Patch { configuration };
        let caption = format!("Patch of {name} on the median case, voxels, from two sides.");
        figures.push(one(&plot, &format!("patch-{name}"), caption, [56.0, 80.0], place)?);
    }
    if !record.cases.is_empty() {
        let plot = dataset::Grids { cases: &record.cases };
        let caption = "Spacing and shape of every case on each axis, lines at the medians.".to_owned();
        figures.push(one(&plot, "dataset", caption, [56.0, 70.0], place)?);
    }
    Ok(figures)
}

/// Draws one figure at both widths, with a height for each.
fn one(
    plot: &impl Plot,
    name: &str,
    caption: String,
    heights_mm: [f64; 2],
    Place { prefix, folder }: Place<'_>,
) -> Result<Figure, ReportError> {
    let name = &format!("{prefix}{name}");
    let [column, page] = WIDTHS_MM;
    let size = |width: u32, height_mm: f64| Size { width_mm: f64::from(width), height_mm };
    let svg = write_sized(plot, size(column, heights_mm[0]), &folder.figure(name, column))?;
    write_sized(plot, size(page, heights_mm[1]), &folder.figure(name, page))?;
    Ok(Figure { name: name.to_owned(), caption, svg })
}

type Chart<'a, B> = ChartContext<'a, B, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// A chart with few grid lines and named axes. The horizontal one has no numbers where `horizontal` is nothing.
fn chart<'a, B: DrawingBackend>(
    area: &'a DrawingArea<B, Shift>,
    (x, horizontal): (std::ops::Range<f64>, Option<&str>),
    (y, vertical): (std::ops::Range<f64>, &str),
    scale: Scale,
) -> Result<Chart<'a, B>, String> {
    let mut chart = ChartBuilder::on(area)
        .margin_left(scale.pt(4.0))
        .margin_right(scale.pt(8.0))
        .margin_top(scale.pt(6.0))
        .x_label_area_size(scale.pt(if horizontal.is_some() { 22.0 } else { 14.0 }))
        .y_label_area_size(scale.pt(34.0))
        .build_cartesian_2d(x.clone(), y.clone())
        .map_err(|error| error.to_string())?;
    let (across, up) = (axis_number(x.end - x.start), axis_number(y.end - y.start));
    let mut mesh = chart.configure_mesh();
    mesh.disable_x_mesh().light_line_style(TRANSPARENT).bold_line_style(GREY.mix(0.25)).axis_style(INK);
    mesh.y_desc(vertical).x_labels(5).y_labels(6).x_label_formatter(&*across).y_label_formatter(&*up);
    mesh.label_style(text_style(scale)).axis_desc_style(text_style(scale));
    match horizontal {
        Some(name) => mesh.x_desc(name),
        None => mesh.x_labels(0),
    };
    mesh.draw().map_err(|error| error.to_string())?;
    drop(mesh);
    Ok(chart)
}

/// Writes the numbers of an axis: whole ones on a long axis, else with enough digits to differ.
fn axis_number(range: f64) -> Box<dyn Fn(&f64) -> String> {
    if range >= 8.0 { Box::new(|number| format!("{number:.0}")) } else { Box::new(number_text(range)) }
}

/// A point of the class at `place`: its colour, and a marker that tells it from others in grey.
fn point<B: DrawingBackend>(
    chart: &mut Chart<'_, B>,
    at: (f64, f64),
    place: usize,
    scale: Scale,
) -> Result<(), String> {
    let (style, size) = (COLOURS[place % COLOURS.len()].mix(0.7), scale.pt(1.4));
    let drawn = match place % 3 {
        0 => chart.draw_series([Circle::new(at, size, style.filled())]).map(|_| ()),
        1 => chart.draw_series([TriangleMarker::new(at, scale.pt(2.2), style.filled())]).map(|_| ()),
        _ => chart.draw_series([Cross::new(at, size, style.stroke_width(scale.line(0.6)))]).map(|_| ()),
    };
    drawn.map_err(|error| error.to_string())
}

/// Text at a place of an area, its own units.
fn text<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    words: &str,
    at: (i32, i32),
    (horizontal, vertical): (HPos, VPos),
    scale: Scale,
) -> Result<(), String> {
    let style = text_style(scale).pos(Pos::new(horizontal, vertical));
    area.draw(&Text::new(words.to_owned(), at, style)).map_err(|error| error.to_string())
}

/// A range that holds all numbers, with some room; 0 to 1 where there are none.
fn range(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) =
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        return 0.0..1.0;
    }
    let alike = high - low <= 1e-9 * high.abs();
    let room = if alike { 0.1 * high.abs() + 1e-3 } else { 0.08 * (high - low) };
    low - room..high + room
}
