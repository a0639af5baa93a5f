//! The outputs of one ensemble member, resampled to the image's own grid and made probabilities there.

use ndarray::{Array3, Zip};

use crate::plan::schema::{Average, Configuration, Plan};
use crate::predict::activation::{Activation, LogSumExp, logistic};
use crate::predict::error::PredictError;
use crate::predict::outputs::Outputs;
use crate::preprocess::{Placement, separate_axis, separate_axis_back, spline_order};
use crate::volume::Spacing;
use crate::volume::resample::{Order, resize};

/// Outputs that one ensemble member predicts for an image, on its prepared grid.
#[derive(Clone, Copy, Debug)]
pub struct MemberOutputs<'a> {
    /// The outputs, `[channel, z, y, x]`.
    pub outputs: &'a Outputs,
    /// Position of the prepared grid in the image's own grid.
    pub placement: &'a Placement,
    /// How they become probabilities on the image's own grid.
    pub export: Export,
}

/// How outputs on a prepared grid become probabilities on the image's own grid.
#[derive(Clone, Copy, Debug)]
pub struct Export {
    /// Interpolation order.
    pub order: Order,
    /// The anisotropic axis, which is resampled separately by nearest neighbour, if there is one.
    pub separate_axis: Option<usize>,
    /// Activation after the resampling of logits; `None` if the outputs are probabilities.
    pub activation: Option<Activation>,
}

impl Export {
    /// The inverse of the resampling by [`crate::preprocess::prepare`] of an image with this spacing.
    ///
    /// nnU-Net commit 6150f1b0 looks for the anisotropic axis in the image first, v2 in the prepared grid; so do probabilities and
    /// logits here.
    pub fn new(plan: &Plan, configuration: &Configuration, spacing: Spacing) -> Self {
        let order = spline_order(plan.predict.probability_order);
        match plan.predict.average {
            Average::Probabilities => {
                let separate_axis = separate_axis(spacing, &plan.preprocess, configuration);
                Self { order, separate_axis, activation: None }
            }
            Average::Logits => {
                let separate_axis = separate_axis_back(spacing, &plan.preprocess, configuration);
                Self { order, separate_axis, activation: Some(Activation::of(plan)) }
            }
        }
    }
}

/// A member whose channels are read one at a time, on the crop of the image's own grid.
pub(super) struct ResampledMember<'a> {
    member: MemberOutputs<'a>,
    /// The logarithm of the sum of exponentials over all channels, for the softmax of one of them.
    log_sum: Option<Array3<f32>>,
}

impl<'a> ResampledMember<'a> {
    /// A member of which only outputs are read.
    pub(super) fn of_outputs(member: MemberOutputs<'a>) -> Self {
        Self { member, log_sum: None }
    }

    /// A member of which probabilities are read. For a softmax after the resampling, each channel is resampled twice, so that they
    /// need not be in memory together.
    pub(super) fn of_probabilities(member: MemberOutputs<'a>) -> Result<Self, PredictError> {
        let mut resampled = Self::of_outputs(member);
        if member.export.activation == Some(Activation::Softmax) {
            let mut sum = LogSumExp::new(member.placement.crop.shape().0);
            for channel in 0..member.outputs.channels() {
                sum.add(resampled.outputs(channel)?.view());
            }
            resampled.log_sum = Some(sum.finish());
        }
        Ok(resampled)
    }

    /// Outputs of a channel, `[z, y, x]`.
    pub(super) fn outputs(&self, channel: usize) -> Result<Array3<f32>, PredictError> {
        let MemberOutputs { outputs, placement, export } = self.member;
        let values = outputs.channel(channel)?;
        let values = values.view().permuted_axes(placement.axes_back());
        Ok(resize(values, placement.crop.shape(), export.order, export.separate_axis))
    }

    /// Makes probabilities of the outputs of a channel.
    ///
    /// # Panics
    ///
    /// If a softmax is needed and the member is [`Self::of_outputs`].
    pub(super) fn activate(&self, outputs: &mut Array3<f32>) {
        match self.member.export.activation {
            None => (),
            Some(Activation::Sigmoid) => outputs.par_mapv_inplace(logistic),
            Some(Activation::Softmax) => {
                let log_sum = self.log_sum.as_ref().expect("`of_probabilities` has computed it");
                Zip::from(outputs).and(log_sum).par_for_each(|value, &log_sum| *value = (*value - log_sum).exp());
            }
        }
    }
}
