//! The networks of nnU-Net v2, with and without deep supervision, loss and Adam against those of `dynamic_network_architectures` and
//! nnU-Net in `PyTorch`: values of `tests/reference/ten_losses_v2.py`.

use burn::tensor::{Int, Tensor};
use serde::Deserialize;

use super::tests::batch;
use super::*;
use crate::network::testing::{configuration, cpu, nnunet_v2};
use crate::network::{UNetConfig, init, weights};
use crate::plan::schema::{self, Configuration, DiceCe, DiceScope, EncoderBlock, Loss};
use crate::train::loss;

#[derive(Deserialize)]
struct Values {
    weight_decay: f64,
    dice_smooth: f64,
    logit_stride: usize,
    adam: AdamSettings,
    parameter_counts: BTreeMap<String, u64>,
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct AdamSettings {
    learning_rate: f64,
}

#[derive(Deserialize)]
struct Case {
    kind: EncoderBlock,
    patch: [usize; 3],
    strides: Vec<[usize; 3]>,
    kernels: Vec<[usize; 3]>,
    blocks: Vec<usize>,
    decoder_convs: usize,
    features: Vec<usize>,
    channels: usize,
    classes: usize,
    batch: usize,
    dice: DiceScope,
    parameters: u64,
    losses: Vec<f64>,
    deep_losses: Vec<f64>,
    logits: Vec<Vec<f32>>,
}

impl Case {
    fn configuration(&self) -> Configuration {
        let depths = std::array::from_fn(|axis| self.strides.iter().filter(|stride| stride[axis] > 1).count());
        Configuration {
            strides: Some(self.strides.clone()),
            kernel_sizes: Some(self.kernels.clone()),
            blocks_per_stage: Some(self.blocks.clone()),
            decoder_blocks_per_stage: Some(vec![self.decoder_convs; self.strides.len() - 1]),
            ..configuration(self.patch, depths, &self.features)
        }
    }

    fn network(&self, name: &str, device: &Device) -> UNet {
        let config = UNetConfig::new(&self.configuration(), &nnunet_v2(self.kind), self.channels, self.classes);
        assert_eq!(config.topology.parameters(), self.parameters, "{name}");
        let file = format!("tests/reference/values/ten_losses_v2_{name}.safetensors");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        weights::load(init::zeros(&config, device), &path).expect("weights of the same network")
    }

    /// The batch of a step, by the formula of `tests/reference/ten_losses.py`.
    fn batch(&self, step: usize, device: &Device) -> (Tensor<5>, Tensor<4, Int>) {
        batch([self.batch, self.channels, self.classes], self.patch, step, device)
    }

    /// The loss before each of ten steps.
    fn train(&self, name: &str, deep_supervision: bool, values: &Values) -> Vec<f64> {
        let device = cpu().autodiff();
        let settings = Loss::DiceCe(DiceCe { smooth: values.dice_smooth, include_background: false });
        let adam = schema::Optimizer::Adam(schema::Adam { weight_decay: values.weight_decay, amsgrad: true });
        let mut optimizer = Optimizer::new(&adam);
        let mut unet = self.network(name, &device);
        let step = |step: usize| {
            let (images, labels) = self.batch(step, &device);
            let outputs = if deep_supervision { unet.forward_all(images) } else { vec![unet.forward(images)] };
            let loss = loss::compute(outputs, labels, self.dice, &settings);
            unet = optimizer.step(unet.clone(), loss.backward(), values.adam.learning_rate, None);
            f64::from(loss.into_scalar::<f32>())
        };
        (0..10).map(step).collect()
    }
}

fn values() -> Values {
    let text = include_str!("../../../tests/reference/values/ten_losses_v2.json");
    let values: Values = serde_json::from_str(text).expect("valid values");
    assert_eq!(values.cases.len(), 4);
    values
}

#[test]
fn the_first_logits_of_all_outputs_are_those_of_pytorch() {
    let values = values();
    for (name, case) in &values.cases {
        let outputs = case.network(name, &cpu()).forward_all(case.batch(0, &cpu()).0);
        assert_eq!(outputs.len(), case.logits.len(), "{name}");
        for (level, (output, expected)) in outputs.into_iter().zip(&case.logits).enumerate() {
            let logits = weights::values(output);
            let sampled = logits.iter().step_by(values.logit_stride).collect::<Vec<_>>();
            assert_eq!(sampled.len(), expected.len(), "{name}, output {level}");
            for (found, expected) in sampled.into_iter().zip(expected) {
                assert!((found - expected).abs() < 1e-4, "{name}, output {level}: {found} is not {expected}");
            }
        }
    }
}

#[test]
fn ten_losses_are_those_of_pytorch() {
    let values = values();
    for (name, case) in &values.cases {
        for (deep_supervision, expected) in [(false, &case.losses), (true, &case.deep_losses)] {
            let losses = case.train(name, deep_supervision, &values);
            assert_eq!((losses.len(), expected.len()), (10, 10), "{name}");
            for (step, (found, expected)) in losses.into_iter().zip(expected).enumerate() {
                let error = (found / expected - 1.0).abs();
                let what = if deep_supervision { "deep supervision" } else { "one output" };
                assert!(error < 1e-4, "{name}, {what}, step {step}: {found} is not {expected} (relative {error:.1e})");
            }
        }
    }
}

#[test]
fn an_output_without_weight_in_the_loss_is_not_trained() {
    let values = values();
    let (name, case) = values.cases.iter().next().expect("there are cases");
    let device = cpu().autodiff();
    let before = case.network(name, &device);
    let (images, labels) = case.batch(0, &device);
    let settings = Loss::DiceCe(DiceCe { smooth: values.dice_smooth, include_background: false });
    let loss = loss::compute(before.forward_all(images), labels, case.dice, &settings);
    let adam = schema::Optimizer::Adam(schema::Adam { weight_decay: values.weight_decay, amsgrad: true });
    let mut optimizer = Optimizer::new(&adam);
    let after = weights::to_host(&optimizer.step(before.clone(), loss.backward(), 1e-3, None));
    let changed: Vec<bool> = weights::to_host(&before)
        .into_iter()
        .filter(|(name, _)| name.starts_with("auxiliary_heads") && name.ends_with("weight"))
        .map(|(name, tensor)| after[&name] != tensor)
        .collect();
    assert_eq!(changed, [true, false]);
    let restored = Optimizer::from_host(&adam, 1, optimizer.to_host(), &device, Path::new("a checkpoint"));
    assert_eq!(restored.expect("parameters without a gradient have no moments").to_host(), optimizer.to_host());
}

#[test]
fn networks_of_nnu_net_have_as_many_parameters_as_there() {
    let counts = values().parameter_counts;
    for (name, kind, two_dimensional, features) in [
        ("plain_3d_6_stages", EncoderBlock::Plain, false, vec![32, 64, 128, 256, 320, 320]),
        ("residual_3d_6_stages", EncoderBlock::Residual, false, vec![32, 64, 128, 256, 320, 320]),
        ("plain_2d_8_stages", EncoderBlock::Plain, true, vec![32, 64, 128, 256, 512, 512, 512, 512]),
        ("residual_2d_8_stages", EncoderBlock::Residual, true, vec![32, 64, 128, 256, 512, 512, 512, 512]),
        ("plain_hippocampus", EncoderBlock::Plain, false, vec![32, 64, 128, 256]),
        ("resenc_m_hippocampus", EncoderBlock::Residual, false, vec![32, 64, 128, 256]),
    ] {
        let depth = features.len() - 1;
        let (patch, depths) = if two_dimensional { ([1, 256, 256], [0, depth, depth]) } else { ([64; 3], [depth; 3]) };
        let residual = kind == EncoderBlock::Residual;
        let blocks = (0..=depth).map(|level| [1, 3, 4].get(level).copied().unwrap_or(6)).collect();
        let planned = Configuration {
            blocks_per_stage: residual.then_some(blocks),
            decoder_blocks_per_stage: residual.then(|| vec![1; depth]),
            ..configuration(patch, depths, &features)
        };
        let topology = UNetConfig::new(&planned, &nnunet_v2(kind), 1, 3).topology;
        assert_eq!(topology.parameters(), counts[name], "{name}");
    }
}
