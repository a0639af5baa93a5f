//! Prediction, post-processing and model selection.

use crate::plan::schema::{Average, Plan, PostprocessRule, Predict, Region};
use crate::report::record::RunRecord;
use crate::report::text::methods::phrases::{interpolation, join_and};
use crate::select::{Candidate, joined};
use crate::units::agree;

/// Sliding-window prediction.
pub(super) fn describe_prediction(plan: &Plan) -> String {
    let predict = &plan.predict;
    let stride = match predict.tile_step_fraction.to_string().as_str() {
        "0.5" => "half the patch".to_owned(),
        fraction => format!("{fraction} of the patch"),
    };
    let activation = if plan.data.regions.is_empty() { "softmax" } else { "sigmoid" };
    let resampled = match predict.average {
        Average::Probabilities => {
            format!("were resampled to the grid of each image ({})", interpolation(predict.probability_order))
        }
        Average::Logits => format!(
            "were averaged and resampled to the grid of each image as logits ({}), followed by the {activation}",
            interpolation(predict.probability_order)
        ),
    };
    format!(
        "Predictions used overlapping tiles of the size of the patch (stride {stride}; Gaussian weights with a standard deviation \
         of {} of the patch){} and {resampled}.{}",
        predict.gaussian_sigma_fraction,
        describe_mirroring(predict),
        describe_regions(&plan.data.regions)
    )
}

/// Test-time mirroring; empty without it.
fn describe_mirroring(predict: &Predict) -> String {
    let axes = &predict.mirror_axes;
    match axes.len() {
        _ if !predict.test_time_mirroring => String::new(),
        0 => String::new(),
        1 | 2 => {
            let axes: Vec<String> = axes.iter().map(usize::to_string).collect();
            format!(
                ", averaged over the versions of the image that are mirrored along {} {} of the patch (test-time mirroring),",
                agree(axes.len(), "axis", "axes"),
                join_and(&axes)
            )
        }
        _ => ", averaged over all mirrored versions of the image (test-time mirroring),".to_owned(),
    }
}

/// How overlapping regions became labels; empty if the networks segment classes.
fn describe_regions(regions: &[Region]) -> String {
    if regions.is_empty() {
        return String::new();
    }
    let named = |region: &Region| {
        let labels: Vec<String> = region.labels.iter().map(u8::to_string).collect();
        format!("{} ({} {})", region.name, agree(labels.len(), "label", "labels"), join_and(&labels))
    };
    let named: Vec<String> = regions.iter().map(named).collect();
    format!(
        " The networks segmented the overlapping regions {}; a voxel belonged to each region with a probability above 0.5, and later \
         regions overwrote earlier ones.",
        join_and(&named)
    )
}

/// Post-processing of the predicted label maps.
pub(super) fn describe_postprocessing(plan: &Plan) -> String {
    let none = "Predictions were not post-processed.".to_owned();
    match plan.postprocess.rule {
        PostprocessRule::None => none,
        PostprocessRule::CrossValidation => {
            "Only the largest connected component of all foreground, or of a class, was kept \
                                             where this increased the mean Dice of the validation cases."
                .to_owned()
        }
        PostprocessRule::SingleComponent => {
            let labels = plan.data.single_component_labels.iter();
            let classes: Vec<&String> = labels.filter_map(|label| plan.data.labels.get(label)).collect();
            if classes.is_empty() {
                return none;
            }
            format!(
                "Only the largest connected component of {} was kept, because {} a single component in every training case.",
                join_and(&classes),
                agree(classes.len(), "it is", "each is")
            )
        }
    }
}

/// How the models were ranked and which was selected; empty if there was no selection.
pub(super) fn describe_selection(record: &RunRecord) -> String {
    let Some((first, others)) = record.selection.as_ref().and_then(|selection| selection.candidates.split_first())
    else {
        return String::new();
    };
    let dice = |one: &Candidate| format!("{}: {:.4}", joined(&one.configurations), one.mean_foreground_dice);
    let others: Vec<String> = others.iter().map(dice).collect();
    let others = if others.is_empty() { String::new() } else { format!("; {}", others.join(", ")) };
    format!(
        "Ensembles averaged the class probabilities of two configurations. Of all configurations and ensembles, {} was selected for \
         its mean foreground Dice in the cross-validation ({:.4}{others}).",
        joined(&first.configurations),
        first.mean_foreground_dice
    )
}
