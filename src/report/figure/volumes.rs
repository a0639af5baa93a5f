//! Predicted against reference volumes, and Bland-Altman plot.
//!
//! Source: Bland and Altman, Lancet 327 (1986) 307.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::prelude::DrawingBackend;

use crate::report::figure::axes::{Below, XAxis, YAxis, draw_chart, range_of};
use crate::report::figure::canvas::Plot;
use crate::report::figure::legend::draw_marker;
use crate::report::figure::line::{Line, draw_line};
use crate::report::figure::style::{INK, SERIES, Scale};
use crate::report::figure::text::{RIGHT_OF, draw_text};
use crate::report::record::RunRecord;
use crate::statistics::{mean, sample_sd};

/// Volumes by one model.
pub(crate) struct Volumes {
    classes: Vec<ClassVolumes>,
}

#[derive(Clone)]
struct ClassVolumes {
    name: String,
    /// One per case and seed.
    volumes: Vec<Volume>,
}

/// The volume of a class in one case, ml.
#[derive(Clone, Copy)]
struct Volume {
    reference: f64,
    prediction: f64,
}

impl Volume {
    fn mean(self) -> f64 {
        f64::midpoint(self.reference, self.prediction)
    }

    fn difference(self) -> f64 {
        self.prediction - self.reference
    }
}

impl Volumes {
    /// Volumes of the validation cases whose spacing is known; one figure for as many classes as there are colours.
    pub(crate) fn of_model(record: &RunRecord, model: &str) -> Vec<Self> {
        let voxel = record.voxel_volumes_ml();
        let mut classes = Vec::new();
        for (&label, name) in &record.plan.data.labels {
            let volume = |score: &crate::evaluate::scores::Score| {
                let ml = voxel.get(score.case.0.as_str())?;
                Some(Volume {
                    reference: score.counts.reference() as f64 * ml,
                    prediction: score.counts.prediction() as f64 * ml,
                })
            };
            let volumes = record.scores_of(model, label).filter_map(volume).collect();
            classes.push(ClassVolumes { name: name.clone(), volumes });
        }
        classes.chunks(SERIES.len()).map(|classes| Self { classes: classes.to_vec() }).collect()
    }

    /// Whether there is nothing to draw.
    pub(crate) fn is_empty(&self) -> bool {
        self.volumes().next().is_none()
    }

    fn volumes(&self) -> impl Iterator<Item = Volume> {
        self.classes.iter().flat_map(|class| class.volumes.iter().copied())
    }

    fn draw_agreement<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let range = range_of(self.volumes().flat_map(|volume| [volume.reference, volume.prediction]));
        let x = XAxis { range: range.clone(), below: Below::Title("reference (ml)") };
        let mut chart = draw_chart(area, x, YAxis { range: range.clone(), title: "prediction (ml)" }, scale)?;
        let identity = [(range.start, range.start), (range.end, range.end)];
        draw_line(&mut chart, identity.into_iter(), (INK, Line::Dotted), scale)?;
        for (index, class) in self.classes.iter().enumerate() {
            for volume in &class.volumes {
                draw_marker(chart.plotting_area(), (volume.reference, volume.prediction), index, scale)?;
            }
        }
        // The legend is where points are rare: large predictions of small references.
        let length = range.end - range.start;
        for (index, class) in self.classes.iter().enumerate() {
            let key = (range.start + 0.04 * length, range.end - (0.04 + 0.07 * index as f64) * length);
            draw_marker(chart.plotting_area(), key, index, scale)?;
            let (base, (x, y)) = (area.get_base_pixel(), chart.backend_coord(&key));
            draw_text(area, &class.name, (x - base.0 + scale.pt(6.0), y - base.1), RIGHT_OF, scale)?;
        }
        Ok(())
    }

    fn draw_bland_altman<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let limits: Vec<Option<[f64; 3]>> =
            self.classes.iter().map(|class| limits_of_agreement(&class.volumes)).collect();
        let x_range = range_of(self.volumes().map(Volume::mean));
        let drawn = self.volumes().map(Volume::difference).chain(limits.iter().flatten().flatten().copied());
        let x = XAxis { range: x_range.clone(), below: Below::Title("mean of both (ml)") };
        let y = YAxis { range: range_of(drawn), title: "prediction − reference (ml)" };
        let mut chart = draw_chart(area, x, y, scale)?;
        for (index, class) in self.classes.iter().enumerate() {
            for volume in &class.volumes {
                draw_marker(chart.plotting_area(), (volume.mean(), volume.difference()), index, scale)?;
            }
            // Solid or dashed, so that two classes differ in grey.
            let mean = if index % 2 == 0 { Line::Bold } else { Line::BoldDashed };
            for (value, kind) in limits[index].into_iter().flatten().zip([Line::Dotted, mean, Line::Dotted]) {
                let points = [(x_range.start, value), (x_range.end, value)];
                draw_line(&mut chart, points.into_iter(), (SERIES[index % SERIES.len()], kind), scale)?;
            }
        }
        Ok(())
    }
}

/// Mean difference, between the limits 1.96 standard deviations below and above it, ml. `None` for fewer than two cases.
fn limits_of_agreement(volumes: &[Volume]) -> Option<[f64; 3]> {
    let differences: Vec<f64> = volumes.iter().map(|volume| volume.difference()).collect();
    let (mean, half) = (mean(&differences)?, 1.96 * sample_sd(&differences)?);
    Some([mean - half, mean, mean + half])
}

impl Plot for Volumes {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (width, height) = area.dim_in_pixel();
        // Side by side at page width, one above the other at column width.
        let (first, second) =
            if width > height { area.split_horizontally(width / 2) } else { area.split_vertically(height / 2) };
        self.draw_agreement(&first, scale)?;
        self.draw_bland_altman(&second, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_agreement_are_196_standard_deviations_from_the_mean() {
        let volume = |(reference, prediction)| Volume { reference, prediction };
        let found = limits_of_agreement(&[(1.0, 1.5), (2.0, 2.0), (3.0, 4.0)].map(volume)).unwrap();
        for (found, expected) in found.into_iter().zip([-0.48, 0.5, 1.48]) {
            approx::assert_abs_diff_eq!(found, expected, epsilon = 1e-12);
        }
        assert!(limits_of_agreement(&[volume((1.0, 2.0))]).is_none());
    }
}
