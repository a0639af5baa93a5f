//! The networks: architecture, patches, batches.

use crate::plan::schema::{ConfigurationName, DiceScope, Plan, Precision};
use crate::report::text::methods::data::describe_spacing;
use crate::report::text::methods::phrases::{count_in_words, join_and};

/// The common architecture, then each configuration.
pub(super) fn describe_networks(plan: &Plan) -> String {
    let shared = format!(
        "All networks were U-Nets with two convolutions per resolution, instance normalisation, leaky ReLU (slope {}), max \
         pooling and transposed convolutions{}.",
        plan.network.leaky_relu_slope,
        match plan.network.precision {
            Precision::F32 => ", computed in 32-bit precision",
            Precision::Bf16 => ", with convolutions and activations in bfloat16",
            Precision::F16 => ", with convolutions and activations in 16-bit floating point",
        }
    );
    let configurations = plan.run.configurations.iter().map(|&name| describe_network(plan, name));
    std::iter::once(shared).chain(configurations).collect::<Vec<_>>().join(" ")
}

fn describe_network(plan: &Plan, name: ConfigurationName) -> String {
    let configuration = &plan.configurations[&name];
    let stages = configuration.features_per_stage.len();
    let [z, y, x] = configuration.pool_depths;
    let poolings = match name {
        ConfigurationName::TwoD => join_and(&[y, x]) + " poolings in the plane",
        ConfigurationName::FullRes | ConfigurationName::LowRes | ConfigurationName::Cascade => {
            join_and(&[z, y, x]) + " poolings along z, y and x"
        }
    };
    let (patch, unit) = match name {
        ConfigurationName::TwoD => {
            let [_, y, x] = configuration.patch_size.0;
            (format!("{y} × {x}"), "pixels")
        }
        ConfigurationName::FullRes | ConfigurationName::LowRes | ConfigurationName::Cascade => {
            (configuration.patch_size.to_string(), "voxels")
        }
    };
    let scope = match configuration.dice_scope() {
        DiceScope::Sample => "per sample",
        DiceScope::Batch => "over the batch",
    };
    format!(
        "{} had {} resolutions ({poolings}; {} feature maps){} and was trained on patches of {patch} {unit} (batch size {}) at {}, \
         with the Dice loss computed {scope}.",
        title_of(name),
        count_in_words(stages),
        join_and(&configuration.features_per_stage),
        extra_input(name),
        configuration.batch_size,
        describe_spacing(plan, name),
    )
}

fn title_of(name: ConfigurationName) -> String {
    let network = match name {
        ConfigurationName::TwoD => "2D U-Net",
        ConfigurationName::FullRes => "3D U-Net",
        ConfigurationName::LowRes => "low-resolution 3D U-Net",
        ConfigurationName::Cascade => "second-stage 3D U-Net of the cascade",
    };
    format!("The {network} ({name})")
}

fn extra_input(name: ConfigurationName) -> &'static str {
    match name {
        ConfigurationName::Cascade => {
            ", received the labels predicted by 3d_lowres networks that had not been trained on the case as one additional input \
             channel per class,"
        }
        ConfigurationName::TwoD | ConfigurationName::FullRes | ConfigurationName::LowRes => "",
    }
}
