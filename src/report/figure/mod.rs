//! The figures of a report: each at the width of a journal's column and of its page, as SVG and PNG.
//!
//! Input: a [`Record`]. Output: files, and the SVG texts for the page. Deliberately absent: numbers that are not in the
//! tables.

pub mod axes;
mod boxes;
pub mod canvas;
mod confusion;
mod dataset;
pub mod legend;
pub mod lines;
mod patch;
pub mod slice;
mod topology;
pub mod training;
mod volumes;

<<<<<<< HEAD:src/report/figure/mod.rs
use crate::network::topology::Topology;
use crate::report::error::ReportError;
use crate::report::figure::axes::{Below, Chart, chart, range};
use crate::report::figure::canvas::{Plot, Size, write_sized};
use crate::report::figure::legend::{COLOURS, coloured, legend, point, upright};
pub(in crate::report) use crate::report::figure::legend::{fitted, text, text_width};
use crate::report::figure::slice::slice_figure::Sheet;
use crate::report::figure::training::{LearningRate, Plateau};
use crate::report::record::scores::{Better, shown};
=======
use crate::network::PlannedNetwork;
use crate::plan::schema::Train;
use crate::report::ReportError;
use crate::report::confusion::Confusion;
use crate::report::curves::{LearningRate, Plateau};
use crate::report::figures::axes::{Below, Chart, chart, range};
use crate::report::figures::marks::{COLOURS, coloured, legend, point, upright};
pub(super) use crate::report::figures::marks::{fitted, text, text_width};
>>>>>>> bcb7ac7:src/report/figures/mod.rs
use crate::report::record::{Planned, Record};
use crate::report::statistics::confusion::Confusion;
use crate::store::remove_if_present;
use crate::store::report::ReportFolder;

/// Widths of a journal's column and page, mm.
const WIDTHS_MM: [u32; 2] = [88, 180];

/// A figure that was drawn.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Its name, which its files have.
    pub name: String,
    /// What it shows.
    pub caption: String,
    /// The drawing at column width, as SVG.
    pub svg: String,
    /// What kind of figure it is.
    pub kind: Kind,
}

/// Kinds of figures, which are shown in different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Results, trainings overlaid, plans.
    Drawing,
    /// Slices of cases: a drawing with pictures.
    Slices,
    /// One training out of several.
    Training,
}

/// Draws all figures of a run; `prefix` keeps those of several runs apart.
///
/// # Errors
///
/// When a figure cannot be drawn or written.
pub fn draw(
    record: &Record,
    confusions: &[Confusion],
    prefix: &str,
    folder: &ReportFolder,
) -> Result<Vec<Figure>, ReportError> {
    let place = Place { prefix, folder };
    let mut figures = trainings(record, place)?;
    figures.extend(scored(record, confusions, place)?);
    figures.extend(planned(record, place)?);
    figures.extend(single_trainings(record, place)?);
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
        let plot = training::overlay::Losses { networks: &networks };
        let caption = format!("Smoothed losses of {name}: {count}.");
        figures.push(one(&plot, &format!("training-{name}"), caption, [66.0, 80.0], place)?);
        let plot = training::overlay::Rates { networks: &networks, train: &record.plan.train };
        let caption = format!("Learning rate of {name}: {count}; dotted, the rate below which training may stop.");
        figures.push(one(&plot, &format!("learning-rate-{name}"), caption, [50.0, 60.0], place)?);
    }
    Ok(figures)
}

/// Plateau plot and learning rate of each network by itself.
fn single_trainings(record: &Record, place: Place<'_>) -> Result<Vec<Figure>, ReportError> {
    let (mut figures, train) = (Vec::new(), &record.plan.train);
    for network in record.networks.iter().filter(|network| !network.epochs.is_empty()) {
        let Planned { configuration, seed, fold, epochs: rows, .. } = network;
        let words = format!("{configuration}, seed {seed}, fold {fold}");
        let name = format!("{configuration}-seed-{seed}-fold-{fold}");
        let caption = format!(
            "Plateau plot of {words}: losses, their moving averages, what an average has to fall below to count as better, \
             and each drop of the learning rate."
        );
        let plot = Plateau { rows, train, stop: rows.last().and_then(|row| row.stop_reason) };
        let plateau = one(&plot, &format!("plateau-{name}"), caption, [66.0, 80.0], place)?;
        let caption = format!("Learning rate of {words}.");
        let rate = one(&LearningRate { rows, train }, &format!("learning-rate-{name}"), caption, [50.0, 60.0], place)?;
        figures.extend([plateau, rate].map(|figure| Figure { kind: Kind::Training, ..figure }));
    }
    Ok(figures)
}

/// Dice and distances as boxes, volumes, and the confusion of classes.
fn scored(record: &Record, confusions: &[Confusion], place: Place<'_>) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    for (metric, name) in record.scores.metrics.iter().enumerate() {
        if ["dice", "nsd"].contains(&name.as_str()) || Better::of(name) == Better::Low {
            let plot = boxes::Boxes { record, metric };
            let caption = format!(
                "{} of each class over held-out cases: a point a case; box from the first to the third quartile, line at \
                 the median, whiskers to the farthest case within 1.5 of the box's length.",
                shown(name)
            );
            figures.push(one(&plot, name, caption, [66.0, 80.0], place)?);
        }
    }
    for system in record.systems() {
        let plots = volumes::Volumes::of(record, &system);
        for (part, plot) in plots.iter().enumerate().filter(|(_, plot)| !plot.is_empty()) {
            let caption = format!(
                "Volumes that {system} predicts against those of the reference, and their difference over their mean \
                 (Bland and Altman): thick line at the mean difference, dotted ones 1.96 standard deviations away."
            );
            let name = if part == 0 { format!("volumes-{system}") } else { format!("volumes-{system}-{}", part + 1) };
            figures.push(one(plot, &name, caption, [120.0, 80.0], place)?);
        }
    }
    for confusion in confusions {
        let Confusion { system, cases, .. } = confusion;
        let caption = format!(
            "Confusion of classes by {system}: of all voxels of a class in the references of {cases} held-out cases, the \
             share that was predicted as each class."
        );
        let plot = confusion::Matrix { record, confusion };
        figures.push(one(&plot, &format!("confusion-{system}"), caption, [80.0, 110.0], place)?);
    }
    Ok(figures)
}

/// What was planned, and from what: networks, patches, the data set's grids.
fn planned(record: &Record, place: Place<'_>) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    for &name in record.configurations() {
        let configuration = &record.plan.configurations[&name];
        let topology = PlannedNetwork::new(&record.plan, name).topology();
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

/// Draws cases as a figure.
pub(in crate::report) fn sheet(
    sheet: &Sheet,
    name: &str,
    caption: String,
    prefix: &str,
    folder: &ReportFolder,
) -> Result<Figure, ReportError> {
    let heights = WIDTHS_MM.map(|width| sheet.height_mm(f64::from(width)));
    let figure = one(sheet, name, caption, heights, Place { prefix, folder })?;
    Ok(Figure { kind: Kind::Slices, ..figure })
}

/// Removes a figure that an earlier report may have left.
///
/// # Errors
///
/// When it is there and cannot be removed.
pub(in crate::report) fn remove(name: &str, prefix: &str, folder: &ReportFolder) -> Result<(), ReportError> {
    for width in WIDTHS_MM {
        for extension in ["svg", "png"] {
            remove_if_present(&folder.figure(&format!("{prefix}{name}"), width).with_extension(extension))?;
        }
    }
    Ok(())
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
    Ok(Figure { name: name.to_owned(), caption, svg, kind: Kind::Drawing })
}
