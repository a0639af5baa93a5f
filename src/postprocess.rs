//! Post-processing of predicted label maps, and the rule by which the cross-validation decides on it.
//!
//! Input: labels, and their Dice with and without a [`Filter`]. Output: filtered labels, and a [`Decision`] with its
//! evidence. Deliberately absent: files, and the counting of voxels. Source: arXiv:1809.10486, 2.5.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array3, Zip};

use crate::plan::schema::{Plan, PostprocessRule};
pub use crate::run::Filter;
pub use crate::run::postprocessing::{Decision, Evidence};
use crate::statistics::mean;
use crate::volume::components::{Connectivity, largest_components};

impl Filter {
    /// The filter that a plan determines before any prediction: the labels with a single component in all training
    /// cases, or nothing.
    ///
    /// Source: arXiv:1809.10486, 2.5.
    pub fn of_plan(plan: &Plan) -> Self {
        let classes = match plan.postprocess.rule {
            PostprocessRule::SingleComponent => plan.data.single_component_labels.iter().copied().collect(),
            PostprocessRule::None | PostprocessRule::CrossValidation => BTreeSet::new(),
        };
        Self { foreground: false, classes }
    }

    /// Whether it removes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Keeps, in place, only the largest 26-connected component: first of the whole foreground, then of each label.
    pub fn apply(&self, labels: &mut Array3<i16>) {
        if self.foreground {
            keep_largest(labels, |label| label > 0);
        }
        for &class in &self.classes {
            keep_largest(labels, |label| label == i16::from(class));
        }
    }
}

/// Keeps the largest 26-connected component of the selected voxels; the others become background.
fn keep_largest(labels: &mut Array3<i16>, is_selected: impl Fn(i16) -> bool) {
    let mask = labels.mapv(is_selected);
    let largest = largest_components(mask.view(), Connectivity::Corners);
    Zip::from(labels).and(&mask).and(&largest).for_each(|label, &mask, &largest| {
        if mask && !largest {
            *label = 0;
        }
    });
}

/// Dice of one label in one case with each filter; `None` if neither prediction nor reference has the label.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trial {
    /// Without a filter.
    pub raw: Option<f64>,
    /// With only the largest component of the foreground.
    pub foreground: Option<f64>,
    /// With only the largest component of the label.
    pub class: Option<f64>,
    /// With both, in this order.
    pub both: Option<f64>,
}

/// Mean Dice of one label with each filter.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Means {
    raw: Option<f64>,
    foreground: Option<f64>,
    class: Option<f64>,
    both: Option<f64>,
}

impl Means {
    fn of(trials: &[Trial]) -> Self {
        let mean_of = |dice: fn(&Trial) -> Option<f64>| mean(&trials.iter().filter_map(dice).collect::<Vec<_>>());
        Self {
            raw: mean_of(|trial| trial.raw),
            foreground: mean_of(|trial| trial.foreground),
            class: mean_of(|trial| trial.class),
            both: mean_of(|trial| trial.both),
        }
    }
}

/// The filter that the cross-validation supports: the largest component of the foreground, if that raises the mean Dice
/// of a label and lowers none; then, if there are several labels, the largest component of each label whose mean Dice
/// that raises.
///
/// `trials` contains one trial per label and validation prediction.
///
/// Source: nnU-Net since June 2019; not in the paper. `tests/reference/postprocess.py` compares it with nnU-Net v2.
/// Differs: the versions of 2019 use face connectivity; here, as in v2 and in the rule of the paper, voxels that share
/// a corner are connected.
pub fn choose_filter(trials: &BTreeMap<u8, Vec<Trial>>) -> Filter {
    let means: BTreeMap<u8, Means> = trials.iter().map(|(&label, trials)| (label, Means::of(trials))).collect();
    let rises =
        |before: Option<f64>, after: Option<f64>| before.zip(after).is_some_and(|(before, after)| after > before);
    let foreground = means.values().any(|mean| rises(mean.raw, mean.foreground))
        && !means.values().any(|mean| rises(mean.foreground, mean.raw));
    let is_raised = |mean: &Means| {
        if foreground { rises(mean.foreground, mean.both) } else { rises(mean.raw, mean.class) }
    };
    let several = means.len() > 1;
    let classes = means.iter().filter(|(_, mean)| several && is_raised(mean)).map(|(&label, _)| label).collect();
    Filter { foreground, classes }
}

/// Training cases with a label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LabelCases {
    /// Cases that have the label.
    pub cases: usize,
    /// Cases in which it is a single component.
    pub single_component: usize,
}

/// A decision with its evidence: the mean Dice of each label with each filter, and its training cases.
pub fn make_decision(
    filter: Filter,
    trials: &BTreeMap<u8, Vec<Trial>>,
    names: &BTreeMap<u8, String>,
    training: &BTreeMap<u8, LabelCases>,
) -> Decision {
    let evidence = |(&label, trials): (&u8, &Vec<Trial>)| {
        let means = Means::of(trials);
        let mean_dice_class = if filter.foreground { means.both } else { means.class };
        let LabelCases { cases: training_cases, single_component } = training.get(&label).copied().unwrap_or_default();
        let evidence = Evidence {
            name: names.get(&label).cloned().unwrap_or_default(),
            training_cases,
            single_component,
            mean_dice_before: means.raw,
            mean_dice_foreground: means.foreground,
            mean_dice_class,
            mean_dice_after: match (filter.foreground, filter.classes.contains(&label)) {
                (_, true) => mean_dice_class,
                (true, false) => means.foreground,
                (false, false) => means.raw,
            },
        };
        (label, evidence)
    };
    let predictions = trials.values().map(Vec::len).max().unwrap_or(0);
    Decision { predictions, classes: trials.iter().map(evidence).collect(), filter }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn only_selected_classes_are_filtered() {
        let mut labels = array![[[1_i16, 1, 0, 1, 0, 2, 0, 2]]];
        Filter { foreground: false, classes: BTreeSet::from([1]) }.apply(&mut labels);
        assert_eq!(labels, array![[[1_i16, 1, 0, 0, 0, 2, 0, 2]]]);
    }

    #[test]
    fn the_largest_component_of_the_foreground_may_have_several_labels() {
        let mut labels = array![[[1_i16, 2, 2, 0, 1, 1, 0, 2]]];
        Filter { foreground: true, classes: BTreeSet::new() }.apply(&mut labels);
        assert_eq!(labels, array![[[1_i16, 2, 2, 0, 0, 0, 0, 0]]]);
    }

    fn trial(raw: f64, foreground: f64, class: f64, both: f64) -> Trial {
        Trial { raw: Some(raw), foreground: Some(foreground), class: Some(class), both: Some(both) }
    }

    #[test]
    fn the_first_step_needs_a_rise_and_no_fall_and_the_second_a_rise_per_label() {
        // The first step raises label 1 and lowers nothing; the second raises label 2.
        let trials = BTreeMap::from([
            (1, vec![trial(0.5, 0.7, 0.6, 0.7), trial(0.5, 0.5, 0.5, 0.5)]),
            (2, vec![trial(0.8, 0.8, 0.8, 0.9), Trial::default()]),
        ]);
        let filter = choose_filter(&trials);
        assert_eq!(filter, Filter { foreground: true, classes: BTreeSet::from([2]) });
        let names = BTreeMap::from([(1, "organ".to_owned()), (2, "tumour".to_owned())]);
        let decided = make_decision(
            filter,
            &trials,
            &names,
            &BTreeMap::from([(1, LabelCases { cases: 4, single_component: 3 })]),
        );
        assert_eq!((decided.predictions, decided.classes[&1].single_component), (2, 3));
        assert_eq!(decided.classes[&1].mean_dice_after, decided.classes[&1].mean_dice_foreground);
        assert_eq!((decided.classes[&2].mean_dice_before, decided.classes[&2].mean_dice_after), (Some(0.8), Some(0.9)));

        // A label that falls forbids the first step; the second is decided per label.
        let trials = BTreeMap::from([(1, vec![trial(0.5, 0.7, 0.6, 0.7)]), (2, vec![trial(0.8, 0.7, 0.7, 0.7)])]);
        assert_eq!(choose_filter(&trials), Filter { foreground: false, classes: BTreeSet::from([1]) });
    }

    #[test]
    fn a_single_label_has_only_the_first_step() {
        let trials = BTreeMap::from([(1, vec![trial(0.5, 0.6, 0.6, 0.6)])]);
        assert_eq!(choose_filter(&trials), Filter { foreground: true, classes: BTreeSet::new() });
        let trials = BTreeMap::from([(1, vec![trial(0.5, 0.5, 0.5, 0.5)])]);
        assert!(choose_filter(&trials).is_empty());
    }
}
