//! Channels of a convolution, as they lie in memory.

/// Input channels that follow each other in memory.
#[derive(Clone, Copy)]
pub(super) struct Maps<'a> {
    /// `[sample, channel, voxel]`.
    pub(super) values: &'a [f32],
    /// Count of channels.
    pub(super) channels: usize,
    /// Voxels of a map.
    pub(super) volume: usize,
}

impl<'a> Maps<'a> {
    /// A channel of a sample, where the channels are counted over all maps.
    pub(super) fn map(all: &[Self], sample: usize, mut channel: usize) -> &'a [f32] {
        for maps in all {
            if channel < maps.channels {
                return &maps.values[(sample * maps.channels + channel) * maps.volume..][..maps.volume];
            }
            channel -= maps.channels;
        }
        unreachable!("there are fewer channels")
    }
}
