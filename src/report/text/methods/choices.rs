//! Sentences on loss, optimiser, schedule, stopping rule and augmentation.

use crate::plan::schema::{
    Augment, AugmentationKind, ConfigurationName, Loss, Optimizer, Plan, Schedule, Stopping, Train,
};
use crate::report::text::methods::phrases::join_and;

pub(super) fn describe_loss(loss: &Loss) -> String {
    match loss {
        Loss::DiceCe(settings) => format!(
            "The loss was the sum of the soft Dice loss ({} background, smoothing {}) and the cross-entropy.",
            if settings.include_background { "including" } else { "excluding" },
            number(settings.smooth)
        ),
    }
}

pub(super) fn describe_optimizer(optimizer: &Optimizer, learning_rate: f64) -> String {
    match optimizer {
        Optimizer::Adam(settings) => format!(
            "Networks were trained with Adam [@kingma2014adam]{}, an initial learning rate of {} and a weight decay (L2) of {}.",
            if settings.amsgrad { " with AMSGrad [@reddi2018amsgrad]" } else { "" },
            number(learning_rate),
            number(settings.weight_decay)
        ),
    }
}

pub(super) fn describe_schedule(train: &Train) -> String {
    match &train.schedule {
        Schedule::Plateau(settings) => format!(
            "The learning rate was multiplied by {} whenever the exponential moving average of the training loss (decay {}) had not \
             improved by more than {} for more than {} epochs.",
            number(settings.factor),
            train.train_loss_ema_decay,
            number(settings.threshold),
            settings.patience_epochs
        ),
    }
}

pub(super) fn describe_stopping(train: &Train) -> String {
    let max_epochs = train.max_epochs;
    match &train.stopping {
        Stopping::None => format!("Training ended after {max_epochs} epochs."),
        Stopping::ValidationPlateau(rule) => format!(
            "Training stopped when the exponential moving average of the validation loss (decay {}) had not improved by more than \
             {} for more than {} epochs and the learning rate was below {}, or after {max_epochs} epochs.",
            train.validation_loss_ema_decay,
            number(rule.threshold),
            rule.patience_epochs,
            number(rule.below_learning_rate)
        ),
    }
}

pub(super) fn describe_augmentation(plan: &Plan) -> String {
    let Augment { elastic, rotation, scaling, gamma, mirroring, .. } = &plan.augment;
    let kinds: Vec<AugmentationKind> =
        plan.run.configurations.iter().map(|name| plan.configurations[name].augmentation).collect();
    let by_kind = |in_3d: String, in_2d: String| {
        let is_3d = |kind: &AugmentationKind| *kind == AugmentationKind::ThreeD;
        match (kinds.iter().any(is_3d), kinds.iter().all(is_3d)) {
            (true, true) => in_3d,
            (false, _) => in_2d,
            (true, false) => format!("{in_3d} in 3D, {in_2d} in 2D"),
        }
    };
    let transforms = [
        (
            elastic.probability,
            format!(
                "elastic deformation (probability {}; amplitude {} voxels, smoothing {} voxels)",
                elastic.probability,
                by_kind(range(elastic.alpha_3d_voxels), range(elastic.alpha_2d_voxels)),
                range(elastic.sigma_voxels)
            ),
        ),
        (
            rotation.probability,
            format!(
                "rotation (probability {}; up to {})",
                rotation.probability,
                by_kind(format!("{}°", rotation.max_degrees_3d), format!("{}°", rotation.max_degrees_2d))
            ),
        ),
        (scaling.probability, format!("scaling (probability {}; {})", scaling.probability, range(scaling.range))),
        (gamma.probability, format!("gamma correction (probability {}; {})", gamma.probability, range(gamma.range))),
        (mirroring.probability, format!("mirroring along each axis (probability {})", mirroring.probability)),
    ];
    let used: Vec<String> = transforms.into_iter().filter(|(chance, _)| *chance > 0.0).map(|(_, text)| text).collect();
    let patches = if used.is_empty() {
        "Training patches were not augmented.".to_owned()
    } else {
        format!("Training patches were augmented by {}.", join_and(&used))
    };
    if plan.run.configurations.contains(&ConfigurationName::Cascade) {
        format!("{patches} {}", describe_corruption(&plan.augment))
    } else {
        patches
    }
}

fn describe_corruption(augment: &Augment) -> String {
    let (morphology, removal) = (&augment.morphology, &augment.component_removal);
    format!(
        "In the second stage of the cascade, the predictions of the first stage were corrupted by erosion, dilation, opening or \
         closing with a ball (probability {}; radius {} voxels), and by removal of a component of less than {} % of the patch from \
         each class (probability {}).",
        morphology.probability,
        range(morphology.radius_voxels),
        100.0 * removal.max_patch_fraction,
        removal.probability
    )
}

fn range([low, high]: [f64; 2]) -> String {
    format!("{low} to {high}")
}

fn number(value: f64) -> String {
    if value != 0.0 && value.abs() < 0.01 { format!("{value:e}") } else { value.to_string() }
}
