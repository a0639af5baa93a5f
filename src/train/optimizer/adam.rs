//! Adam with `AMSGrad` and the L2 term in the gradient: `torch.optim.Adam(lr, betas=(0.9, 0.999), eps=1e-8, weight_decay, amsgrad)`.
//!
//! Burn's own Adam is not used: its bias correction is in single precision, and its state has no readable names.
//!
//! Differs: the paper (arXiv:1809.10486, 2.3) states neither weight decay nor `AMSGrad`; both are those of nnU-Net commit 6150f1b0,
//! `nnUNetTrainer.py`.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};

use crate::network::weights::{self, HostTensor, WeightsError};
use crate::plan::schema;
use crate::units::format_number;

/// Decay of the mean gradient (PyTorch's default, which nnU-Net keeps).
const BETA_1: f64 = 0.9;
/// Decay of the mean squared gradient (PyTorch's default, which nnU-Net keeps).
const BETA_2: f64 = 0.999;
/// Added to the root of the second moment (PyTorch's default, which nnU-Net keeps).
const EPS: f64 = 1e-8;

/// Adam and its state.
#[derive(Clone, Debug)]
pub struct Adam {
    weight_decay: f64,
    amsgrad: bool,
    steps: u64,
    moments: BTreeMap<String, Moments>,
}

/// The moments of one parameter, flat.
#[derive(Clone, Debug)]
struct Moments {
    first: Tensor<1>,
    second: Tensor<1>,
    /// `AMSGrad`: the elementwise maximum of all second moments so far.
    largest: Option<Tensor<1>>,
}

impl Adam {
    pub(super) fn new(settings: &schema::Adam) -> Self {
        Self { weight_decay: settings.weight_decay, amsgrad: settings.amsgrad, steps: 0, moments: BTreeMap::new() }
    }

    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Counts a step; the updates of its parameters follow.
    pub(super) fn begin_step(&mut self) {
        self.steps += 1;
    }

    /// Updates one parameter, flat.
    pub(super) fn update(
        &mut self,
        name: String,
        value: Tensor<1>,
        gradient: Tensor<1>,
        learning_rate: f64,
    ) -> Tensor<1> {
        let gradient = gradient + value.clone() * self.weight_decay;
        let moments = match self.moments.remove(&name) {
            Some(moments) => moments.update(gradient),
            None => Moments::new(gradient, self.amsgrad),
        };
        let steps = self.steps as f64;
        let (correction_1, correction_2) = (1.0 - BETA_1.powf(steps), 1.0 - BETA_2.powf(steps));
        let second = moments.largest.as_ref().unwrap_or(&moments.second);
        let denominator = second.clone().sqrt() / correction_2.sqrt() + EPS;
        let updated = value - moments.first.clone() / denominator * (learning_rate / correction_1);
        self.moments.insert(name, moments);
        updated
    }

    pub(super) fn to_host(&self) -> BTreeMap<String, HostTensor> {
        let named = self.moments.iter().flat_map(|(name, moments)| {
            moments.by_kind().map(move |(kind, moment)| (format!("{kind}.{name}"), to_host(moment.clone())))
        });
        named.collect()
    }

    pub(super) fn from_host(
        settings: &schema::Adam,
        steps: u64,
        mut moments: BTreeMap<String, HostTensor>,
        device: &Device,
        origin: &Path,
    ) -> Result<Self, WeightsError> {
        let device = device.clone().without_autodiff();
        let names =
            moments.keys().filter_map(|name| name.strip_prefix("first.")).map(str::to_owned).collect::<Vec<_>>();
        let mut take = |kind: &str, name: &str| {
            let name = format!("{kind}.{name}");
            match moments.remove(&name) {
                Some(tensor) => Ok(from_host(tensor, &device)),
                None => Err(WeightsError::Missing { path: origin.to_owned(), name }),
            }
        };
        let mut adam = Self { steps, ..Self::new(settings) };
        for name in names {
            let (first, second) = (take("first", &name)?, take("second", &name)?);
            let largest = if adam.amsgrad { Some(take("largest", &name)?) } else { None };
            adam.moments.insert(name, Moments { first, second, largest });
        }
        Ok(adam)
    }
}

impl Moments {
    fn new(gradient: Tensor<1>, amsgrad: bool) -> Self {
        let first = gradient.clone() * (1.0 - BETA_1);
        let second = gradient.square() * (1.0 - BETA_2);
        let largest = amsgrad.then(|| second.clone());
        Self { first, second, largest }
    }

    fn update(self, gradient: Tensor<1>) -> Self {
        let first = self.first * BETA_1 + gradient.clone() * (1.0 - BETA_1);
        let second = self.second * BETA_2 + gradient.square() * (1.0 - BETA_2);
        let largest = self.largest.map(|largest| largest.max_pair(second.clone()));
        Self { first, second, largest }
    }

    fn by_kind(&self) -> impl Iterator<Item = (&'static str, &Tensor<1>)> {
        let largest = self.largest.iter().map(|largest| ("largest", largest));
        [("first", &self.first), ("second", &self.second)].into_iter().chain(largest)
    }
}

fn to_host(tensor: Tensor<1>) -> HostTensor {
    HostTensor { shape: tensor.dims().to_vec(), values: weights::values(tensor) }
}

fn from_host(tensor: HostTensor, device: &Device) -> Tensor<1> {
    let count = tensor.values.len();
    Tensor::from_data(TensorData::new(tensor.values, [count]), device)
}

pub(super) fn state_tensors(settings: &schema::Adam) -> usize {
    if settings.amsgrad { 3 } else { 2 }
}

pub(super) fn describe(settings: &schema::Adam, learning_rate: f64) -> String {
    let amsgrad = if settings.amsgrad { " with AMSGrad [@reddi2018amsgrad]" } else { "" };
    format!(
        "Networks were trained with Adam [@kingma2014adam]{amsgrad}, an initial learning rate of {} and a weight decay (L2) of {}.",
        format_number(learning_rate),
        format_number(settings.weight_decay)
    )
}
