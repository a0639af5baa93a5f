//! The comments of random plans: their arithmetic leads to the value below.

#![expect(clippy::float_cmp, reason = "whole numbers, and numbers as they are printed, are exact")]

use proptest::prelude::*;
use regex::Regex;

use super::*;
use crate::plan::rules::assemble::assemble;
use crate::plan::rules::planner::single_slice;
use crate::plan::schema::{Aspect, Configuration, Data, Rules, recipe};
use crate::plan::testing::example;
use crate::volume::{Shape, Spacing};

/// All numbers of a text, in their order.
fn numbers(text: &str) -> Vec<f64> {
    let number = Regex::new(r"\d+(?:\.\d+)?").unwrap();
    number.find_iter(text).map(|found| found.as_str().parse().unwrap()).collect()
}

/// The text between two others.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let rest = text.split_once(from).unwrap_or_else(|| panic!("`{from}` is not in {text}")).1;
    rest.split_once(to).unwrap_or_else(|| panic!("`{to}` is not in {rest}")).0
}

fn three(text: &str) -> [f64; 3] {
    numbers(text).try_into().unwrap_or_else(|_| panic!("three numbers are expected in {text}"))
}

fn up(edge: f64, multiple: f64) -> f64 {
    (edge / multiple).ceil().max(1.0) * multiple
}

/// The patch size that the comment of a 3D patch leads to, and the edges before rounding in it.
fn patch_of(comment: &str) -> ([f64; 3], [f64; 3]) {
    let most = numbers(between(comment, "the reference patch, ", " voxels"))[0];
    let target = three(between(comment, "no edge longer than that of the median case: ", ". Rounded"));
    let multiples = three(between(comment, "to multiples of ", ": "));
    let mut patch: [f64; 3] = std::array::from_fn(|axis| up(target[axis], multiples[axis]));
    let voxels = |patch: [f64; 3]| patch.iter().product::<f64>();
    let rest = comment.split_once("to multiples of ").unwrap().1.split_once(": ").unwrap().1;
    if let Some((rounded, steps)) = rest.split_once(", ").filter(|(_, steps)| steps.contains("shortened")) {
        assert_eq!(three(rounded), patch, "{comment}");
        assert_eq!(numbers(steps)[0], voxels(patch), "{comment}");
        let axes = between(steps, "by its multiple: ", " (paper");
        for letter in axes.split(", ") {
            assert!(voxels(patch) > most, "nothing is shortened that is small enough: {comment}");
            let axis = ["z", "y", "x"].iter().position(|known| *known == letter).unwrap();
            let above = |axis: usize| patch[axis] - target[axis];
            let furthest = (0..3).filter(|&axis| patch[axis] > multiples[axis]).map(above).fold(f64::MIN, f64::max);
            assert!(above(axis) > furthest - 0.11, "{letter} is not furthest above: {comment}");
            patch[axis] -= multiples[axis];
        }
    } else {
        assert_eq!(three(rest.split_once(" (paper").unwrap().0), patch, "{comment}");
    }
    let can_shrink = (0..3).any(|axis| patch[axis] > multiples[axis]);
    assert!(voxels(patch) <= most || !can_shrink, "{comment}");
    (patch, target)
}

/// The unrounded edges, by the words of the comment and the plan's own numbers.
fn target_of(configuration: &Configuration, rules: &Rules) -> [f64; 3] {
    let median = configuration.median_shape.0.map(|edge| edge as f64);
    let extent: [f64; 3] = match rules.patch_aspect {
        Aspect::Mm => std::array::from_fn(|axis| median[axis] * configuration.spacing_mm.0[axis]),
        Aspect::Voxel => median,
    };
    let volume = rules.reference_patch_size_3d.voxels() as f64;
    let scale = (volume / extent.iter().product::<f64>()).powf(1.0 / 3.0);
    std::array::from_fn(|axis| (scale * extent[axis]).min(median[axis]))
}

fn pools_of(comment: &str, patch: Shape) -> [usize; 3] {
    let least = numbers(between(comment, "while it has at least ", " voxels"))[0];
    let most = numbers(between(comment, "at most ", " times"))[0] as usize;
    patch.0.map(|edge| {
        let (mut edge, mut count) = (edge as f64, 0);
        while edge >= least && count < most {
            (edge, count) = (edge / 2.0, count + 1);
        }
        count
    })
}

fn batch_of(comment: &str, patch: Shape) -> usize {
    let said = numbers(comment.trim_end_matches(" (paper, 2.1)."));
    let [afford, budget, voxels, cap, share, all, again, least] = said[..] else {
        panic!("eight numbers in {comment}")
    };
    assert_eq!(voxels, again, "{comment}");
    assert_eq!(voxels, patch.voxels() as f64, "{comment}");
    assert_eq!(afford, (budget / voxels).floor(), "{comment}");
    let exact = share / 100.0 * all / voxels;
    assert!((exact - cap).abs() <= 0.5 + 1e-6 * exact + share / 100.0 / voxels, "{exact} is not {cap}: {comment}");
    afford.min(cap).max(least) as usize
}

fn features_of(comment: &str, pools: [usize; 3]) -> Vec<usize> {
    let [first, most] = numbers(comment)[..] else { panic!("two numbers in {comment}") };
    let resolutions = pools.into_iter().max().unwrap() + 1;
    (0..resolutions).map(|level| (first * 2_f64.powi(level as i32)).min(most) as usize).collect()
}

/// Does the arithmetic of every comment of a plan.
fn check(plan: &Plan, measured: &Measured, said: &BTreeMap<String, String>) {
    let data = &plan.data;
    let matrix = &said["run.configurations"];
    if single_slice(measured).is_none() {
        let ratio = numbers(between(matrix, "the median case has ", " times"))[0];
        let cascade = ratio > numbers(between(matrix, "the threshold of the cascade is ", " (paper"))[0];
        assert_eq!(cascade, plan.configurations.contains_key(&ConfigurationName::Cascade), "{matrix}");
    }
    let masked = &said["preprocess.normalize_in_mask"];
    let removed = numbers(between(masked, "removes ", " %"))[0];
    assert_eq!(removed >= numbers(between(masked, "from ", " %"))[0], plan.preprocess.normalize_in_mask, "{masked}");
    for (name, network) in &plan.configurations {
        let comment = |field: &str| said[&format!("configurations.{name}.{field}")].as_str();
        let patch = network.patch_size.0.map(|edge| edge as f64);
        if *name == ConfigurationName::TwoD {
            let found = numbers(comment("patch_size").split_once(", a factor").unwrap().0);
            assert_eq!([up(found[0], found[2]), up(found[1], found[3])], patch[1..], "{}", comment("patch_size"));
            let widest = data.median_spacing_mm.0.iter().fold(0.0, |widest: f64, &edge| widest.max(edge));
            let first = data.median_spacing_mm.0.iter().position(|edge| *edge == widest);
            assert!(single_slice(measured).is_some() || first == Some(network.slice_axis));
        } else {
            let (leads_to, target) = patch_of(comment("patch_size"));
            assert_eq!(leads_to, patch, "{}", comment("patch_size"));
            for (said, exact) in target.into_iter().zip(target_of(network, &plan.rules)) {
                assert!(said > exact - 1e-6 && said < exact + 0.1 + 1e-6, "{exact}: {}", comment("patch_size"));
            }
        }
        if *name == ConfigurationName::LowRes {
            let doubled = three(between(comment("spacing_mm"), "Doublings per axis: ", "; the ratio"));
            for (axis, times) in doubled.into_iter().enumerate() {
                let expected = data.median_spacing_mm.0[axis] * 2_f64.powf(times);
                assert!((network.spacing_mm.0[axis] - expected).abs() < 1e-9, "{}", comment("spacing_mm"));
            }
            let now = numbers(between(comment("spacing_mm"), " to ", ". As long"))[0];
            assert!(now <= plan.rules.cascade_threshold, "{}", comment("spacing_mm"));
        }
        for axis in 0..3 {
            let spacing =
                Some(network.spacing_mm.0[axis]).filter(|edge| *edge > 0.0).unwrap_or(data.median_spacing_mm.0[axis]);
            let edge = data.median_shape[axis] * data.median_spacing_mm.0[axis] / spacing;
            assert!((network.median_shape.0[axis] as f64 - edge.max(1.0)).abs() <= 0.5 + 1e-9);
        }
        assert_eq!(
            batch_of(comment("batch_size"), network.patch_size),
            network.batch_size,
            "{}",
            comment("batch_size")
        );
        assert_eq!(
            pools_of(comment("pool_depths"), network.patch_size),
            network.pool_depths,
            "{}",
            comment("pool_depths")
        );
        assert_eq!(
            features_of(comment("features_per_stage"), network.pool_depths),
            network.features_per_stage,
            "{}",
            comment("features_per_stage")
        );
        if *name != ConfigurationName::TwoD {
            let ratio = patch.iter().copied().fold(0.0, f64::max) / patch.iter().copied().fold(f64::MAX, f64::min);
            let limit = *numbers(comment("augmentation").split_once(" times").unwrap().0).last().unwrap();
            assert_eq!(comment("augmentation").contains("more than"), ratio > limit, "{}", comment("augmentation"));
        }
    }
}

fn planned(cases: usize, spacing: [f64; 3], median: [f64; 3], crop_ratio: f64, rules: &Rules) -> (Plan, Measured) {
    let measured = Measured { cases, spacing: Spacing(spacing), median };
    let data = Data {
        cases,
        median_spacing_mm: measured.spacing,
        median_shape: median,
        cropped_fraction: crop_ratio,
        ..example().data
    };
    let plan = assemble("random", data, Vec::new(), rules).plan;
    (plan, measured)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_arithmetic_of_every_comment_leads_to_its_value(
        cases in 2_usize..900,
        spacing in prop::array::uniform3(0.3_f64..9.0),
        median in prop::array::uniform3(1.0_f64..700.0),
        crop_ratio in 0.2_f64..1.0,
        isotropic in any::<bool>(),
        voxel in any::<bool>(),
        edge in 2_usize..14,
        factor in 1.0_f64..6.0,
    ) {
        let spacing = if isotropic { [spacing[0]; 3] } else { spacing };
        let rules = Rules {
            patch_aspect: if voxel { Aspect::Voxel } else { Aspect::Mm },
            reference_patch_size_3d: Shape([16 * edge; 3]),
            cascade_threshold: factor,
            ..recipe::rules()
        };
        let (plan, measured) = planned(cases, spacing, median, crop_ratio, &rules);
        check(&plan, &measured, &reasons(&plan, &measured));
    }
}

/// The data sets whose comments were reported not to lead to their numbers.
#[test]
fn the_comments_of_real_sets_lead_to_their_patches() {
    for (spacing, median, expected) in [
        ([9.6, 1.36, 1.36], [11.0, 192.0, 192.0], [12, 192, 192]),
        ([1.0, 1.0, 1.0], [155.0, 240.0, 240.0], [96, 160, 128]),
    ] {
        let (plan, measured) = planned(100, spacing, median, 1.0, &recipe::rules());
        assert_eq!(plan.configurations[&ConfigurationName::FullRes].patch_size.0, expected);
        let said = reasons(&plan, &measured);
        check(&plan, &measured, &said);
        insta::assert_snapshot!(said["configurations.3d_fullres.patch_size"]);
    }
}
