//! Ranges of single numbers, table by table.

use crate::device::DeviceName;
use crate::plan::schema::{Plan, Rules, Runtime};
use crate::plan::tolerance::{TooFine, too_fine};
use crate::plan::validate::{Check, MOST_POOLS};

impl Check<'_> {
    pub(super) fn training(&mut self, plan: &Plan) {
        let train = &plan.train;
        self.share("network.leaky_slope", plan.network.leaky_slope);
        self.positive("network.norm_eps", plan.network.norm_eps);
        self.not_negative("loss.dice_smooth", plan.loss.dice_smooth);
        self.positive("train.learning_rate", train.learning_rate);
        self.not_negative("train.weight_decay", train.weight_decay);
        self.at_least_one("train.batches", train.batches);
        self.at_least_one("train.validation_batches", train.validation_batches);
        self.at_least_one("train.max_epochs", train.max_epochs);
        self.share("train.ema_train", train.ema_train);
        self.share("train.ema_validation", train.ema_validation);
        let falls = train.lr_factor > 0.0 && train.lr_factor < 1.0;
        let message = format!("`train.lr_factor` is {}", train.lr_factor);
        self.that(falls, "train.lr_factor", message, "expected more than 0 and less than 1: the rate falls");
        self.not_negative("train.lr_threshold", train.lr_threshold);
        self.not_negative("train.stop_threshold", train.stop_threshold);
        self.not_negative("train.lr_floor", train.lr_floor);
    }

    pub(super) fn augmentation(&mut self, plan: &Plan) {
        let augment = &plan.augment;
        self.share("augment.elastic_probability", augment.elastic_probability);
        self.share("augment.rotation_probability", augment.rotation_probability);
        self.share("augment.scale_probability", augment.scale_probability);
        self.share("augment.gamma_probability", augment.gamma_probability);
        self.share("augment.mirror_probability", augment.mirror_probability);
        self.range("augment.elastic_alpha_3d", augment.elastic_alpha_3d);
        self.range("augment.elastic_alpha_2d", augment.elastic_alpha_2d);
        self.range("augment.elastic_sigma", augment.elastic_sigma);
        self.positive("augment.elastic_sigma.0", augment.elastic_sigma[0]);
        self.range("augment.scale", augment.scale);
        self.positive("augment.scale.0", augment.scale[0]);
        self.range("augment.gamma", augment.gamma);
        self.positive("augment.gamma.0", augment.gamma[0]);
        self.not_negative("augment.rotation_degrees_3d", augment.rotation_degrees_3d);
        self.not_negative("augment.rotation_degrees_2d", augment.rotation_degrees_2d);
        self.share("augment.morphology_probability", augment.morphology_probability);
        self.range("augment.morphology_radius", augment.morphology_radius);
        self.not_negative("augment.morphology_radius.0", augment.morphology_radius[0]);
        self.share("augment.removal_probability", augment.removal_probability);
        self.share("augment.removal_share", augment.removal_share);
        self.one_of("augment.label_order", augment.label_order, &[0, 1]);
    }

    pub(super) fn prediction(&mut self, plan: &Plan) {
        let predict = &plan.predict;
        let right = predict.step > 0.0 && predict.step <= 1.0;
        let message = format!("`predict.step` is {}", predict.step);
        self.that(right, "predict.step", message, "expected more than 0 and at most 1, as a share of the patch");
        self.positive("predict.gaussian_sigma", predict.gaussian_sigma);
        self.not_negative("evaluate.surface_tolerance", plan.evaluate.surface_tolerance);
        self.surface(plan);
        self.one_of("predict.softmax_order", predict.softmax_order, &[0, 1, 3]);
    }

    fn surface(&mut self, plan: &Plan) {
        let Some(TooFine { edge, instead }) = too_fine(plan).filter(|_| self.known(&["data.median_spacing"])) else {
            return;
        };
        let tolerance = plan.evaluate.surface_tolerance;
        let message = format!(
            "a surface tolerance of {tolerance} mm is below the smallest edge of the median voxel, {edge} mm: the surface Dice \
             counts identical surface voxels only"
        );
        let help = format!("such as `--set evaluate.surface_tolerance={instead}`");
        self.warned(tolerance < 0.0, "evaluate.surface_tolerance", message, "no distance is so short", help);
    }

    pub(super) fn runtime(&mut self, runtime: &Runtime) {
        let message = "`runtime.data` names no folder";
        self.that(!runtime.data.is_empty(), "runtime.data", message, "expected at least one, such as [\"data\"]");
        let message = "`runtime.memory_gib` is 0";
        self.that(runtime.memory_gib > 0, "runtime.memory_gib", message, "expected 1 or more");
        // Whether the backend is in this build is asked when something runs: a plan for a GPU is read anywhere.
        if let Err(error) = runtime.device.parse::<DeviceName>() {
            let help = "`segplan doctor` lists the devices of this build and this machine".to_owned();
            self.helped(false, "runtime.device", error.to_string(), "not a device", help);
        }
    }

    pub(super) fn rules(&mut self, rules: &Rules) {
        let counts = [
            ("rules.reference_patch_2d.0", rules.reference_patch_2d[0]),
            ("rules.reference_patch_2d.1", rules.reference_patch_2d[1]),
            ("rules.reference_batch_2d", rules.reference_batch_2d),
            ("rules.reference_patch_3d.0", rules.reference_patch_3d.0[0]),
            ("rules.reference_patch_3d.1", rules.reference_patch_3d.0[1]),
            ("rules.reference_patch_3d.2", rules.reference_patch_3d.0[2]),
            ("rules.reference_batch_3d", rules.reference_batch_3d),
            ("rules.min_batch_size", rules.min_batch_size),
            ("rules.base_features", rules.base_features),
        ];
        for (path, count) in counts {
            self.at_least_one(path, count);
        }
        for (path, pools) in [("rules.max_pools_2d", rules.max_pools_2d), ("rules.max_pools_3d", rules.max_pools_3d)] {
            self.that(
                pools < MOST_POOLS,
                path,
                format!("`{path}` is {pools}"),
                format!("expected 0 to {}", MOST_POOLS - 1),
            );
        }
        let features =
            [("rules.max_features_2d", rules.max_features_2d), ("rules.max_features_3d", rules.max_features_3d)];
        for (path, most) in features {
            let expected = format!("expected at least `rules.base_features`, which is {}", rules.base_features);
            let right = most >= rules.base_features || !self.known(&["rules.base_features"]);
            self.that(right, path, format!("`{path}` is {most}"), expected);
        }
        let below = rules.pool_until_below;
        let message = format!("`rules.pool_until_below` is {below}");
        self.that(below >= 2, "rules.pool_until_below", message, "expected 2 or more: one voxel cannot be halved");
        self.share("rules.dataset_fraction", rules.dataset_fraction);
        self.positive("rules.dataset_fraction", rules.dataset_fraction);
        self.share("rules.mask_norm_reduction", rules.mask_norm_reduction);
        self.positive("rules.cascade_factor", rules.cascade_factor);
        let ratios =
            [("rules.lowres_anisotropy", rules.lowres_anisotropy), ("rules.slice_wise_ratio", rules.slice_wise_ratio)];
        for (path, ratio) in ratios {
            let right = ratio >= 1.0 && ratio.is_finite();
            self.that(
                right,
                path,
                format!("`{path}` is {ratio}"),
                "expected 1 or more: a larger edge over a smaller one",
            );
        }
    }
}
