//! The rules against Table 1 of the paper.

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::plan::schema::recipe::rules;

#[derive(Deserialize)]
struct Row {
    published: bool,
    cases: usize,
    spacing: [f64; 3],
    median: [f64; 3],
    two_d: Net,
    three_d: Net,
    lowres: Option<LowRes>,
}

#[derive(Deserialize)]
struct Net {
    patch: Vec<usize>,
    batch: usize,
    pools: Vec<usize>,
}

#[derive(Deserialize)]
struct LowRes {
    spacing: [f64; 3],
    median: [usize; 3],
    patch: Vec<usize>,
    batch: usize,
    pools: Vec<usize>,
}

fn table() -> BTreeMap<String, Row> {
    toml::from_str(include_str!("../../../tests/golden/table1.toml")).unwrap()
}

fn measured(row: &Row) -> Measured {
    Measured { cases: row.cases, spacing: Spacing(row.spacing), median: row.median }
}

fn patch_batch_pools(configuration: &Configuration) -> ([usize; 3], usize, [usize; 3]) {
    (configuration.patch_size.0, configuration.batch_size, configuration.pool_depths)
}

#[test]
fn all_rows_of_table_1_are_exact() {
    let table = table();
    assert_eq!(table.values().filter(|row| row.published).count(), 7);
    for (name, row) in &table {
        let planned = configurations(&measured(row), &rules());
        let (patch, batch, pools) = patch_batch_pools(&planned[&ConfigurationName::TwoD]);
        assert_eq!(
            (&patch[1..], batch, &pools[1..]),
            (&row.two_d.patch[..], row.two_d.batch, &row.two_d.pools[..]),
            "{name}, 2D"
        );
        assert_eq!((patch[0], pools[0]), (1, 0), "{name}, 2D");
        let (patch, batch, pools) = patch_batch_pools(&planned[&ConfigurationName::FullRes]);
        assert_eq!(
            (&patch[..], batch, &pools[..]),
            (&row.three_d.patch[..], row.three_d.batch, &row.three_d.pools[..]),
            "{name}, 3D"
        );

        assert_eq!(planned.contains_key(&ConfigurationName::Cascade), row.lowres.is_some(), "{name}");
        let Some(expected) = &row.lowres else { continue };
        let found = &planned[&ConfigurationName::LowRes];
        let (patch, batch, pools) = patch_batch_pools(found);
        assert_eq!(
            (&patch[..], batch, &pools[..]),
            (&expected.patch[..], expected.batch, &expected.pools[..]),
            "{name}, low"
        );
        assert_eq!(found.median_shape.0, expected.median, "{name}, low");
        for axis in 0..3 {
            assert!(
                (found.spacing_mm.0[axis] - expected.spacing[axis]).abs() < 1e-9,
                "{name}, low: {:?}",
                found.spacing_mm
            );
        }
    }
}

#[test]
fn voxel_aspect_is_the_papers_literal_text() {
    let literal = Rules { patch_aspect: Aspect::Voxel, ..rules() };
    let table = table();
    for (name, patch) in [
        ("Prostate", [20, 320, 320]),
        ("Lung", [80, 160, 160]),
        ("Pancreas", [40, 224, 224]),
        ("Heart", [80, 192, 128]),
    ] {
        let measured = measured(&table[name]);
        assert_eq!(plan_3d(&measured, &measured, &literal, true).patch_size.0, patch, "{name}");
    }
}

#[test]
fn axes_are_pooled_until_they_are_smaller_than_eight() {
    for (edge, expected) in
        [(128, 5), (112, 4), (96, 4), (80, 4), (64, 4), (160, 5), (192, 5), (56, 3), (40, 3), (20, 2), (7, 0), (8, 1)]
    {
        assert_eq!(pool_depth(f64::from(edge), 5, 8), expected, "{edge}");
    }
    for (edge, expected) in [(320, 6), (256, 6), (512, 6), (232, 6)] {
        assert_eq!(pool_depth(f64::from(edge), 6, 8), expected, "{edge}");
    }
}

#[test]
fn the_cascade_follows_from_the_voxels_of_the_median_case() {
    let table = table();
    for (name, ratio, cascade) in [
        ("BrainTumour", 1.535, false),
        ("Heart", 4.071, true),
        ("Liver", 60.25, true),
        ("Hippocampus", 0.030, false),
        ("Prostate", 0.974, false),
        ("Lung", 31.5, true),
        ("Pancreas", 12.0, true),
    ] {
        let measured = measured(&table[name]);
        let found = cascade_ratio(&measured, &rules());
        assert!((found / ratio - 1.0).abs() < 0.02, "{name}: {found}");
        assert_eq!(needs_cascade(&measured, &rules()), cascade, "{name}");
    }
}

#[test]
fn dice_and_augmentation_follow_from_what_a_patch_sees_and_how_flat_it_is() {
    let table = table();
    let planned = |name: &str| configurations(&measured(&table[name]), &rules());
    assert!(!planned("Hippocampus")[&ConfigurationName::FullRes].batch_dice);
    assert!(planned("Liver")[&ConfigurationName::FullRes].batch_dice);
    assert!(!planned("Liver")[&ConfigurationName::LowRes].batch_dice);
    for (name, slice_wise) in [("Heart", true), ("Prostate", true), ("BrainTumour", false), ("Lung", false)] {
        let kind = planned(name)[&ConfigurationName::FullRes].augmentation;
        assert_eq!(kind == AugmentationKind::Dummy2d, slice_wise, "{name}");
    }
    assert_eq!(planned("Heart")[&ConfigurationName::LowRes].augmentation, AugmentationKind::Dummy2d);
}

#[test]
fn features_double_up_to_their_cap() {
    assert_eq!(features([5, 5, 5], 30, 320), [30, 60, 120, 240, 320, 320]);
    assert_eq!(features([0, 6, 6], 30, 480), [30, 60, 120, 240, 480, 480, 480]);
}

proptest! {
    #[test]
    fn any_data_set_gives_networks_that_can_be_built(
        median in proptest::array::uniform3(1.0_f64..900.0),
        spacing in proptest::array::uniform3(0.1_f64..10.0),
        cases in 1_usize..2000,
    ) {
        let rules = rules();
        let measured = Measured { cases, spacing: Spacing(spacing), median };
        for (name, configuration) in configurations(&measured, &rules) {
            prop_assert!(configuration.batch_size >= rules.min_batch_size);
            prop_assert_eq!(configuration.features_per_stage.len(), configuration.pool_depths.into_iter().max().unwrap() + 1);
            for axis in 0..3 {
                let (edge, pools) = (configuration.patch_size.0[axis], configuration.pool_depths[axis]);
                prop_assert_eq!(edge % (1 << pools), 0, "{} {:?}", name, configuration);
                prop_assert!(pools == 0 || edge >> pools >= 4, "{} {:?}", name, configuration);
            }
            let cap = rules.reference_patch_size_3d.voxels();
            prop_assert!(name == ConfigurationName::TwoD || configuration.patch_size.voxels() <= cap);
        }
    }
}
