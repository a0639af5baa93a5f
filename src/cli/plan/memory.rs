//! Plans for a GPU of a given memory.

use std::path::Path;

use crate::cli::failure::Failure;
use crate::device::Backend;
use crate::experiment::machine::Machine;
use crate::network::PlannedNetwork;
use crate::network::topology::Topology;
use crate::plan::rules::Measured;
use crate::plan::rules::memory_limit::fit_to_memory;
use crate::plan::schema::{Configuration, ConfigurationName, Plan, Rules, recipe};
use crate::units::{GIB, format_bytes};

/// The backend whose memory `--memory-gib` is about.
const FITTED_BACKEND: Backend = Backend::Cuda;

/// A number of GiB above 0.
pub(super) fn parse_gib(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|gib| *gib > 0.0 && gib.is_finite());
    number.ok_or_else(|| "expected a number of GiB above 0, without a unit, such as 24".to_owned())
}

fn bytes(memory_gib: f64) -> u64 {
    (memory_gib * GIB as f64) as u64
}

/// Maximum memory for measuring, bytes: as much as the GPU has, but on a small machine at most half of its own.
pub(super) fn memory_to_measure(memory_gib: Option<f64>) -> u64 {
    let default = recipe::memory_bytes();
    let Some(gpu) = memory_gib.map(bytes) else { return default };
    let machine = Machine::inspect(Path::new(".")).memory.map_or(default, |memory| memory / 2);
    gpu.min(machine.max(default))
}

/// The rules of a plan, for a GPU of that memory.
pub(super) fn fit_rules(memory_gib: f64, plan: &Plan) -> Result<Rules, Failure> {
    let training_bytes = |name: ConfigurationName, network: &Configuration| {
        let topology = Topology::new(network, &plan.network, plan.input_channels(name), plan.outputs());
        topology.training_bytes(network.patch_size.0, network.batch_size, FITTED_BACKEND)
    };
    let rules = fit_to_memory(&Measured::of(&plan.data), &plan.rules, bytes(memory_gib), &training_bytes);
    rules.ok_or_else(|| {
        let help = "train with a larger `--memory-gib`, or on the CPU without it";
        Failure::wrong_input(miette::miette!(help = help, "no planned network fits into {memory_gib} GiB"))
    })
}

/// A line per network. The memory is that of the GPU that the plan was fitted to, or else of the plan's own device.
pub(super) fn overview(plan: &Plan, memory_gib: Option<f64>) -> String {
    let place = match memory_gib {
        Some(memory_gib) => format!("on a GPU (`--memory-gib {memory_gib}`)"),
        None => format!("on `{}`", plan.runtime.device),
    };
    let line = |(name, configuration): (&ConfigurationName, &Configuration)| {
        let network = PlannedNetwork::new(plan, *name);
        let topology = network.topology();
        let backend = if memory_gib.is_some() { FITTED_BACKEND } else { network.backend() };
        let bytes = topology.training_bytes(configuration.patch_size.0, configuration.batch_size, backend);
        format!(
            "{name}: patch {}, batch size {}, {:.1} million parameters, about {} to train {place}",
            configuration.patch_size,
            configuration.batch_size,
            topology.parameters() as f64 / 1e6,
            format_bytes(bytes),
        )
    };
    plan.configurations.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::rules::published::tasks;

    #[test]
    fn a_plan_for_a_gpu_fits_into_its_memory_and_the_papers_gpu_has_12_gb() {
        let planned = tasks()["task01"].plan("brain", &recipe::rules()).plan;
        for (gib, edge) in [(6.0, 96), (12.0, 128), (24.0, 160), (80.0, 256)] {
            let rules = fit_rules(gib, &planned).expect("fits");
            assert_eq!(rules.reference_patch_size_3d.0, [edge; 3], "{gib} GiB");
        }
        assert!(fit_rules(0.01, &planned).is_err());
    }

    #[test]
    fn memory_is_a_number_without_a_unit() {
        assert_eq!(parse_gib("24"), Ok(24.0));
        for wrong in ["24GB", "0", "-1", "nan", "inf"] {
            assert!(parse_gib(wrong).is_err(), "{wrong}");
        }
    }
}
