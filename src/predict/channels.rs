//! Meaning of the channels of a prediction, and the labels that follow from their probabilities.

use ndarray::{Array3, Zip};

use crate::plan::schema::Plan;
use crate::predict::error::PredictError;
use crate::volume::Shape;

/// Probability above which a voxel belongs to a region. Source: nnU-Net v2, `label_handling.py`.
const REGION_THRESHOLD: f32 = 0.5;

/// The channels of a prediction, with a label for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Background, and each class: exactly one of them is written.
    Classes(Vec<i16>),
    /// Regions, which may overlap: later ones overwrite earlier ones, and voxels of none are background.
    Regions(Vec<i16>),
}

impl Channels {
    /// Those of a plan's networks.
    pub fn of(plan: &Plan) -> Self {
        if plan.data.regions.is_empty() {
            Self::Classes(std::iter::once(0).chain(plan.data.labels.keys().map(|&label| label.into())).collect())
        } else {
            Self::Regions(plan.data.regions.iter().map(|region| region.value.into()).collect())
        }
    }

    /// Probability of a channel where nothing is predicted, outside the crop: that is background.
    pub fn outside(&self, channel: usize) -> f32 {
        if matches!(self, Self::Classes(_)) && channel == 0 { 1.0 } else { 0.0 }
    }

    /// The label of each voxel, `[z, y, x]`. `values` computes a channel: its probabilities times `scale` or, for classes, anything
    /// that is largest for the most probable class. Of equal classes the first one wins.
    ///
    /// # Errors
    ///
    /// If `values` fails.
    pub(super) fn labels(
        &self,
        shape: Shape,
        scale: f32,
        mut values: impl FnMut(usize) -> Result<Array3<f32>, PredictError>,
    ) -> Result<Array3<i16>, PredictError> {
        match self {
            Self::Classes(labels) => {
                let mut winner = arg_max(shape, labels.len(), values)?;
                winner.par_mapv_inplace(|class| labels[class as usize]);
                Ok(winner)
            }
            Self::Regions(labels) => {
                let mut written = Array3::zeros(shape.0);
                for (region, &label) in labels.iter().enumerate() {
                    Zip::from(&mut written).and(&values(region)?).par_for_each(|written, &value| {
                        if value > REGION_THRESHOLD * scale {
                            *written = label;
                        }
                    });
                }
                Ok(written)
            }
        }
    }
}

/// The class with the highest value for each voxel, `[z, y, x]`; of equal classes the lower one wins.
///
/// `values` computes the values of one class.
pub(super) fn arg_max(
    shape: Shape,
    classes: usize,
    mut values: impl FnMut(usize) -> Result<Array3<f32>, PredictError>,
) -> Result<Array3<i16>, PredictError> {
    let mut maximum = Array3::from_elem(shape.0, f32::MIN);
    let mut winner = Array3::<i16>::zeros(shape.0);
    for class in 0..classes {
        Zip::from(&mut winner).and(&mut maximum).and(&values(class)?).par_for_each(|winner, maximum, &value| {
            if value > *maximum {
                *maximum = value;
                *winner = class as i16;
            }
        });
    }
    Ok(winner)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array4, Axis, array};

    use super::*;

    #[test]
    fn later_regions_overwrite_earlier_ones_where_they_are_above_one_half() {
        let probabilities: Array4<f32> = ndarray::stack(
            Axis(0),
            &[array![[[0.9_f32, 0.9, 0.5, 0.1]]].view(), array![[[0.2_f32, 0.6, 0.4, 0.7]]].view()],
        )
        .unwrap();
        let regions = Channels::Regions(vec![2, 7]);
        let labels = |scale: f32| {
            let values = |region| Ok(probabilities.index_axis(Axis(0), region).mapv(|value| value * scale));
            regions.labels(Shape([1, 1, 4]), scale, values).unwrap()
        };
        assert_eq!(labels(1.0), array![[[2_i16, 7, 0, 7]]]);
        assert_eq!(labels(2.0), labels(1.0), "sums of two members");
    }

    #[test]
    fn the_crop_is_surrounded_by_background() {
        let classes = Channels::Classes(vec![0, 1]);
        assert_eq!([0, 1].map(|channel| classes.outside(channel).to_bits()), [1.0_f32, 0.0].map(f32::to_bits));
        let regions = Channels::Regions(vec![1, 2]);
        assert_eq!([0, 1].map(|channel| regions.outside(channel).to_bits()), [0, 0]);
    }
}
