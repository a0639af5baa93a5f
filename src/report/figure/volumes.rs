//! Predicted against true volumes, and their difference over their mean.
//!
//! Source: Bland and Altman, Lancet 327 (1986) 307.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, VPos};

use crate::report::figure::canvas::{INK, Plot, Scale};
use crate::report::figure::lines::{Line, line};
use crate::report::figure::{Below, COLOURS, chart, point, range, text};
use crate::report::record::Record;
use crate::report::statistics::numbers::{mean, sd};

/// Volumes of all classes that one configuration predicts.
pub(in crate::report) struct Volumes {
    /// Name of each class, and reference and predicted volume of each case and seed, ml.
    classes: Vec<(String, Vec<(f64, f64)>)>,
}

impl Volumes {
    /// Volumes of the held-out cases whose spacing is known: a figure for as many classes as there are colours.
    pub(in crate::report) fn of(record: &Record, system: &str) -> Vec<Self> {
        let voxel = record.voxel_ml();
        let volumes = |label: u8| {
            let rows = record.scores.rows.iter().filter(|row| row.configuration == system && row.label == label);
            rows.filter_map(|row| {
                let ml = voxel.get(row.case.as_str())?;
                Some((row.reference_voxels as f64 * ml, row.prediction_voxels as f64 * ml))
            })
            .collect()
        };
        let classes: Vec<(String, Vec<(f64, f64)>)> =
            record.plan.data.labels.iter().map(|(&label, name)| (name.clone(), volumes(label))).collect();
        classes.chunks(COLOURS.len()).map(|classes| Self { classes: classes.to_vec() }).collect()
    }

    /// Whether there is nothing to draw.
    pub(in crate::report) fn is_empty(&self) -> bool {
        self.classes.iter().all(|(_, volumes)| volumes.is_empty())
    }

    fn against<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let all = || self.classes.iter().flat_map(|(_, volumes)| volumes.iter());
        let ends = range(all().flat_map(|&(reference, prediction)| [reference, prediction]));
        let axes = ((ends.clone(), Below::Name("reference, ml")), (ends.clone(), "prediction, ml"));
        let mut chart = chart(area, axes.0, axes.1, scale)?;
        line(&mut chart, [(ends.start, ends.start), (ends.end, ends.end)].into_iter(), INK, Line::Dotted, scale)?;
        for (place, (_, volumes)) in self.classes.iter().enumerate() {
            for &volume in volumes {
                point(chart.plotting_area(), volume, place, scale)?;
            }
        }
        // The legend stands where points are rare: high predictions of small references.
        let height = ends.end - ends.start;
        for (place, (name, _)) in self.classes.iter().enumerate() {
            let key = (ends.start + 0.04 * height, ends.end - (0.04 + 0.07 * place as f64) * height);
            point(chart.plotting_area(), key, place, scale)?;
            let (base, (x, y)) = (area.get_base_pixel(), chart.backend_coord(&key));
            let beside = (x - base.0 + scale.pt(6.0), y - base.1);
            text(area, name, beside, (HPos::Left, VPos::Center), scale)?;
        }
        Ok(())
    }

    fn difference<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let middle = |&(reference, prediction): &(f64, f64)| f64::midpoint(reference, prediction);
        let excess = |&(reference, prediction): &(f64, f64)| prediction - reference;
        let all = || self.classes.iter().flat_map(|(_, volumes)| volumes.iter());
        let limits: Vec<Option<[f64; 3]>> = self.classes.iter().map(|(_, volumes)| agreement(volumes)).collect();
        let (x, y) =
            (range(all().map(middle)), range(all().map(excess).chain(limits.iter().flatten().flatten().copied())));
        let axes = ((x.clone(), Below::Name("mean of both, ml")), (y, "prediction − reference, ml"));
        let mut chart = chart(area, axes.0, axes.1, scale)?;
        for (place, (_, volumes)) in self.classes.iter().enumerate() {
            for volume in volumes {
                point(chart.plotting_area(), (middle(volume), excess(volume)), place, scale)?;
            }
            // Solid or dashed, so that two classes are told apart in grey.
            let mean = if place % 2 == 0 { Line::Bold } else { Line::BoldDashed };
            for (value, kind) in limits[place].into_iter().flatten().zip([Line::Dotted, mean, Line::Dotted]) {
                let ends = [(x.start, value), (x.end, value)];
                line(&mut chart, ends.into_iter(), COLOURS[place % COLOURS.len()], kind, scale)?;
            }
        }
        Ok(())
    }
}

/// Mean difference, and 1.96 standard deviations to both sides of it, ml; none of fewer than two cases.
fn agreement(volumes: &[(f64, f64)]) -> Option<[f64; 3]> {
    let differences: Vec<f64> = volumes.iter().map(|(reference, prediction)| prediction - reference).collect();
    let (mean, half) = (mean(&differences)?, 1.96 * sd(&differences)?);
    Some([mean - half, mean, mean + half])
}

impl Plot for Volumes {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (width, height) = area.dim_in_pixel();
        // Side by side on a page, one above the other in a column.
        let (first, second) =
            if width > height { area.split_horizontally(width / 2) } else { area.split_vertically(height / 2) };
        self.against(&first, scale)?;
        self.difference(&second, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_agreement_are_196_standard_deviations_wide() {
        let found = agreement(&[(1.0, 1.5), (2.0, 2.0), (3.0, 4.0)]).unwrap();
        for (found, expected) in found.into_iter().zip([-0.48, 0.5, 1.48]) {
            approx::assert_abs_diff_eq!(found, expected, epsilon = 1e-12);
        }
        assert_eq!(agreement(&[(1.0, 2.0)]), None);
    }
}
