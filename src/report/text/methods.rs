//! The methods paragraph of a paper, written from plan, manifest and logs: what was done, with every number.
//!
//! Keys in square brackets are those of `references.bib`. Deliberately absent: anything that the record does not know.

use crate::plan::schema::{
    AugmentationKind, Configuration, ConfigurationName, DiceScope, Normalization, Plan, PostprocessRule, Split,
};
use crate::report::record::RunRecord as Record;
use crate::select::{Candidate, joined};
use crate::units::counted;

/// The paragraph.
pub(crate) fn write_methods(record: &Record) -> String {
    let plan = &record.plan;
    let mut parts = vec![data(plan), preprocessing(plan)];
    parts.extend(plan.run.configurations.iter().map(|&name| network(plan, name)));
    parts.extend([
        loss(plan),
        training(record),
        augmentation(plan),
        prediction(plan),
        choice(record),
        evaluation(record),
        software(record),
    ]);
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

fn data(plan: &Plan) -> String {
    let (data, split) = (&plan.data, &plan.split);
    let classes: Vec<&str> = data.labels.values().map(String::as_str).collect();
    format!(
        "Networks were planned and trained by the rules of nnU-Net [@isensee2018nnunet] on the {} training cases of {} \
         (channels: {}; classes: {}; median spacing {}, z × y × x){}. {}",
        data.cases,
        data.dataset,
        data.channels.join(", "),
        classes.join(", "),
        data.median_spacing_mm,
        excluded(plan),
        folds(split)
    )
}

/// The training cases that were left out; nothing where there are none.
fn excluded(plan: &Plan) -> String {
    let left_out = &plan.data.exclude;
    if left_out.is_empty() {
        return String::new();
    }
    let were = if left_out.len() == 1 { "was" } else { "were" };
    format!("; {} {were} left out ({})", counted(left_out.len(), "further training case"), left_out.join(", "))
}

fn folds(split: &Split) -> String {
    let begins =
        format!("The cases were shuffled by the seed {} into {} folds of nearly equal size, ", split.seed, split.folds);
    if split.patient_pattern.is_empty() {
        format!("{begins}case by case.")
    } else {
        format!(
            "{begins}patient by patient: cases in whose names the regular expression `{}` finds the same patient share a fold.",
            split.patient_pattern
        )
    }
}

fn preprocessing(plan: &Plan) -> String {
    let preprocess = &plan.preprocess;
    let order = |order: u8| match order {
        0 => "nearest neighbours".to_owned(),
        1 => "linear interpolation".to_owned(),
        order => format!("splines of order {order}"),
    };
    let channel = |(name, how): (&String, &Normalization)| match how {
        Normalization::Ct => format!(
            "{name} was clipped to the 0.5 % and 99.5 % quantiles of the foreground's intensities in the training cases and \
             normalised by their mean and standard deviation"
        ),
        Normalization::ZScore => format!("{name} was normalised by the mean and standard deviation of each image"),
        Normalization::None => format!("the intensities of {name} were not normalised"),
    };
    let channels: Vec<String> = plan.data.channels.iter().zip(&preprocess.normalization_scheme).map(channel).collect();
    let masked = if preprocess.normalize_in_mask { ", inside of the non-zero mask only" } else { "" };
    let apart = if preprocess.anisotropy_threshold > 0.0 {
        format!(
            " (the coarsest axis apart, by nearest neighbours, where spacings differ by more than a factor of {})",
            preprocess.anisotropy_threshold
        )
    } else {
        String::new()
    };
    format!(
        "Images were cropped to their non-zero region and resampled, images by {} and labels by {}{apart}; {}{masked}.",
        order(preprocess.image_order),
        order(preprocess.label_order),
        channels.join("; ")
    )
}

fn network(plan: &Plan, name: ConfigurationName) -> String {
    let configuration = &plan.configurations[&name];
    let Configuration {
        spacing_mm: spacing,
        patch_size,
        batch_size,
        pool_depths: pools,
        features_per_stage: features,
        augmentation,
        ..
    } = configuration;
    let features: Vec<String> = features.iter().map(ToString::to_string).collect();
    let [z, y, x] = pools;
    let dice = match configuration.dice_scope() {
        DiceScope::Sample => "of each sample",
        DiceScope::Batch => "over the batch",
    };
    let input = match name {
        ConfigurationName::Cascade => {
            " that also sees, as one channel for each class, what networks of 3d_lowres that had not been trained on the case \
             predict of it"
        }
        ConfigurationName::TwoD | ConfigurationName::FullRes | ConfigurationName::LowRes => "",
    };
    let transforms = match augmentation {
        AugmentationKind::TwoD => "in the plane".to_owned(),
        AugmentationKind::ThreeD => "in space".to_owned(),
        AugmentationKind::Dummy2d => {
            format!("in slices perpendicular to {}", ["z", "y", "x"][configuration.augmented_axis()])
        }
    };
    format!(
        "{name}: a U-Net{input} with {} feature maps from the finest to the coarsest resolution, {z}, {y} and {x} poolings along z, y \
         and x, two convolutions a resolution with instance normalisation and leaky ReLU (slope {}); target spacing {spacing} \
         (0: the case's own); patches of {patch_size} voxels in batches of {batch_size}; Dice loss {dice}; augmentation {transforms}.",
        features.join(", "),
        plan.network.leaky_relu_slope
    )
}

fn loss(plan: &Plan) -> String {
    let loss = plan.loss.dice_ce();
    let background = if loss.include_background { "with" } else { "without" };
    format!("The loss was the sum of soft Dice ({background} background, smoothing {}) and cross-entropy.", loss.smooth)
}

fn training(record: &Record) -> String {
    let train = &record.plan.train;
    let (adam, plateau) = (train.optimizer.adam(), train.plateau());
    let stop = train.validation_plateau().expect("rewritten with the schedule's own description");
    let amsgrad = if adam.amsgrad { " with AMSGrad [@reddi2018amsgrad]" } else { "" };
    let lengths: Vec<usize> = record.networks.iter().map(|one| one.epochs.len()).filter(|&count| count > 0).collect();
    let trained = match (lengths.iter().min(), lengths.iter().max()) {
        (Some(low), Some(high)) if low == high => {
            format!("{} trained for {}", counted(lengths.len(), "network"), counted(*low, "epoch"))
        }
        (Some(low), Some(high)) => format!("{} trained for {low} to {high} epochs", counted(lengths.len(), "network")),
        _ => "no network has trained yet".to_owned(),
    };
    let seeds: Vec<String> = record.plan.run.seeds.iter().map(ToString::to_string).collect();
    format!(
        "Adam [@kingma2014adam]{amsgrad} began at a learning rate of {} (weight decay {}); an epoch was {} batches, and {} for \
         validation. The rate was multiplied by {} when the moving average of the training loss (weight of the past {}) had \
         not improved by {} for {} epochs. Training stopped when that of the validation loss (weight of the past {}) had not \
         improved by {} for {} epochs and the rate was below {}, and after {} epochs at most; {trained} (seeds: {}).",
        train.learning_rate,
        adam.weight_decay,
        train.batches_per_epoch,
        train.validation_batches_per_epoch,
        plateau.factor,
        train.train_loss_ema_decay,
        plateau.threshold,
        plateau.patience_epochs,
        train.validation_loss_ema_decay,
        stop.threshold,
        stop.patience_epochs,
        stop.below_learning_rate,
        train.max_epochs,
        seeds.join(", ")
    )
}

fn augmentation(plan: &Plan) -> String {
    let augment = &plan.augment;
    let range = |[low, high]: [f64; 2]| format!("{low} to {high}");
    let faults = if plan.run.configurations.contains(&ConfigurationName::Cascade) {
        format!(
            " In the cascade, the first stage's labels were eroded, dilated, opened or closed by a ball (probability {}; radius {} \
             voxels), and lost a component of less than {} of the patch (probability {}).",
            augment.morphology.probability,
            range(augment.morphology.radius_voxels),
            augment.component_removal.max_patch_fraction,
            augment.component_removal.probability
        )
    } else {
        String::new()
    };
    format!(
        "Patches were augmented by elastic deformation (probability {}; amplitude {} in 3D, {} in 2D; smoothing {}), rotation \
         (probability {}; up to {}° in 3D, {}° in 2D), scaling (probability {}; {}), gamma (probability {}; {}) and mirroring \
         of each axis (probability {}).{faults}",
        augment.elastic.probability,
        range(augment.elastic.alpha_3d_voxels),
        range(augment.elastic.alpha_2d_voxels),
        range(augment.elastic.sigma_voxels),
        augment.rotation.probability,
        augment.rotation.max_degrees_3d,
        augment.rotation.max_degrees_2d,
        augment.scaling.probability,
        range(augment.scaling.range),
        augment.gamma.probability,
        range(augment.gamma.range),
        augment.mirroring.probability
    )
}

fn prediction(plan: &Plan) -> String {
    let predict = &plan.predict;
    let mirrored = if predict.test_time_mirroring { ", averaged over all mirrored images" } else { "" };
    let single: Vec<&str> = plan
        .data
        .single_component_labels
        .iter()
        .filter_map(|label| plan.data.labels.get(label))
        .map(String::as_str)
        .collect();
    let kept = match plan.postprocess.rule {
        PostprocessRule::SingleComponent if !single.is_empty() => format!(
            "Only the largest component was kept of {}, which is a single component in every training case.",
            single.join(", ")
        ),
        PostprocessRule::CrossValidation => {
            "Only the largest component, of all foreground or of single classes, was kept where that \
             raised the mean Dice of the held-out cases."
                .to_owned()
        }
        PostprocessRule::SingleComponent | PostprocessRule::None => "Predictions were not post-processed.".to_owned(),
    };
    format!(
        "Cases were predicted in windows of the patch's size, {} of it apart, with Gaussian weights (standard deviation {} of \
         the patch){mirrored}, and resampled to their own grids. {kept}",
        predict.tile_step_fraction, predict.gaussian_sigma_fraction
    )
}

/// How the candidates were compared and which one was chosen; nothing where there was no choice.
fn choice(record: &Record) -> String {
    let Some(selection) = &record.selection else { return String::new() };
    let Some((first, others)) = selection.candidates.split_first() else { return String::new() };
    let dice = |one: &Candidate| format!("{} ({:.4})", joined(&one.configurations), one.mean_foreground_dice);
    let others: Vec<String> = others.iter().map(dice).collect();
    format!(
        "Ensembles of two configurations labelled each held-out case by the mean of the probabilities of both networks of its \
         fold. Of all configurations and ensembles, that with the highest Dice in the cross-validation, averaged over {} cases \
         and then over classes, was chosen: {}; the others were {}.",
        first.cases,
        dice(first),
        others.join(", ")
    )
}

fn evaluation(record: &Record) -> String {
    let run = &record.plan.run;
    let scored = record.networks.iter().filter(|one| one.state.evaluated.is_some()).count();
    let seeds =
        if run.seeds.len() == 1 { " One seed was used, so that the spread over seeds is not known." } else { "" };
    format!(
        "Each network segmented the cases that its fold held out; {scored} of {} planned networks were scored, on {} of {} folds. \
         Values are means and standard deviations over cases; 95 % intervals are percentiles of 2000 bootstrap resamples of \
         the cases. Dice is not defined where reference and prediction are both empty, and 0 where one of them is.{seeds}",
        record.networks.len(),
        run.folds.len(),
        record.plan.split.folds
    )
}

fn software(record: &Record) -> String {
    let Some(manifest) = &record.manifest else { return "The software's version was not recorded.".to_owned() };
    let commit = match (&manifest.git_commit, manifest.git_dirty) {
        (Some(commit), Some(true)) => format!(", in a repository at commit {commit} with changes"),
        (Some(commit), _) => format!(", in a repository at commit {commit}"),
        (None, _) => String::new(),
    };
    let host = &manifest.host;
    let processor = host.processor.as_deref().unwrap_or(&host.arch);
    format!(
        "segplan {} was used{commit}, on the device `{}` of a machine with {} cores ({processor}, {}).",
        manifest.version, manifest.device, host.cores, host.os
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_said_to_be_by_patient_where_cases_are_grouped() {
        let mut plan: Plan = crate::plan::testing::example();
        assert!(folds(&plan.split).ends_with("of nearly equal size, case by case."));
        assert_eq!(excluded(&plan), "");
        plan.split.patient_pattern = "^(.+)_E[DS]$".to_owned();
        plan.data.exclude = vec!["a".to_owned()];
        let said = folds(&plan.split);
        assert!(said.contains("patient by patient") && said.contains("`^(.+)_E[DS]$`"), "{said}");
        assert_eq!(excluded(&plan), "; 1 further training case was left out (a)");
    }
}
