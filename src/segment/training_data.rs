//! The images that a run was trained on, as recorded in its fingerprint, and how a new image differs from them.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::plan::schema::{Normalization, Plan};
use crate::run::fingerprint::SavedFingerprint;
use crate::run::folder::RunFolder;
use crate::store::StoreError;
use crate::volume::intensity::IntensityRange;
use crate::volume::orient::{AxisCodes, Reorder};
use crate::volume::{Geometry, Image, Spacing};

/// A spacing differs from the training cases' if it is more than this many times their maximum, or less than their minimum divided by
/// this.
const FAR_SPACING: f64 = 2.0;
/// The same for the width of the intensity range. Z-score normalisation undoes linear scaling, so that its limit is larger.
const FAR_CT: f64 = 10.0;
const FAR_Z_SCORE: f64 = 100.0;

/// The measurements of the training cases that a prediction needs, over all cases. No case is named.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TrainingData {
    orientation: Orientation,
    /// Minimum and maximum spacing per axis, mm, `[z, y, x]`; `None` if it was not recorded.
    spacing_mm: Option<[Spacing; 2]>,
    /// The intensities of each channel.
    channels: Vec<Intensities>,
}

/// The intensities of a channel of all training cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Intensities {
    /// The range that contains the ranges of all cases.
    all: IntensityRange,
    /// Width of the narrowest range.
    narrowest: f64,
    /// Width of the widest range.
    widest: f64,
}

/// The orientation of the training cases' axes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Orientation {
    /// The same for all cases.
    Same(AxisCodes),
    /// Several: axis codes, and numbers of cases.
    Mixed(Vec<(AxisCodes, usize)>),
    /// Missing in the headers of some cases.
    Missing,
    /// Not recorded.
    Unrecorded,
}

impl Intensities {
    /// The intensities of a channel; `None` if no case has it.
    fn of(ranges: &[IntensityRange]) -> Option<Self> {
        let widths = || ranges.iter().map(|range| range.width());
        let all = ranges.iter().copied().reduce(IntensityRange::hull)?;
        Some(Self { all, narrowest: widths().fold(f64::MAX, f64::min), widest: widths().fold(0.0, f64::max) })
    }
}

impl TrainingData {
    /// Reads the record of a run folder.
    pub(super) fn load(folder: &RunFolder) -> Result<Self, StoreError> {
        let fingerprint =
            SavedFingerprint::read_intact(folder)?.map(|saved| saved.fingerprint).filter(Fingerprint::is_complete);
        Ok(fingerprint.map_or_else(Self::unrecorded, |fingerprint| Self::new(&fingerprint)))
    }

    fn unrecorded() -> Self {
        Self { orientation: Orientation::Unrecorded, spacing_mm: None, channels: Vec::new() }
    }

    fn new(fingerprint: &Fingerprint) -> Self {
        let cases = &fingerprint.cases;
        let codes: Vec<(AxisCodes, usize)> = fingerprint.axis_codes().into_iter().collect();
        let placed = cases.iter().all(|case| case.axis_codes.is_some());
        let orientation = match codes.as_slice() {
            [(codes, _)] if placed => Orientation::Same(*codes),
            _ if !placed => Orientation::Missing,
            _ => Orientation::Mixed(codes),
        };
        let of_axes = |start: f64, choose: fn(f64, f64) -> f64| {
            Spacing([0, 1, 2].map(|axis| cases.iter().map(|case| case.spacing.0[axis]).fold(start, choose)))
        };
        let spacing = [of_axes(f64::MAX, f64::min), of_axes(0.0, f64::max)];
        let ranges = |channel: usize| {
            let of_cases = cases.iter().filter_map(|case| case.ranges.get(channel).copied());
            Intensities::of(&of_cases.collect::<Vec<_>>())
        };
        Self {
            orientation,
            spacing_mm: (!cases.is_empty()).then_some(spacing),
            channels: (0..).map_while(ranges).collect(),
        }
    }

    /// The orientation that images are brought into.
    pub(super) fn orientation(&self) -> &Orientation {
        &self.orientation
    }

    /// A note for the user before the first image.
    pub(super) fn note(&self) -> Option<String> {
        match &self.orientation {
            Orientation::Same(_) => None,
            Orientation::Mixed(codes) => {
                let mut listed = String::new();
                for (codes, cases) in codes {
                    let _ = write!(listed, "{}{codes} ({cases})", if listed.is_empty() { "" } else { ", " });
                }
                Some(format!(
                    "training cases have several axis orders, {listed}: each image is predicted in its own axis order"
                ))
            }
            Orientation::Missing => {
                Some("training cases have no orientation in their headers: each image is predicted in its own axis order".to_owned())
            }
            Orientation::Unrecorded => Some(
                "the model does not record the axis order of its training cases: each image is predicted in its own axis order"
                    .to_owned(),
            ),
        }
    }

    /// How to bring an image into the axis order of the training cases, and a note for the user.
    ///
    /// Nothing changes if the training cases have several orders, or the image has no orientation.
    pub(super) fn reorder(&self, geometry: &Geometry) -> (Option<Reorder>, Option<String>) {
        let Orientation::Same(wanted) = self.orientation else { return (None, None) };
        let Some(own) = geometry.axis_codes() else {
            let text = "warning: its header has no orientation (sform and qform codes are 0, or it spans no volume)";
            return (None, Some(format!("{text}: its axes are assumed to be {wanted}, as in the training cases")));
        };
        let reorder = own.to(wanted);
        if reorder.is_identity() {
            return (None, None);
        }
        let text = format!(
            "its axes are {own}, those of the training cases {wanted}: the image is reordered, and its labels are reordered back"
        );
        (Some(reorder), Some(text))
    }

    /// Where an image in the training cases' axis order differs from them, and by which rule.
    pub(super) fn differences(&self, image: &Image, plan: &Plan) -> Vec<String> {
        let mut found: Vec<String> = self.far_spacing(image.geometry.spacing).into_iter().collect();
        for ((channel, voxels), trained) in image.voxels.outer_iter().enumerate().zip(&self.channels) {
            let scheme = plan.preprocess.normalization_scheme.get(channel).copied();
            if let (Some(scheme), Some(reason)) = (scheme, scheme.and_then(|scheme| far(scheme, trained, voxels))) {
                let name = plan.data.channels.get(channel).map_or("", String::as_str);
                let normalized = match scheme {
                    Normalization::Ct | Normalization::None | Normalization::RgbTo01 => "",
                    Normalization::ZScore => " (the channel is normalised by its own mean and standard deviation)",
                    Normalization::RescaleTo01 => " (the channel is normalised by its own minimum and maximum)",
                };
                found.push(format!("channel {channel} ({name}): {reason}{normalized}"));
            }
        }
        found
    }

    fn far_spacing(&self, spacing: Spacing) -> Option<String> {
        let [least, most] = self.spacing_mm?;
        let is_far =
            |axis: usize| spacing.0[axis] > FAR_SPACING * most.0[axis] || spacing.0[axis] * FAR_SPACING < least.0[axis];
        (0..3).any(is_far).then(|| {
            format!(
                "spacing {spacing}, in training cases from {least} to {most}: more than {FAR_SPACING} times the maximum, or less than the \
                 minimum divided by {FAR_SPACING}"
            )
        })
    }
}

/// How the intensities of a channel differ from those of the training cases, if they do.
fn far(scheme: Normalization, trained: &Intensities, voxels: ndarray::ArrayView3<'_, f32>) -> Option<String> {
    let Intensities { all, narrowest, widest } = *trained;
    let own = IntensityRange::of(voxels);
    let (factor, absolute) = match scheme {
        Normalization::Ct | Normalization::None | Normalization::RgbTo01 => (FAR_CT, true),
        Normalization::ZScore | Normalization::RescaleTo01 => (FAR_Z_SCORE, false),
    };
    let why = if own.width() * factor < narrowest {
        format!("less than 1/{factor} of the narrowest range")
    } else if own.width() > factor * widest {
        format!("more than {factor} times the widest range")
    } else if absolute && (own.high < all.low || own.low > all.high) {
        "the ranges do not overlap".to_owned()
    } else {
        return None;
    };
    Some(format!(
        "intensities from {} to {}, in training cases from {} to {}: {why} (0.5th and 99.5th percentiles of voxels that are not 0)",
        short(own.low),
        short(own.high),
        short(all.low),
        short(all.high)
    ))
}

/// A number with three significant digits.
fn short(number: f64) -> String {
    let size = if number == 0.0 { 0 } else { number.abs().log10().floor() as i32 };
    let digits = (2 - size).clamp(0, 12) as usize;
    let text = format!("{number:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ndarray::Array4;

    use super::*;
    use crate::dataset::CaseId;
    use crate::fingerprint::CaseFingerprint;
    use crate::volume::Shape;

    fn case(codes: Option<&str>, spacing: [f64; 3], range: (f64, f64)) -> CaseFingerprint {
        CaseFingerprint {
            id: CaseId("case".to_owned()),
            shape: Shape([9; 3]),
            cropped_shape: Shape([9; 3]),
            spacing: Spacing(spacing),
            axis_codes: codes.map(|codes| codes.parse().unwrap()),
            ranges: vec![IntensityRange { low: range.0, high: range.1 }],
            voxels: BTreeMap::new(),
            components: BTreeMap::new(),
            anomalies: crate::fingerprint::Anomalies::default(),
        }
    }

    fn of(cases: Vec<CaseFingerprint>) -> TrainingData {
        TrainingData::new(&Fingerprint { cases, intensities: Vec::new() })
    }

    /// An image of a ramp, RAS.
    fn image(spacing: [f64; 3], from: f32, to: f32) -> Image {
        let voxels = Array4::from_shape_fn((1, 4, 5, 50), |(_, z, y, x)| {
            from + (to - from) * ((z * 5 + y) * 50 + x) as f32 / 999.0
        });
        Image { voxels, geometry: Geometry::axis_aligned(Shape([4, 5, 50]), Spacing(spacing), [0.0; 3]) }
    }

    fn plan(scheme: Normalization) -> Plan {
        let mut plan: Plan = crate::plan::testing::example();
        plan.preprocess.normalization_scheme = vec![scheme];
        plan
    }

    #[test]
    fn images_are_reordered_only_if_all_training_cases_have_one_order() {
        let geometry = image([1.0; 3], 0.0, 1.0).geometry;
        let lps = of(vec![case(Some("LPS"), [1.0; 3], (0.0, 1.0)); 2]);
        let (reorder, said) = lps.reorder(&geometry);
        assert_eq!(reorder.map(|reorder| reorder.geometry(&geometry).axis_codes()), Some("LPS".parse().ok()));
        insta::assert_snapshot!(said.unwrap(), @"its axes are RAS, those of the training cases LPS: the image is reordered, and its labels are reordered back");
        assert_eq!(of(vec![case(Some("RAS"), [1.0; 3], (0.0, 1.0))]).reorder(&geometry), (None, None));

        let mixed = of(vec![case(Some("RAS"), [1.0; 3], (0.0, 1.0)), case(Some("LPS"), [1.0; 3], (0.0, 1.0))]);
        assert_eq!(mixed.reorder(&geometry), (None, None));
        insta::assert_snapshot!(mixed.note().unwrap(), @"training cases have several axis orders, LPS (1), RAS (1): each image is predicted in its own axis order");

        let unplaced = of(vec![case(Some("LPS"), [1.0; 3], (0.0, 1.0)), case(None, [1.0; 3], (0.0, 1.0))]);
        assert_eq!(unplaced.reorder(&geometry), (None, None));
        insta::assert_snapshot!(unplaced.note().unwrap(), @"training cases have no orientation in their headers: each image is predicted in its own axis order");
        insta::assert_snapshot!(TrainingData::unrecorded().note().unwrap(), @"the model does not record the axis order of its training cases: each image is predicted in its own axis order");

        let mut nowhere = geometry;
        nowhere.is_placed = false;
        let (reorder, said) = lps.reorder(&nowhere);
        assert_eq!(reorder, None);
        assert!(said.unwrap().contains("its axes are assumed to be LPS"));
    }

    #[test]
    fn an_image_unlike_the_training_cases_is_reported_with_the_rule() {
        let ct = of(vec![
            case(Some("RAS"), [3.0, 1.0, 1.0], (-1010.0, 1500.0)),
            case(Some("RAS"), [5.0, 0.8, 0.8], (-990.0, 2000.0)),
        ]);
        let differences = |spacing, from, to| ct.differences(&image(spacing, from, to), &plan(Normalization::Ct));
        assert_eq!(differences([3.0, 1.0, 1.0], -1000.0, 1200.0), Vec::<String>::new());
        assert_eq!(differences([10.0, 1.6, 0.4], -1000.0, 1200.0), Vec::<String>::new(), "twice and half are not far");
        insta::assert_snapshot!(differences([3.0, 1.0, 1.0], 0.001, 1.0).join("\n"), @"channel 0 (MRI): intensities from 0.006 to 0.995, in training cases from -1010 to 2000: less than 1/10 of the narrowest range (0.5th and 99.5th percentiles of voxels that are not 0)");
        assert!(differences([3.0, 1.0, 1.0], 3000.0, 6000.0)[0].contains("do not overlap"));
        assert!(differences([3.0, 1.0, 1.0], -1e5, 1e5)[0].contains("more than 10 times the widest range"));
        insta::assert_snapshot!(differences([30.0, 1.0, 1.0], -1000.0, 1200.0).join("\n"), @"spacing 30.0000 × 1.0000 × 1.0000 mm, in training cases from 3.0000 × 0.8000 × 0.8000 mm to 5.0000 × 1.0000 × 1.0000 mm: more than 2 times the maximum, or less than the minimum divided by 2");
    }

    #[test]
    fn the_record_survives_json_and_names_no_case() {
        let data = of(vec![case(Some("RAS"), [3.0, 1.0, 0.7], (-1.5, 0.1)), case(Some("LPS"), [2.0; 3], (0.0, 9.0))]);
        let text = serde_json::to_string(&data).unwrap();
        assert_eq!(serde_json::from_str::<TrainingData>(&text).unwrap(), data);
        assert!(!text.contains("case"), "{text}");
        for odd in [TrainingData::unrecorded(), of(vec![case(None, [1.0; 3], (0.0, 1.0))])] {
            assert_eq!(serde_json::from_str::<TrainingData>(&serde_json::to_string(&odd).unwrap()).unwrap(), odd);
        }
    }

    #[test]
    fn z_scores_tolerate_more() {
        let mr = of(vec![case(Some("RAS"), [1.0; 3], (10.0, 1000.0))]);
        let differences = |from, to| mr.differences(&image([1.0; 3], from, to), &plan(Normalization::ZScore));
        assert_eq!(differences(5000.0, 25000.0), Vec::<String>::new());
        assert!(
            differences(0.001, 1.0)[0].ends_with("(the channel is normalised by its own mean and standard deviation)")
        );
        assert!(differences(7.0, 7.0)[0].contains("less than 1/100"), "a constant image");
    }

    #[test]
    fn numbers_have_three_significant_digits() {
        let shown = [0.0, 1.0, -1010.4, 0.012_345, 12.345, 2.5e9].map(short);
        assert_eq!(shown, ["0", "1", "-1010", "0.0123", "12.3", "2500000000"]);
    }
}
