//! The metrics: name, label, unit, direction and value of each.
//!
//! To add a metric, add a variant here; the compiler then lists everything that it needs. Its value follows from
//! [`Counts`] or from [`Surface`], which may need a further method or field. Tables, files, figures and comparisons
//! iterate over [`Metric::all`].

use strum::{EnumIter, IntoEnumIterator};

use crate::evaluate::counts::Counts;
use crate::evaluate::surface::Surface;

/// A measure of the agreement of a predicted class with its reference in one case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter)]
pub enum Metric {
    /// Dice coefficient: `2 TP / (2 TP + FP + FN)`; 0 if exactly one mask is empty, undefined if both are.
    Dice,
    /// Intersection over union (Jaccard index): `TP / (TP + FP + FN)`; undefined if both masks are empty.
    Iou,
    /// `TP / (TP + FP)`; undefined if the prediction is empty.
    Precision,
    /// `TP / (TP + FN)`; undefined if the reference is empty.
    Recall,
    /// Predicted volume minus reference volume, divided by the reference volume; undefined if the reference is empty.
    VolumeDifference,
    /// 95 % Hausdorff distance, mm; undefined if either mask is empty.
    Hd95,
    /// Average symmetric surface distance, mm; undefined if either mask is empty.
    Assd,
    /// Normalised surface Dice within a tolerance; 0 if exactly one mask is empty, undefined if both are.
    Nsd,
}

/// Which values of a metric are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// Higher values: overlaps.
    Higher,
    /// Lower values: distances.
    Lower,
    /// Values closer to zero: signed differences.
    NearZero,
}

impl Better {
    /// A number that increases as the metric's value gets better.
    pub fn merit(self, value: f64) -> f64 {
        match self {
            Self::Higher => value,
            Self::Lower => -value,
            Self::NearZero => -value.abs(),
        }
    }
}

impl Metric {
    /// All metrics, in the order of the columns of every table.
    pub fn all() -> impl Iterator<Item = Self> {
        <Self as IntoEnumIterator>::iter()
    }

    /// Its name on the command line and as a column of `scores.parquet`, CSV and JSON; it includes the unit.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dice => "dice",
            Self::Iou => "iou",
            Self::Precision => "precision",
            Self::Recall => "recall",
            Self::VolumeDifference => "volume_difference",
            Self::Hd95 => "hd95_mm",
            Self::Assd => "assd_mm",
            Self::Nsd => "nsd",
        }
    }

    /// The metric of a name, with or without its unit: `hd95_mm` or `hd95`. Returns `None` for an unknown name.
    pub fn from_name(name: &str) -> Option<Self> {
        let without_unit =
            |metric: &Self| metric.unit().and_then(|unit| metric.name().strip_suffix(unit)?.strip_suffix('_'));
        Self::all().find(|metric| metric.name() == name || without_unit(metric) == Some(name))
    }

    /// Its label in text, tables and figures, without the unit. The tolerance is that of the normalised surface Dice,
    /// mm.
    pub fn label(self, tolerance_mm: f64) -> String {
        match self {
            Self::Dice => "Dice".to_owned(),
            Self::Iou => "IoU".to_owned(),
            Self::Precision => "precision".to_owned(),
            Self::Recall => "recall".to_owned(),
            Self::VolumeDifference => "relative volume difference".to_owned(),
            Self::Hd95 => "HD95".to_owned(),
            Self::Assd => "ASSD".to_owned(),
            Self::Nsd => format!("NSD ({tolerance_mm} mm)"),
        }
    }

    /// Its unit; `None` for a ratio.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Hd95 | Self::Assd => Some("mm"),
            Self::Dice | Self::Iou | Self::Precision | Self::Recall | Self::VolumeDifference | Self::Nsd => None,
        }
    }

    /// Its label with the unit, for the head of a column or an axis: `HD95 (mm)`, `Dice`, `NSD (1 mm)`.
    pub fn title(self, tolerance_mm: f64) -> String {
        let label = self.label(tolerance_mm);
        self.unit().map_or_else(|| label.clone(), |unit| format!("{label} ({unit})"))
    }

    /// The direction in which its values get better.
    pub fn better(self) -> Better {
        match self {
            Self::Dice | Self::Iou | Self::Precision | Self::Recall | Self::Nsd => Better::Higher,
            Self::Hd95 | Self::Assd => Better::Lower,
            Self::VolumeDifference => Better::NearZero,
        }
    }

    /// Whether reports have box plots of the metric; the tables contain all metrics.
    pub fn is_plotted(self) -> bool {
        match self {
            Self::Dice | Self::Hd95 | Self::Assd | Self::Nsd => true,
            Self::Iou | Self::Precision | Self::Recall | Self::VolumeDifference => false,
        }
    }

    /// Its value for one class of one case. Returns `None` where it is undefined.
    pub fn value(self, counts: Counts, surface: Option<Surface>) -> Option<f64> {
        match self {
            Self::Dice => counts.dice(),
            Self::Iou => counts.iou(),
            Self::Precision => counts.precision(),
            Self::Recall => counts.recall(),
            Self::VolumeDifference => counts.volume_difference(),
            Self::Hd95 => Some(surface?.hd95),
            Self::Assd => Some(surface?.assd),
            Self::Nsd => surface.map(|surface| surface.nsd).or_else(|| (!counts.both_empty()).then_some(0.0)),
        }
    }
}

/// The surface metrics of one class of one case, from the values of a table. Returns `None` if any of them is missing.
pub(super) fn surface_from(value: impl Fn(Metric) -> Option<f64>) -> Option<Surface> {
    Some(Surface { hd95: value(Metric::Hd95)?, assd: value(Metric::Assd)?, nsd: value(Metric::Nsd)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_found_by_its_name_and_carries_its_unit() {
        for metric in Metric::all() {
            assert_eq!(Metric::from_name(metric.name()), Some(metric));
            assert_eq!(metric.unit().is_some(), metric.name().ends_with("_mm"), "{metric:?}");
        }
        assert_eq!((Metric::from_name("hd95"), Metric::from_name("ds")), (Some(Metric::Hd95), None));
        assert_eq!(Metric::Hd95.title(1.0), "HD95 (mm)");
        assert_eq!([Metric::Nsd.title(1.0), Metric::Nsd.label(0.5)], ["NSD (1 mm)", "NSD (0.5 mm)"]);
    }

    #[test]
    fn a_class_missed_entirely_has_surface_dice_zero_and_no_distances() {
        let missed = Counts { false_negatives: 3, ..Counts::default() };
        assert_eq!(Metric::Nsd.value(missed, None), Some(0.0));
        assert_eq!((Metric::Hd95.value(missed, None), Metric::Nsd.value(Counts::default(), None)), (None, None));
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "the values are copied, or differ in sign")]
    fn merit_increases_as_values_get_better() {
        let merits = |metric: Metric| [-0.5, 0.1, 0.3].map(|value| metric.better().merit(value));
        assert_eq!(merits(Metric::Dice), [-0.5, 0.1, 0.3]);
        assert_eq!(merits(Metric::Assd), [0.5, -0.1, -0.3]);
        assert_eq!(merits(Metric::VolumeDifference), [-0.5, -0.1, -0.3]);
    }
}
