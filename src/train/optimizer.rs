//! The optimiser: Adam, with `AMSGrad` and the L2 term in the gradient.
//!
//! Input: a network and its gradients. Output: the network one step on. The moments stay on the network's device; they are
//! copied out and in bit for bit, under the names of the parameters. Burn's own Adam is not used, because its bias correction
//! is in single precision and its state has no readable names.

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};

use crate::network::UNet;
use crate::network::weights::{self, HostTensor, WeightsError};
use crate::plan::schema::Train;

/// Weight of the past in the mean of the gradient. Source: spec section 9.
const BETA_1: f64 = 0.9;
/// Weight of the past in the mean of the squared gradient. Source: spec section 9.
const BETA_2: f64 = 0.999;
/// Added to the root of the second moment.
const EPS: f64 = 1e-8;

/// Adam and its state.
#[derive(Clone, Debug)]
pub struct Optimizer {
    weight_decay: f64,
    amsgrad: bool,
    step: u64,
    moments: BTreeMap<String, Moments>,
}

/// What Adam remembers of one parameter, flat.
#[derive(Clone, Debug)]
struct Moments {
    first: Tensor<1>,
    second: Tensor<1>,
    /// The second moment that is divided by: with `AMSGrad` the largest so far, otherwise none apart from `second`.
    largest: Option<Tensor<1>>,
}

impl Optimizer {
    /// An optimiser that has made no step.
    pub fn new(train: &Train) -> Self {
        let adam = train.optimizer.adam();
        Self { weight_decay: adam.weight_decay, amsgrad: adam.amsgrad, step: 0, moments: BTreeMap::new() }
    }

    /// Number of steps made.
    pub fn steps(&self) -> u64 {
        self.step
    }

    /// The network after one step. `gradients` is what `loss.backward()` gave.
    ///
    /// The same as `torch.optim.Adam(lr, betas=(0.9, 0.999), eps=1e-8, weight_decay, amsgrad)`. A parameter without a
    /// gradient stays as it is.
    pub fn step(&mut self, network: UNet, gradients: Gradients, learning_rate: f64) -> UNet {
        self.scaled_step(network, gradients, learning_rate, None)
    }

    /// The same with the gradients of a loss that was multiplied by `scale`, which they are divided by.
    pub fn scaled_step(&mut self, network: UNet, gradients: Gradients, learning_rate: f64, scale: Option<f64>) -> UNet {
        self.step += 1;
        network.map(&mut Step { optimizer: self, gradients, learning_rate, scale, path: Vec::new() })
    }

    /// The moments by name, copied to the host.
    pub fn to_host(&self) -> BTreeMap<String, HostTensor> {
        let named = self.moments.iter().flat_map(|(name, moments)| {
            moments.named().map(move |(kind, moment)| (format!("{kind}.{name}"), to_host(moment.clone())))
        });
        named.collect()
    }

    /// An optimiser that has made `step` steps and has these moments, on the device of the network that it is for; settings
    /// from the plan. `origin` is named in errors.
    ///
    /// # Errors
    ///
    /// When a parameter has one moment without the others.
    pub fn from_host(
        train: &Train,
        step: u64,
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
        let mut optimizer = Self { step, ..Self::new(train) };
        for name in names {
            let (first, second) = (take("first", &name)?, take("second", &name)?);
            let largest = if optimizer.amsgrad { Some(take("largest", &name)?) } else { None };
            optimizer.moments.insert(name, Moments { first, second, largest });
        }
        Ok(optimizer)
    }

    /// A parameter after one step, flat.
    fn update(&mut self, name: String, value: Tensor<1>, gradient: Tensor<1>, learning_rate: f64) -> Tensor<1> {
        let gradient = gradient + value.clone() * self.weight_decay;
        let moments = match self.moments.remove(&name) {
            Some(moments) => moments.advance(gradient),
            None => Moments::start(gradient, self.amsgrad),
        };
        let steps = self.step as f64;
        let (correction_1, correction_2) = (1.0 - BETA_1.powf(steps), 1.0 - BETA_2.powf(steps));
        let second = moments.largest.as_ref().unwrap_or(&moments.second);
        let spread = second.clone().sqrt() / correction_2.sqrt() + EPS;
        let moved = value - moments.first.clone() / spread * (learning_rate / correction_1);
        self.moments.insert(name, moments);
        moved
    }
}

impl Moments {
    fn start(gradient: Tensor<1>, amsgrad: bool) -> Self {
        let first = gradient.clone() * (1.0 - BETA_1);
        let second = gradient.square() * (1.0 - BETA_2);
        let largest = amsgrad.then(|| second.clone());
        Self { first, second, largest }
    }

    fn advance(self, gradient: Tensor<1>) -> Self {
        let first = self.first * BETA_1 + gradient.clone() * (1.0 - BETA_1);
        let second = self.second * BETA_2 + gradient.square() * (1.0 - BETA_2);
        let largest = self.largest.map(|largest| largest.max_pair(second.clone()));
        Self { first, second, largest }
    }

    fn named(&self) -> impl Iterator<Item = (&'static str, &Tensor<1>)> {
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

/// One step over all parameters of a network.
struct Step<'a> {
    optimizer: &'a mut Optimizer,
    gradients: Gradients,
    learning_rate: f64,
    /// What the loss was multiplied by.
    scale: Option<f64>,
    path: Vec<String>,
}

impl ModuleMapper for Step<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        let Some(gradient) = value.grad_remove(&mut self.gradients) else {
            return Param::from_mapped_value(id, value, mapper);
        };
        let shape = value.dims();
        let count = [shape.iter().product::<usize>()];
        let (value, gradient) = (value.inner().reshape(count), gradient.reshape(count));
        let gradient = self.scale.map_or(gradient.clone(), |scale| gradient / scale);
        let moved = self.optimizer.update(self.path.join("."), value, gradient, self.learning_rate);
        Param::from_mapped_value(id, moved.reshape(shape).autodiff().require_grad(), mapper)
    }
}

#[cfg(test)]
mod tests;
