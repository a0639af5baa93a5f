//! One network of a plan, and what follows from the plan for it.

use std::path::Path;

use burn::tensor::Device;

use super::config::UNetConfig;
use super::init;
use super::topology::Topology;
use super::unet::UNet;
use super::weights::{self, WeightsError};
use crate::device::{Backend, DeviceName};
use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::random::Rng;
use crate::store::tensors::TensorFile;

/// A configuration of a validated plan, with the plan.
#[derive(Clone, Copy, Debug)]
pub struct PlannedNetwork<'a> {
    plan: &'a Plan,
    name: ConfigurationName,
    configuration: &'a Configuration,
}

impl<'a> PlannedNetwork<'a> {
    /// The network of a configuration that the plan is known to have.
    ///
    /// # Panics
    ///
    /// When the plan has no such configuration.
    pub fn new(plan: &'a Plan, name: ConfigurationName) -> Self {
        Self::find(plan, name).unwrap_or_else(|| panic!("plan `{}` has no configuration `{name}`", plan.name))
    }

    /// The network of a configuration; `None` if the plan has no such configuration.
    pub fn find(plan: &'a Plan, name: ConfigurationName) -> Option<Self> {
        Some(Self { plan, name, configuration: plan.configurations.get(&name)? })
    }

    /// All networks of a plan, in the order in which they run.
    pub fn all(plan: &'a Plan) -> impl Iterator<Item = Self> {
        plan.configurations.iter().map(move |(&name, configuration)| Self { plan, name, configuration })
    }

    /// The plan.
    pub fn plan(self) -> &'a Plan {
        self.plan
    }

    /// The name of the configuration.
    pub fn name(self) -> ConfigurationName {
        self.name
    }

    /// Patch, batch, strides and features.
    pub fn configuration(self) -> &'a Configuration {
        self.configuration
    }

    /// Number of output channels: classes with background, or one per region.
    pub fn outputs(self) -> usize {
        self.plan.outputs()
    }

    /// Number of input channels; in the second stage of the cascade, those of the first stage's labels included.
    pub fn input_channels(self) -> usize {
        self.plan.input_channels(self.name)
    }

    /// Resolutions, features, kernels and strides.
    ///
    /// # Panics
    ///
    /// When the plan was not validated, see [`Topology::new`].
    pub fn topology(self) -> Topology {
        Topology::new(self.configuration, &self.plan.network, self.input_channels(), self.outputs())
    }

    /// Everything that the network is built from.
    ///
    /// # Panics
    ///
    /// As [`Self::topology`].
    pub fn config(self) -> UNetConfig {
        UNetConfig::new(self.configuration, &self.plan.network, self.input_channels(), self.outputs())
    }

    /// The network with random weights on a device, see [`init::he_normal`].
    pub fn init(self, rng: &mut Rng, device: &Device) -> UNet {
        init::he_normal(&self.config(), rng, device)
    }

    /// The network with the weights of a file, on a device.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is damaged, or belongs to another network.
    pub fn load(self, path: &Path, device: &Device) -> Result<UNet, WeightsError> {
        weights::load(init::zeros(&self.config(), device), path)
    }

    /// The network with the weights of an open file, on a device. Errors name `path` as the file.
    ///
    /// # Errors
    ///
    /// When the file belongs to another network.
    pub fn load_file(self, file: &TensorFile, path: &Path, device: &Device) -> Result<UNet, WeightsError> {
        weights::load_file(init::zeros(&self.config(), device), file, path)
    }

    /// The backend of `[runtime] device`.
    ///
    /// # Panics
    ///
    /// When the plan was not validated.
    pub fn backend(self) -> Backend {
        let name: DeviceName = self.plan.runtime.device.parse().expect("a validated plan has a known device");
        name.backend
    }

    /// Estimated peak memory of training on the plan's device, bytes, see [`Topology::training_bytes`].
    pub fn training_bytes(self) -> u64 {
        self.training_bytes_for(self.configuration.batch_size)
    }

    /// The same with another batch size.
    pub fn training_bytes_for(self, batch_size: usize) -> u64 {
        self.topology().training_bytes(self.configuration.patch_size.0, batch_size, self.backend())
    }

    /// Estimated peak memory of predicting one batch, bytes, see [`Topology::prediction_bytes`].
    pub fn prediction_bytes(self) -> u64 {
        self.topology().prediction_bytes(self.configuration.patch_size.0, self.configuration.batch_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cascade_takes_the_first_stages_labels_as_input() {
        let mut plan: Plan = crate::plan::testing::example();
        let full = plan.configurations[&ConfigurationName::FullRes].clone();
        plan.configurations.insert(ConfigurationName::Cascade, full);
        let channels = |name| PlannedNetwork::new(&plan, name).input_channels();
        let labels = plan.data.labels.len();
        assert_eq!(channels(ConfigurationName::Cascade), channels(ConfigurationName::FullRes) + labels);
        assert_eq!(PlannedNetwork::new(&plan, ConfigurationName::Cascade).outputs(), labels + 1);
        assert!(PlannedNetwork::find(&plan, ConfigurationName::LowRes).is_none());
    }
}
