//! Counter-based random numbers: every draw is a function of its key, not of the order in which threads run.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// The random number generator, which every function that draws takes as an argument.
pub type Rng = ChaCha8Rng;

/// The purpose of a random stream. Different purposes never share a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Splitting the cases into folds.
    Split,
    /// Initial weights of a network.
    Weights,
    /// Sampling and augmenting a training patch.
    TrainingPatch,
    /// Sampling a validation patch.
    ValidationPatch,
    /// The built-in phantom data set.
    Phantom,
    /// Resampling statistics (bootstrap).
    Bootstrap,
}

/// The key of a random stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its purpose.
    pub purpose: Purpose,
    /// The seed of the plan.
    pub seed: u64,
    /// Fold, epoch, step and sample, or other counters that distinguish streams; unused ones are zero.
    pub counters: [u64; 4],
}

/// The random stream of a key.
///
/// Different keys give independent streams; the same key gives the same stream on every machine.
pub fn stream(key: Key) -> Rng {
    let mut hash = Sha256::new();
    hash.update(b"segplan");
    hash.update([key.purpose as u8]);
    hash.update(key.seed.to_le_bytes());
    for counter in key.counters {
        hash.update(counter.to_le_bytes());
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use rand::Rng as _;

    use super::*;

    fn first(purpose: Purpose, seed: u64, counters: [u64; 4]) -> u64 {
        stream(Key { purpose, seed, counters }).next_u64()
    }

    #[test]
    fn a_stream_depends_only_on_its_key() {
        let base = first(Purpose::TrainingPatch, 1, [0, 1, 2, 3]);
        assert_eq!(base, first(Purpose::TrainingPatch, 1, [0, 1, 2, 3]));
        assert_ne!(base, first(Purpose::ValidationPatch, 1, [0, 1, 2, 3]));
        assert_ne!(base, first(Purpose::TrainingPatch, 2, [0, 1, 2, 3]));
        assert_ne!(base, first(Purpose::TrainingPatch, 1, [0, 1, 3, 2]));
    }
}
