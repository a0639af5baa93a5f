//! What is done to a predicted label map. Source: arXiv:1809.10486, section 2.5 (spec section 13).

use std::collections::BTreeSet;

use ndarray::{Array3, Zip};

use crate::plan::schema::{Plan, PostprocessRule};
use crate::volume::components::{Connectivity, largest_component};

/// Applies the plan's rule to predicted labels, in place.
pub fn postprocess(labels: &mut Array3<i16>, plan: &Plan) {
    match plan.postprocess.rule {
        PostprocessRule::None => (),
        PostprocessRule::SingleComponent => {
            keep_largest_components(labels, &plan.data.single_component.iter().copied().collect());
        }
    }
}

/// Keeps the largest 26-connected component of each of `classes`; the rest of these classes becomes background.
///
/// Source: spec section 13: for classes that form a single component in every training case.
pub fn keep_largest_components(labels: &mut Array3<i16>, classes: &BTreeSet<u8>) {
    for &class in classes {
        let class = i16::from(class);
        let mask = labels.mapv(|label| label == class);
        let largest = largest_component(mask.view(), Connectivity::Corners);
        Zip::from(&mut *labels).and(&mask).and(&largest).for_each(|label, &mask, &largest| {
            if mask && !largest {
                *label = 0;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn only_classes_of_a_single_component_are_filtered() {
        let mut labels = array![[[1_i16, 1, 0, 1, 0, 2, 0, 2]]];
        keep_largest_components(&mut labels, &BTreeSet::from([1]));
        assert_eq!(labels, array![[[1_i16, 1, 0, 0, 0, 2, 0, 2]]]);
    }
}
