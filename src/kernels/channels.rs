//! Feature maps of a convolution in memory.

/// Feature maps of all samples, with contiguous channels.
#[derive(Clone, Copy)]
pub(super) struct Channels<'a> {
    /// `[sample, channel, voxel]`.
    pub(super) values: &'a [f32],
    /// Number of channels.
    pub(super) count: usize,
    /// Voxels of a map.
    pub(super) voxels: usize,
}

impl<'a> Channels<'a> {
    /// The map of a channel of a sample; channels are counted across all `inputs`.
    pub(super) fn find_map(inputs: &[Self], sample: usize, mut channel: usize) -> &'a [f32] {
        for input in inputs {
            if channel < input.count {
                return &input.values[(sample * input.count + channel) * input.voxels..][..input.voxels];
            }
            channel -= input.count;
        }
        unreachable!("the inputs have fewer channels")
    }
}
