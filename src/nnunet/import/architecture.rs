//! The layers of a network of nnU-Net v2.
//!
//! Source: `dynamic-network-architectures` 0.4.4, `architectures/unet.py`.

use serde_json::Value;

use crate::nnunet::import::json::{numbers, whole};
use crate::nnunet::terms::{PLAIN_UNET, RESIDUAL_UNET};
use crate::plan::schema::EncoderBlock;

/// Arguments that are read. Others are accepted only without a value: they add layers.
const KNOWN: [&str; 15] = [
    "n_stages",
    "features_per_stage",
    "conv_op",
    "kernel_sizes",
    "strides",
    "n_conv_per_stage",
    "n_blocks_per_stage",
    "n_conv_per_stage_decoder",
    "conv_bias",
    "norm_op",
    "norm_op_kwargs",
    "nonlin",
    "nonlin_kwargs",
    "deep_supervision",
    "nonlin_first",
];
/// Slope of PyTorch's leaky `ReLU` if the arguments have none.
const SLOPE: f64 = 0.01;
/// Epsilon of PyTorch's instance normalisation if the arguments have none.
const EPS: f64 = 1e-5;

/// The settings that the networks of a plan share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SharedLayers {
    pub(super) block: EncoderBlock,
    pub(super) eps: f64,
    pub(super) slope: f64,
}

/// A network. Lists have one entry per resolution, finest first; edges are in nnU-Net's order of axes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Architecture {
    pub(super) shared: SharedLayers,
    pub(super) features: Vec<usize>,
    pub(super) kernels: Vec<Vec<usize>>,
    pub(super) strides: Vec<Vec<usize>>,
    pub(super) encoder_blocks: Vec<usize>,
    /// Of the decoder, finest first, without the coarsest.
    pub(super) decoder_blocks: Vec<usize>,
}

/// Reads `architecture` of a configuration.
///
/// # Errors
///
/// Why segplan has no such network.
pub(super) fn import_architecture(entry: &Value) -> Result<Architecture, String> {
    let architecture = &entry["architecture"];
    let layers = &architecture["arch_kwargs"];
    let (block, blocks) = match architecture["network_class_name"].as_str() {
        Some(PLAIN_UNET) => (EncoderBlock::Plain, "n_conv_per_stage"),
        Some(RESIDUAL_UNET) => (EncoderBlock::Residual, "n_blocks_per_stage"),
        Some(other) => {
            return Err(format!("its network is `{other}`; segplan has PlainConvUNet and ResidualEncoderUNet"));
        }
        None => return Err("it names no network".to_owned()),
    };
    check_layers(layers)?;
    let stages = whole(&layers["n_stages"]).ok_or("`n_stages` is not an integer")?;
    let counts = |key: &str, length: usize| counts(layers, key, length);
    let edges = |key: &str| edges(layers, key, stages);
    let mut decoder_blocks = counts("n_conv_per_stage_decoder", stages.saturating_sub(1))?;
    // nnU-Net's decoder counts from the coarsest resolution.
    decoder_blocks.reverse();
    Ok(Architecture {
        shared: SharedLayers {
            block,
            eps: layers["norm_op_kwargs"]["eps"].as_f64().unwrap_or(EPS),
            slope: layers["nonlin_kwargs"]["negative_slope"].as_f64().unwrap_or(SLOPE),
        },
        features: counts("features_per_stage", stages)?,
        kernels: edges("kernel_sizes")?,
        strides: edges("strides")?,
        encoder_blocks: counts(blocks, stages)?,
        decoder_blocks,
    })
}

/// Layers that segplan lacks.
fn check_layers(layers: &Value) -> Result<(), String> {
    let name = |key: &str| layers[key].as_str().and_then(|path| path.rsplit('.').next()).unwrap_or("none").to_owned();
    let (norm, activation) = (name("norm_op"), name("nonlin"));
    if !matches!(norm.as_str(), "InstanceNorm2d" | "InstanceNorm3d") {
        return Err(format!("its normalisation is `{norm}`; segplan has instance normalisation"));
    }
    if layers["norm_op_kwargs"]["affine"] != Value::Bool(true) {
        return Err("its instance normalisation has no scale and shift".to_owned());
    }
    if activation != "LeakyReLU" {
        return Err(format!("its activation is `{activation}`; segplan has LeakyReLU"));
    }
    if layers["nonlin_first"] == Value::Bool(true) {
        return Err("its activation precedes the normalisation".to_owned());
    }
    let other = layers.as_object().into_iter().flatten().find(|(key, value)| {
        let is_off = value.is_null() || **value == Value::Bool(false);
        !KNOWN.contains(&key.as_str()) && !is_off
    });
    other.map_or(Ok(()), |(key, value)| Err(format!("its network has `{key}` = {value}, which segplan lacks")))
}

/// A list of integers, or one integer for all entries.
fn counts(layers: &Value, key: &str, length: usize) -> Result<Vec<usize>, String> {
    let all = whole(&layers[key]).map(|count| vec![count; length]).or_else(|| numbers(&layers[key], whole));
    all.filter(|all| all.len() == length).ok_or_else(|| format!("`{key}` is not a list of {length} integers"))
}

/// A list with an integer per axis in each entry.
fn edges(layers: &Value, key: &str, length: usize) -> Result<Vec<Vec<usize>>, String> {
    let all = layers[key].as_array().and_then(|all| all.iter().map(|one| numbers(one, whole)).collect());
    let all: Option<Vec<Vec<usize>>> = all;
    all.filter(|all| all.len() == length).ok_or_else(|| format!("`{key}` is not a list of {length} lists of integers"))
}
