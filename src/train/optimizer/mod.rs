//! The optimiser: updates the weights of a network from their gradients.
//!
//! One file per kind of `[train.optimizer]`. The state stays on the network's device; a checkpoint copies it bit for bit, under the
//! names of the parameters.

mod adam;

use std::collections::BTreeMap;
use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor};

use self::adam::Adam;
use crate::network::UNet;
use crate::network::parameter_path::ParameterPath;
use crate::network::weights::{HostTensor, WeightsError};
use crate::plan::schema;

/// The state of `[train.optimizer]`.
#[derive(Clone, Debug)]
pub enum Optimizer {
    /// Adam.
    Adam(Adam),
}

impl Optimizer {
    /// A new optimiser.
    pub fn new(settings: &schema::Optimizer) -> Self {
        match settings {
            schema::Optimizer::Adam(settings) => Self::Adam(Adam::new(settings)),
        }
    }

    /// Number of steps so far.
    pub fn steps(&self) -> u64 {
        match self {
            Self::Adam(adam) => adam.steps(),
        }
    }

    /// Updates the network by one step; a parameter without a gradient is unchanged. `gradients` is the result of
    /// `loss.backward()`; if the loss was multiplied by a `scale`, they are divided by it.
    pub fn step(&mut self, network: UNet, gradients: Gradients, learning_rate: f64, scale: Option<f64>) -> UNet {
        self.begin_step();
        network.map(&mut ParameterUpdate {
            optimizer: self,
            gradients,
            learning_rate,
            scale,
            path: ParameterPath::default(),
        })
    }

    /// Counts a step; the updates of its parameters follow.
    fn begin_step(&mut self) {
        match self {
            Self::Adam(adam) => adam.begin_step(),
        }
    }

    /// Updates one parameter, flat.
    fn update(&mut self, name: String, value: Tensor<1>, gradient: Tensor<1>, learning_rate: f64) -> Tensor<1> {
        match self {
            Self::Adam(adam) => adam.update(name, value, gradient, learning_rate),
        }
    }

    /// Copies the state to the host, by name.
    pub fn to_host(&self) -> BTreeMap<String, HostTensor> {
        match self {
            Self::Adam(adam) => adam.to_host(),
        }
    }

    /// Restores an optimiser after `steps` steps, with the state that [`Self::to_host`] returned. Errors name `origin`.
    ///
    /// # Errors
    ///
    /// If a tensor is missing.
    pub fn from_host(
        settings: &schema::Optimizer,
        steps: u64,
        tensors: BTreeMap<String, HostTensor>,
        device: &Device,
        origin: &Path,
    ) -> Result<Self, WeightsError> {
        match settings {
            schema::Optimizer::Adam(settings) => {
                Ok(Self::Adam(Adam::from_host(settings, steps, tensors, device, origin)?))
            }
        }
    }
}

/// Number of state tensors that the optimiser keeps per parameter of the network, each as large as the parameter.
pub fn state_tensors(settings: &schema::Optimizer) -> usize {
    match settings {
        schema::Optimizer::Adam(settings) => adam::state_tensors(settings),
    }
}

/// The optimiser as a sentence of a methods paragraph.
pub fn describe(settings: &schema::Optimizer, learning_rate: f64) -> String {
    match settings {
        schema::Optimizer::Adam(settings) => adam::describe(settings, learning_rate),
    }
}

/// One step over all parameters of a network.
struct ParameterUpdate<'a> {
    optimizer: &'a mut Optimizer,
    gradients: Gradients,
    learning_rate: f64,
    /// Factor of the loss.
    scale: Option<f64>,
    path: ParameterPath,
}

impl ModuleMapper for ParameterUpdate<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        self.path.enter(name, container);
    }

    fn exit_module(&mut self, _name: &str, container: &str) {
        self.path.exit(container);
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        let Some(gradient) = value.grad_remove(&mut self.gradients) else {
            return Param::from_mapped_value(id, value, mapper);
        };
        let shape = value.dims();
        let count = [shape.iter().product::<usize>()];
        let (value, gradient) = (value.inner().reshape(count), gradient.reshape(count));
        let gradient = match self.scale {
            Some(scale) => gradient / scale,
            None => gradient,
        };
        let updated = self.optimizer.update(self.path.to_string(), value, gradient, self.learning_rate);
        Param::from_mapped_value(id, updated.reshape(shape).autodiff().require_grad(), mapper)
    }
}

#[cfg(test)]
mod nnunet_tests;
#[cfg(test)]
mod tests;
