//! Counts against PyTorch, by hand, and by tracing.

use super::*;
use crate::device::Backend;
use crate::network::testing::{configuration, network};

fn topology(patch: [usize; 3], pools: [usize; 3], base: usize, cap: usize, io: (usize, usize)) -> Topology {
    let depth = pools.into_iter().max().unwrap_or(0);
    let features = (0..=depth).map(|level| (base << level).min(cap)).collect::<Vec<_>>();
    Topology::new(&configuration(patch, pools, &features), &network(), io.0, io.1)
}

#[test]
fn axes_with_fewer_poolings_skip_the_first_steps() {
    let flat = configuration([20, 192, 192], [2, 5, 5], &[1; 6]);
    assert_eq!(flat.downsampling_strides(), [[1, 2, 2], [1, 2, 2], [1, 2, 2], [2, 2, 2], [2, 2, 2]]);
    let slice = configuration([1, 64, 32], [0, 3, 2], &[1; 4]);
    assert_eq!(slice.downsampling_strides(), [[1, 2, 1], [1, 2, 2], [1, 2, 2]]);
    assert_eq!(configuration([8, 8, 8], [0, 0, 0], &[1]).downsampling_strides(), Vec::<[usize; 3]>::new());
}

#[test]
fn the_parameter_count_equals_that_of_pytorch() {
    // Counted by `sum(p.numel() for p in UNet().parameters())` of the network in `tests/reference/ten_losses.py`.
    for (patch, pools, base, cap, io, expected) in [
        ([40, 56, 40], [3, 3, 3], 30, 320, (1, 3), 4_924_260),
        ([20, 192, 192], [2, 5, 5], 4, 48, (2, 3), 614_964),
        ([1, 56, 40], [0, 3, 3], 30, 480, (1, 3), 1_694_520),
        ([1, 64, 64], [0, 2, 4], 8, 480, (4, 4), 485_984),
    ] {
        assert_eq!(topology(patch, pools, base, cap, io).parameters(), expected, "{pools:?}");
    }
}

#[test]
fn counts_of_a_small_network_equal_those_by_hand() {
    // One pooling, 1 -> 2 -> 4 features, 3 classes, 4 x 4 x 4 voxels.
    let small = topology([4, 4, 4], [1, 1, 1], 2, 99, (1, 3));
    let encoder = [(1, 2), (2, 2), (2, 4), (4, 4)].map(|(i, o)| i * o * 27 + 3 * o).iter().sum::<u64>();
    let decoder = [(4, 2), (2, 2)].map(|(i, o)| i * o * 27 + 3 * o).iter().sum::<u64>();
    assert_eq!(small.parameters(), encoder + decoder + 4 * 2 * 8 + 2 * 3);
    let fine = 64 * 27 * (2 + 4 + 8 + 4) + 64 * (4 * 2) + 64 * 2 * 3;
    assert_eq!(small.multiply_adds([4, 4, 4]), fine + 8 * 27 * (8 + 16));
}

#[test]
fn the_receptive_field_equals_that_of_tracing_every_index() {
    for (patch, pools) in [
        ([64, 64, 64], [1, 1, 1]),
        ([64, 256, 256], [1, 3, 3]),
        ([256, 256, 256], [2, 3, 1]),
        ([1, 256, 256], [0, 2, 3]),
    ] {
        let network = topology(patch, pools, 2, 8, (1, 2));
        let traced = std::array::from_fn(|axis| {
            let middle = patch[axis] / 2;
            (middle..(middle + 16).min(patch[axis])).map(|at| reach(&network, axis, at)).max().unwrap_or(1)
        });
        assert_eq!(network.receptive_field(), traced, "{pools:?}");
    }
}

/// Distance between the first and the last input that reach output `at`, both included, traced layer by layer.
fn reach(network: &Topology, axis: usize, at: usize) -> usize {
    let widen = |range: &mut (isize, isize), level: usize, convolutions: usize| {
        let margin = (convolutions * (network.kernels[level][axis] / 2)) as isize;
        *range = (range.0 - margin, range.1 + margin);
    };
    let mut range = (at as isize, at as isize);
    for (level, stride) in network.strides.iter().enumerate() {
        widen(&mut range, level, network.decoder_blocks[level]);
        range = (range.0.div_euclid(stride[axis] as isize), range.1.div_euclid(stride[axis] as isize));
    }
    for level in (0..network.levels()).rev() {
        let stride = level.checked_sub(1).map_or(1, |finer| network.strides[finer][axis] as isize);
        let convolutions = network.encoder_blocks[level];
        match network.downsampling {
            Downsampling::MaxPool => {
                widen(&mut range, level, convolutions);
                range = (range.0 * stride, range.1 * stride + stride - 1);
            }
            Downsampling::StridedConvolution => {
                widen(&mut range, level, convolutions - 1);
                range = (range.0 * stride, range.1 * stride);
                widen(&mut range, level, 1);
            }
        }
    }
    (range.1 - range.0 + 1) as usize
}

#[test]
fn the_receptive_field_of_strided_convolutions_equals_that_of_tracing_every_index() {
    let network = Topology {
        kernels: vec![[1, 3, 3], [3, 3, 5], [3, 1, 3], [3, 3, 3]],
        strides: vec![[1, 2, 3], [2, 2, 2], [1, 2, 2]],
        decoder_blocks: vec![2, 1, 3],
        downsampling: Downsampling::StridedConvolution,
        ..topology([96, 96, 96], [3, 3, 3], 2, 8, (1, 2))
    };
    let traced = std::array::from_fn(|axis| (96..192).map(|at| reach(&network, axis, at)).max().unwrap_or(1));
    assert_eq!(network.receptive_field(), traced);
}

#[test]
fn memory_grows_with_the_batch_and_has_a_constant_part() {
    let network = topology([40, 56, 40], [3, 3, 3], 30, 320, (1, 3));
    let bytes = |batch| network.training_bytes([40, 56, 40], batch, Backend::Cpu);
    assert_eq!(bytes(3) - bytes(2), bytes(2) - bytes(1));
    assert_eq!(bytes(0), 5 * 4 * network.parameters());
    assert!(bytes(1) < network.training_bytes([40, 56, 40], 1, Backend::Cuda));
}
