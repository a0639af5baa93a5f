//! Everything that a network is built from.

use super::topology::Topology;
use crate::plan::schema::{Configuration, Network};

/// The shape of a network and the constants of its layers.
#[derive(Clone, Debug, PartialEq)]
pub struct UNetConfig {
    /// Resolutions, features, kernels and strides.
    pub topology: Topology,
    /// Constants that all networks of a plan share.
    pub network: Network,
}

impl UNetConfig {
    /// A network for `in_channels` input channels and `outputs` output channels.
    ///
    /// # Panics
    ///
    /// When the configuration was not validated, see [`Topology::new`].
    pub fn new(configuration: &Configuration, network: &Network, in_channels: usize, outputs: usize) -> Self {
        Self { topology: Topology::new(configuration, network, in_channels, outputs), network: network.clone() }
    }
}
