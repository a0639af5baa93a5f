//! The rules for a GPU of another size: reference patches and batches that fit into its memory.
//!
//! The paper's references, 128³ voxels at batch size 2 and 256² pixels at batch size 42, filled a GPU with 12 GB. Here they are the
//! largest that are estimated to fit into a given memory; everything else follows from them by the same rules. Input: measurements,
//! rules, and the memory of a network. Output: rules. Deliberately absent: the memory estimate (`network::topology`).

use std::ops::RangeInclusive;

use crate::plan::rules::planner::{Measured, configurations};
use crate::plan::schema::{Configuration, ConfigurationName, Rules};
use crate::volume::Shape;

/// Step of the edges of a reference patch, voxels.
const EDGE: usize = 16;
/// Reference edges of 3D patches, in steps.
const EDGES_3D: RangeInclusive<usize> = 2..=16;
/// Reference batches of 2D patches.
const BATCHES_2D: RangeInclusive<usize> = 1..=512;

/// Estimates the memory that a network needs to train, bytes.
pub type TrainingBytes<'a> = &'a dyn Fn(ConfigurationName, &Configuration) -> u64;

/// The rules with the largest references with which every planned network needs at most `limit_bytes` to train.
///
/// In 3D the patch has priority, as in the paper: the edge of the reference cube is the largest multiple of 16 voxels with which the
/// reference batch fits. In 2D the patch is the whole slice, and the reference batch is the largest that fits. `None` if not even the
/// smallest networks fit.
pub fn fit_to_memory(measured: &Measured, rules: &Rules, limit_bytes: u64, bytes: TrainingBytes<'_>) -> Option<Rules> {
    let fits = |rules: &Rules, is_2d: bool| {
        configurations(measured, rules)
            .iter()
            .filter(|(name, _)| name.is_2d() == is_2d)
            .all(|(name, configuration)| bytes(*name, configuration) <= limit_bytes)
    };
    let cube = |steps: usize| Rules { reference_patch_size_3d: Shape([steps * EDGE; 3]), ..rules.clone() };
    let rules_3d = EDGES_3D.rev().map(cube).find(|rules| fits(rules, false))?;
    let [height, width] = rules.reference_patch_size_2d;
    let batch = |batch: usize| Rules { reference_batch_size_2d: batch, ..rules_3d.clone() };
    let smaller = |steps: usize| Rules { reference_patch_size_2d: [steps * EDGE; 2], ..batch(1) };
    let small = (1..=height.min(width) / EDGE).rev();
    BATCHES_2D.rev().map(batch).chain(small.map(smaller)).find(|rules| fits(rules, true))
}

/// The reasons of the references, by key. Edge and batch size of the paper are those of the recipe.
pub fn memory_reasons(memory_gib: f64, before: &Rules, rules: &Rules) -> Vec<(String, String)> {
    let estimated = format!("every network is estimated to train in {memory_gib} GiB (`--memory-gib`)");
    let mut reasons = vec![
        (
            "rules.reference_patch_size_3d".to_owned(),
            format!(
                "Patch size of the reference 3D network, voxels: the largest cube, in steps of {EDGE} voxels, with which {estimated}. The \
                 paper: 128³."
            ),
        ),
        (
            "rules.reference_batch_size_2d".to_owned(),
            format!("Batch size of the reference 2D network: the largest with which {estimated}. The paper: 42."),
        ),
    ];
    if rules.reference_patch_size_2d != before.reference_patch_size_2d {
        let [height, width] = before.reference_patch_size_2d;
        let smaller = format!(
            "Patch size of the reference 2D network, pixels: the largest square, in steps of {EDGE} pixels, with which {estimated}. A \
             single slice of {height} × {width}, as in the paper, does not fit."
        );
        reasons.push(("rules.reference_patch_size_2d".to_owned(), smaller));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::schema::recipe;
    use crate::volume::Spacing;

    /// The paper's brain tumour row.
    fn brain() -> Measured {
        Measured { cases: 484, spacing: Spacing([1.0; 3]), median: [138.0, 169.0, 138.0] }
    }

    /// Twelve activations with 30 feature maps of 32-bit floats at the finest resolution.
    fn bytes(_: ConfigurationName, network: &Configuration) -> u64 {
        (network.patch_size.voxels() * network.batch_size * 30 * 12 * 4) as u64
    }

    #[test]
    fn references_grow_with_the_memory_and_every_network_fits() {
        let mut before = [0, 0];
        for gibi in [1_u64, 2, 4, 8, 16, 64] {
            let rules = fit_to_memory(&brain(), &recipe::rules(), gibi << 30, &bytes).expect("fits");
            let now = [rules.reference_patch_size_3d.0[0], rules.reference_batch_size_2d];
            assert!(now[0] >= before[0] && now[1] >= before[1], "{now:?} after {before:?}");
            before = now;
            for (name, network) in configurations(&brain(), &rules) {
                assert!(bytes(name, &network) <= gibi << 30, "{name} at {gibi} GiB");
                assert!(network.batch_size >= rules.min_batch_size);
            }
        }
        assert!(before[0] > 128, "{before:?}");
    }

    #[test]
    fn nothing_fits_into_nothing() {
        assert_eq!(fit_to_memory(&brain(), &recipe::rules(), 1000, &bytes), None);
    }
}
