//! The figures of a report: each at the width of a journal's column and of its page, as SVG and PNG.
//!
//! Input: a [`RunRecord`]. Output: files, and the SVG for the page. Deliberately absent: numbers that are not in the tables.

mod axes;
mod boxes;
pub(crate) mod canvas;
mod confusion;
mod dataset;
mod legend;
mod line;
pub(crate) mod output;
mod patch;
mod png;
pub(crate) mod slice;
mod style;
mod text;
mod topology;
pub(crate) mod training;
mod volumes;

use crate::evaluate::metric::Metric;
use crate::network::PlannedNetwork;
use crate::report::error::ReportError;
use crate::report::figure::output::{Figure, FigureFolder, Heights, Kind};
use crate::report::figure::training::curve::stopping_learning_rate;
use crate::report::figure::training::learning_rate::LearningRatePlot;
use crate::report::figure::training::losses::LossPlot;
use crate::report::figure::training::overlay::{LearningRateOverlay, LossOverlay};
use crate::report::record::{NetworkRecord, RunRecord};
use crate::report::statistics::confusion::Confusion;
use crate::train::schedule;
use crate::units::counted;

/// Heights of charts of results and losses.
const CHART: Heights = Heights { column: 66.0, page: 80.0 };
/// Heights of charts of learning rates.
const LEARNING_RATE: Heights = Heights { column: 50.0, page: 60.0 };

/// Draws all figures of a run but those of slices.
///
/// # Errors
///
/// If a figure cannot be drawn or written.
pub(crate) fn draw_figures(
    record: &RunRecord,
    confusions: &[Confusion],
    folder: FigureFolder<'_>,
) -> Result<Vec<Figure>, ReportError> {
    let mut figures = draw_trainings(record, folder)?;
    figures.extend(draw_metrics(record, folder)?);
    figures.extend(draw_volumes(record, folder)?);
    figures.extend(draw_confusions(record, confusions, folder)?);
    figures.extend(draw_plan(record, folder)?);
    figures.extend(draw_single_trainings(record, folder)?);
    Ok(figures)
}

/// Losses and learning rates of each configuration, all folds and seeds overlaid.
fn draw_trainings(record: &RunRecord, folder: FigureFolder<'_>) -> Result<Vec<Figure>, ReportError> {
    let (mut figures, train) = (Vec::new(), &record.plan.train);
    for &name in record.configurations() {
        let networks: Vec<&NetworkRecord> =
            record.trained_networks().filter(|network| network.id.configuration == name).collect();
        let count = match networks.len() {
            0 => continue,
            1 => "one network".to_owned(),
            count => format!("{count} networks (folds and seeds) overlaid"),
        };
        let plot = LossOverlay { networks: &networks };
        let caption = format!("Smoothed losses of {name}: {count}.");
        figures.push(folder.draw(&plot, &format!("training-{name}"), caption, CHART)?);
        let plot = LearningRateOverlay { networks: &networks, train };
        let limit = stopping_learning_rate(train)
            .map_or("", |_| " Dotted line: the learning rate below which training may stop.");
        let caption = format!("Learning rate of {name}: {count}.{limit}");
        figures.push(folder.draw(&plot, &format!("learning-rate-{name}"), caption, LEARNING_RATE)?);
    }
    Ok(figures)
}

/// Losses and learning rate of each network.
fn draw_single_trainings(record: &RunRecord, folder: FigureFolder<'_>) -> Result<Vec<Figure>, ReportError> {
    let (mut figures, train) = (Vec::new(), &record.plan.train);
    for network in record.trained_networks() {
        let (id, rows) = (network.id, &network.epochs);
        let title = format!("{}, seed {}, fold {}", id.configuration, id.seed, id.fold);
        let name = format!("{}-seed-{}-fold-{}", id.configuration, id.seed, id.fold);
        let drops = schedule::plateau_settings(train)
            .map_or("", |_| " Dotted lines: the thresholds for an improvement, and each drop of the learning rate.");
        let caption = format!("Losses of {title}: raw and smoothed.{drops}");
        let losses = folder.draw(&LossPlot { rows, train }, &format!("losses-{name}"), caption, CHART)?;
        let plot = LearningRatePlot { rows, train };
        let caption = format!("Learning rate of {title}.");
        let rate = folder.draw(&plot, &format!("learning-rate-{name}"), caption, LEARNING_RATE)?;
        figures.extend([losses, rate].map(|figure| Figure { kind: Kind::Training, ..figure }));
    }
    Ok(figures)
}

fn draw_metrics(record: &RunRecord, folder: FigureFolder<'_>) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    if record.scores.is_empty() {
        return Ok(figures);
    }
    for metric in Metric::all().filter(|metric| metric.is_plotted()) {
        let caption = format!(
            "{} of each class over validation cases. Points: cases; box: quartiles; line: median; whiskers: most extreme cases \
             within 1.5 × IQR of the box.",
            record.metric_title(metric)
        );
        figures.push(folder.draw(&boxes::Boxes { record, metric }, metric.name(), caption, CHART)?);
    }
    Ok(figures)
}

fn draw_volumes(record: &RunRecord, folder: FigureFolder<'_>) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    for model in record.models() {
        let plots = volumes::Volumes::of_model(record, &model);
        for (part, plot) in (1..).zip(plots).filter(|(_, plot)| !plot.is_empty()) {
            let caption = format!(
                "Predicted against reference volume by {model}, and Bland-Altman plot. Thick line: mean difference; dotted \
                 lines: limits of agreement (1.96 SD)."
            );
            let name = if part == 1 { format!("volumes-{model}") } else { format!("volumes-{model}-{part}") };
            figures.push(folder.draw(&plot, &name, caption, Heights { column: 120.0, page: 80.0 })?);
        }
    }
    Ok(figures)
}

fn draw_confusions(
    record: &RunRecord,
    confusions: &[Confusion],
    folder: FigureFolder<'_>,
) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    for confusion in confusions {
        let caption = format!(
            "Confusion matrix of {}: percentage of the voxels of each reference class in {} that was predicted as each class.",
            confusion.model,
            counted(confusion.cases, "validation case")
        );
        let plot = confusion::Matrix { record, confusion };
        let name = format!("confusion-{}", confusion.model);
        figures.push(folder.draw(&plot, &name, caption, Heights { column: 80.0, page: 110.0 })?);
    }
    Ok(figures)
}

/// Networks, patches, and the grids of the data set.
fn draw_plan(record: &RunRecord, folder: FigureFolder<'_>) -> Result<Vec<Figure>, ReportError> {
    let mut figures = Vec::new();
    for &name in record.configurations() {
        let configuration = &record.plan.configurations[&name];
        let topology = PlannedNetwork::new(&record.plan, name).topology();
        let plot = topology::UNetDiagram { topology: &topology, patch: configuration.patch_size };
        let caption = format!(
            "Network of {name}: number and size of the feature maps at each resolution; {} parameters.",
            topology.parameters()
        );
        figures.push(folder.draw(&plot, &format!("network-{name}"), caption, Heights { column: 80.0, page: 90.0 })?);
        let plot = patch::Patch { configuration };
        let caption = format!("Patch of {name} on the median case, in voxels, in two views.");
        figures.push(folder.draw(&plot, &format!("patch-{name}"), caption, Heights { column: 56.0, page: 80.0 })?);
    }
    if !record.cases.is_empty() {
        let plot = dataset::Grids { cases: &record.cases };
        let caption = "Spacing and shape of every case along each axis. Lines: medians.".to_owned();
        figures.push(folder.draw(&plot, "dataset", caption, Heights { column: 56.0, page: 70.0 })?);
    }
    Ok(figures)
}
