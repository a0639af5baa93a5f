//! The networks: architecture, patches, batches.

use std::fmt::Write as _;

use crate::plan::schema::{Configuration, ConfigurationName, DiceScope, Downsampling, EncoderBlock, Plan, Precision};
use crate::report::text::methods::data::describe_spacing;
use crate::report::text::methods::phrases::{count_in_words, join_and};
use crate::volume::axes::slice_first;

/// The common architecture, then each configuration.
pub(super) fn describe_networks(plan: &Plan) -> String {
    let network = &plan.network;
    let encoder = match network.block {
        EncoderBlock::Plain => "U-Nets",
        EncoderBlock::Residual => "U-Nets with an encoder of residual blocks of two convolutions",
    };
    let usual = match network.block {
        EncoderBlock::Plain if run_configurations(plan).all(has_usual_blocks) => "two convolutions per resolution, ",
        EncoderBlock::Plain | EncoderBlock::Residual => "",
    };
    let downsampling = match network.downsampling {
        Downsampling::MaxPool => "max pooling",
        Downsampling::StridedConvolution => "strided convolutions",
    };
    let shared = format!(
        "All networks were {encoder}{} {usual}instance normalisation, leaky ReLU (slope {}), {downsampling} and transposed \
         convolutions{}.{}",
        if network.block == EncoderBlock::Residual { "," } else { " with" },
        network.leaky_relu_slope,
        match network.precision {
            Precision::F32 => ", computed in 32-bit precision",
            Precision::Bf16 => ", with convolutions and activations in bfloat16",
            Precision::F16 => ", with convolutions and activations in 16-bit floating point",
        },
        if network.deep_supervision {
            " They were trained with deep supervision: the loss was the weighted sum of the losses at all resolutions of the decoder but the \
             coarsest, halved from one to the next."
        } else {
            ""
        }
    );
    let configurations = plan.run.configurations.iter().map(|&name| describe_network(plan, name));
    std::iter::once(shared).chain(configurations).collect::<Vec<_>>().join(" ")
}

fn run_configurations(plan: &Plan) -> impl Iterator<Item = &Configuration> {
    plan.run.configurations.iter().map(|name| &plan.configurations[name])
}

/// Whether a configuration has two blocks of the usual kernel size at each resolution.
fn has_usual_blocks(configuration: &Configuration) -> bool {
    let is_two = |counts: Vec<usize>| counts.into_iter().all(|count| count == 2);
    is_two(configuration.encoder_blocks()) && is_two(configuration.decoder_blocks())
}

/// Numbers of blocks and kernel sizes, as far as the sentence about all networks does not say them.
fn describe_blocks(plan: &Plan, configuration: &Configuration) -> String {
    let mut text = String::new();
    let residual = plan.network.block == EncoderBlock::Residual;
    if residual || !run_configurations(plan).all(has_usual_blocks) {
        let kind = if residual { "residual blocks" } else { "convolutions" };
        let encoder = join_and(&configuration.encoder_blocks());
        let decoder = join_and(&configuration.decoder_blocks());
        text = format!("; {encoder} {kind} in the encoder, {decoder} convolutions in the decoder");
    }
    if configuration.kernel_sizes.is_some() {
        let sizes: Vec<String> = configuration.kernels().iter().map(|[z, y, x]| format!("{z} × {y} × {x}")).collect();
        let _ = write!(text, "; kernels of {}", join_and(&sizes));
    }
    text
}

fn describe_network(plan: &Plan, name: ConfigurationName) -> String {
    let configuration = &plan.configurations[&name];
    let stages = configuration.features_per_stage.len();
    let [z, y, x] = configuration.pool_depths;
    let steps = match plan.network.downsampling {
        Downsampling::MaxPool => "poolings",
        Downsampling::StridedConvolution => "strided convolutions",
    };
    let poolings = match name {
        ConfigurationName::TwoD => format!("{} {steps} in the plane", join_and(&[y, x])),
        ConfigurationName::FullRes | ConfigurationName::LowRes | ConfigurationName::Cascade => {
            format!(
                "{} {steps} along {}",
                join_and(&[z, y, x]),
                join_and(&slice_first(configuration.slice_axis).map(|axis| ["z", "y", "x"][axis]))
            )
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
        "{} had {} resolutions ({poolings}; {} feature maps{}){} and was trained on patches of {patch} {unit} (batch size {}) at {}, \
         with the Dice loss computed {scope}.",
        title_of(name),
        count_in_words(stages),
        join_and(&configuration.features_per_stage),
        describe_blocks(plan, configuration),
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
