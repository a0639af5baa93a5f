//! The rules for a card of another size: reference patches and batches that its memory holds.
//!
//! The paper's references, 128³ voxels in batches of 2 and 256² in batches of 42, are what its card of 12 GB held. Here they
//! are what a given memory is estimated to hold; everything else is planned from them by the rules as they are. Input:
//! measurements, rules, and what a network takes. Output: rules. Deliberately absent: the estimate (`network::topology`).

use std::ops::RangeInclusive;

use crate::plan::rules::{Measured, configurations};
use crate::plan::schema::{Configuration, ConfigurationName, Rules};
use crate::volume::Shape;

/// Edges that a reference patch may have, in steps of this many voxels.
const EDGE: usize = 16;
/// Reference edges of 3D patches, in steps.
const EDGES_3D: RangeInclusive<usize> = 2..=16;
/// Reference batches of 2D patches.
const BATCHES_2D: RangeInclusive<usize> = 1..=512;

/// Bytes that a network takes to train.
pub type Bytes<'a> = &'a dyn Fn(ConfigurationName, &Configuration) -> u64;

/// The rules with the largest references by which every planned network takes at most `limit` bytes to train.
///
/// In 3D the patch comes first, as in the paper: the edge of the reference cube is the largest multiple of 16 with which the
/// reference batch fits. In 2D, where the patch is the slice, it is the largest reference batch of the reference patch.
/// None where not even the smallest networks fit.
pub fn fit(measured: &Measured, rules: &Rules, limit: u64, bytes: Bytes<'_>) -> Option<Rules> {
    let fits = |rules: &Rules, two_dimensional: bool| {
        configurations(measured, rules)
            .iter()
            .filter(|(name, _)| (**name == ConfigurationName::TwoD) == two_dimensional)
            .all(|(name, configuration)| bytes(*name, configuration) <= limit)
    };
    let cube = |steps: usize| Rules { reference_patch_size_3d: Shape([steps * EDGE; 3]), ..rules.clone() };
    let rules_3d = EDGES_3D.rev().map(cube).find(|rules| fits(rules, false))?;
    let [height, width] = rules.reference_patch_size_2d;
    let batch = |batch: usize| Rules { reference_batch_size_2d: batch, ..rules_3d.clone() };
    let smaller = |steps: usize| Rules { reference_patch_size_2d: [steps * EDGE; 2], ..batch(1) };
    let small = (1..=height.min(width) / EDGE).rev();
    BATCHES_2D.rev().map(batch).chain(small.map(smaller)).find(|rules| fits(rules, true))
}

/// What is said of the references in a plan, by key.
pub fn reasons(gibi: f64, before: &Rules, rules: &Rules) -> Vec<(String, String)> {
    let [edge, ..] = rules.reference_patch_size_3d.0;
    let estimated = format!("every network is estimated to train in {gibi} GiB (`--memory-gib`)");
    let mut reasons = vec![
        (
            "rules.reference_patch_size_3d".to_owned(),
            format!(
                "{edge}³ is the largest cube, in steps of {EDGE} voxels, with which {estimated}; 128³ in the paper (2.1)."
            ),
        ),
        (
            "rules.reference_batch_size_2d".to_owned(),
            format!("The largest batch of the reference patch with which {estimated}; 42 in the paper (2.1)."),
        ),
    ];
    if rules.reference_patch_size_2d != before.reference_patch_size_2d {
        let [height, width] = before.reference_patch_size_2d;
        let smaller = format!(
            "The largest square, in steps of {EDGE} pixels, with which {estimated}: not even a single slice of {height} × {width} would \
             fit; 256 × 256 in the paper (2.1)."
        );
        reasons.push(("rules.reference_patch_size_2d".to_owned(), smaller));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::make::default_rules;
    use crate::volume::Spacing;

    /// The paper's brain tumour row.
    fn brain() -> Measured {
        Measured { cases: 484, spacing: Spacing([1.0; 3]), median: [138.0, 169.0, 138.0] }
    }

    /// Thirty maps of floats, of which twelve are kept at the finest resolution.
    fn bytes(_: ConfigurationName, network: &Configuration) -> u64 {
        (network.patch_size.voxels() * network.batch_size * 30 * 12 * 4) as u64
    }

    #[test]
    fn references_grow_with_the_memory_and_every_network_fits() {
        let mut before = [0, 0];
        for gibi in [1_u64, 2, 4, 8, 16, 64] {
            let rules = fit(&brain(), &default_rules(), gibi << 30, &bytes).expect("fits");
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
        assert_eq!(fit(&brain(), &default_rules(), 1000, &bytes), None);
    }
}
