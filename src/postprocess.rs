//! What is done to a predicted label map, and the rule by which the cross-validation decides on it.
//!
//! Input: labels, and the Dice that they have with and without a [`Filter`]. Output: filtered labels, and a [`Decision`] with its
//! evidence. Deliberately absent: files, and the counting of voxels. Source: spec section 13.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array3, Zip};

use crate::plan::schema::{Plan, PostprocessRule};
pub use crate::run::Filter;
pub use crate::run::postprocessing::{Decision, Evidence};
use crate::statistics::mean;
use crate::volume::components::{Connectivity, largest_components};

impl Filter {
    /// What the plan says before any prediction is made: the labels of a single component in all training cases, or nothing.
    ///
    /// Source: arXiv:1809.10486, section 2.5.
    pub fn of_plan(plan: &Plan) -> Self {
        let classes = match plan.postprocess.rule {
            PostprocessRule::SingleComponent => plan.data.single_component_labels.iter().copied().collect(),
            PostprocessRule::None | PostprocessRule::CrossValidation => BTreeSet::new(),
        };
        Self { foreground: false, classes }
    }

    /// Whether nothing is removed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Removes, in place, all but the largest 26-connected component, of all foreground first and then of each label.
    pub fn apply(&self, labels: &mut Array3<i16>) {
        if self.foreground {
            keep_largest(labels, |label| label > 0);
        }
        for &class in &self.classes {
            keep_largest(labels, |label| label == i16::from(class));
        }
    }
}

/// Keeps the largest 26-connected component of the voxels that are `meant`; the others of them become background.
fn keep_largest(labels: &mut Array3<i16>, meant: impl Fn(i16) -> bool) {
    let mask = labels.mapv(meant);
    let largest = largest_components(mask.view(), Connectivity::Corners);
    Zip::from(labels).and(&mask).and(&largest).for_each(|label, &mask, &largest| {
        if mask && !largest {
            *label = 0;
        }
    });
}

/// Dice of one label in one case; none where neither prediction nor reference has it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trial {
    /// As it is predicted.
    pub raw: Option<f64>,
    /// With the largest component of all foreground.
    pub foreground: Option<f64>,
    /// With the largest component of the label.
    pub class: Option<f64>,
    /// With both, in this order.
    pub both: Option<f64>,
}

/// Mean Dice of one label in each way that was tried.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Means {
    raw: Option<f64>,
    foreground: Option<f64>,
    class: Option<f64>,
    both: Option<f64>,
}

impl Means {
    fn of(trials: &[Trial]) -> Self {
        let over = |dice: fn(&Trial) -> Option<f64>| mean(&trials.iter().filter_map(dice).collect::<Vec<_>>());
        Self {
            raw: over(|trial| trial.raw),
            foreground: over(|trial| trial.foreground),
            class: over(|trial| trial.class),
            both: over(|trial| trial.both),
        }
    }
}

/// What the cross-validation speaks for: the largest component of all foreground is kept if that raises the mean Dice of a label
/// and lowers that of none; then, where there are several labels, that of each label whose mean Dice it raises.
///
/// `trials` are those of each label, a trial a held-out prediction. The rule of nnU-Net from June 2019 on; not in the paper.
/// Differs: its versions of 2019 joined voxels by their faces alone; here as in v2, and as in the paper's rule, by corners too.
/// Source: spec section 13; compared with nnU-Net v2 in `tests/reference/postprocess.py`.
pub fn by_cross_validation(trials: &BTreeMap<u8, Vec<Trial>>) -> Filter {
    let means: BTreeMap<u8, Means> = trials.iter().map(|(&label, trials)| (label, Means::of(trials))).collect();
    let rises =
        |before: Option<f64>, after: Option<f64>| before.zip(after).is_some_and(|(before, after)| after > before);
    let foreground = means.values().any(|mean| rises(mean.raw, mean.foreground))
        && !means.values().any(|mean| rises(mean.foreground, mean.raw));
    let raised = |mean: &Means| {
        if foreground { rises(mean.foreground, mean.both) } else { rises(mean.raw, mean.class) }
    };
    let several = means.len() > 1;
    let classes = means.iter().filter(|(_, mean)| several && raised(mean)).map(|(&label, _)| label).collect();
    Filter { foreground, classes }
}

/// Puts together what was decided, and the evidence; `training` has the training cases of each label that have it, and those
/// in which it is a single component.
pub fn decision(
    filter: Filter,
    trials: &BTreeMap<u8, Vec<Trial>>,
    names: &BTreeMap<u8, String>,
    training: &BTreeMap<u8, (usize, usize)>,
) -> Decision {
    let evidence = |(&label, trials): (&u8, &Vec<Trial>)| {
        let means = Means::of(trials);
        let mean_dice_class = if filter.foreground { means.both } else { means.class };
        let (training_cases, single_component) = training.get(&label).copied().unwrap_or_default();
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
    fn only_classes_of_a_single_component_are_filtered() {
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
    fn a_step_is_taken_if_a_mean_rises_and_in_the_first_one_none_falls() {
        // Label 1 gains by the first step, and nothing falls; label 2 gains by the second.
        let trials = BTreeMap::from([
            (1, vec![trial(0.5, 0.7, 0.6, 0.7), trial(0.5, 0.5, 0.5, 0.5)]),
            (2, vec![trial(0.8, 0.8, 0.8, 0.9), Trial::default()]),
        ]);
        let filter = by_cross_validation(&trials);
        assert_eq!(filter, Filter { foreground: true, classes: BTreeSet::from([2]) });
        let names = BTreeMap::from([(1, "organ".to_owned()), (2, "tumour".to_owned())]);
        let decided = decision(filter, &trials, &names, &BTreeMap::from([(1, (4, 3))]));
        assert_eq!((decided.predictions, decided.classes[&1].single_component), (2, 3));
        assert_eq!(decided.classes[&1].mean_dice_after, decided.classes[&1].mean_dice_foreground);
        assert_eq!((decided.classes[&2].mean_dice_before, decided.classes[&2].mean_dice_after), (Some(0.8), Some(0.9)));

        // A label that falls forbids the first step; the second is judged label by label.
        let trials = BTreeMap::from([(1, vec![trial(0.5, 0.7, 0.6, 0.7)]), (2, vec![trial(0.8, 0.7, 0.7, 0.7)])]);
        assert_eq!(by_cross_validation(&trials), Filter { foreground: false, classes: BTreeSet::from([1]) });
    }

    #[test]
    fn of_a_single_label_the_first_step_is_all_there_is() {
        let trials = BTreeMap::from([(1, vec![trial(0.5, 0.6, 0.6, 0.6)])]);
        assert_eq!(by_cross_validation(&trials), Filter { foreground: true, classes: BTreeSet::new() });
        let trials = BTreeMap::from([(1, vec![trial(0.5, 0.5, 0.5, 0.5)])]);
        assert!(by_cross_validation(&trials).is_empty());
    }
}
