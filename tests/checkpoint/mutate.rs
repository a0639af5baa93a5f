//! Damage to a file, decided by a seed.

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Numbers that readers of sizes and positions get wrong.
const SIZES: [u64; 10] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 40, i64::MAX as u64, u64::MAX];
/// Instructions of pickles.
const OPCODES: &[u8] = b"N)]}(tRbQqrhjKMJXcGeusa.\x80\x85\x86\x87\x88\x89\x8a";

/// A damaged copy. The same seed makes the same damage.
pub(crate) fn mutated(intact: &[u8], seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut bytes = intact.to_vec();
    for _ in 0..rng.random_range(1..4) {
        mutate(&mut bytes, &mut rng);
    }
    bytes
}

fn mutate(bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    if bytes.is_empty() {
        return;
    }
    let at = position(bytes.len(), rng);
    match rng.random_range(0..8) {
        0 => bytes[at] ^= 1 << rng.random_range(0..8),
        1 => bytes[at] = rng.random(),
        2 => bytes[at] = OPCODES[rng.random_range(0..OPCODES.len())],
        3 => {
            // A length or position.
            let near = [bytes.len() as u64, at as u64, SIZES[rng.random_range(0..SIZES.len())]];
            let number = near[rng.random_range(0..3)].wrapping_add(rng.random_range(0..3)).wrapping_sub(1);
            let length = [1, 2, 4, 8][rng.random_range(0..4)].min(bytes.len() - at);
            bytes[at..at + length].copy_from_slice(&number.to_le_bytes()[..length]);
        }
        4 => bytes.truncate(at),
        5 => {
            // A part over another.
            let from = rng.random_range(0..bytes.len());
            let length = rng.random_range(0..64).min(bytes.len() - from.max(at));
            bytes.copy_within(from..from + length, at);
        }
        6 => {
            // A part once more, which moves everything behind it.
            let end = (at + rng.random_range(0..64)).min(bytes.len());
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        _ => _ = bytes.drain(at..(at + rng.random_range(1..16)).min(bytes.len())),
    }
}

/// A position, half of the time among the last bytes, which hold the directory of an archive.
fn position(length: usize, rng: &mut ChaCha8Rng) -> usize {
    let start = if rng.random() { length.saturating_sub(600) } else { 0 };
    rng.random_range(start..length)
}
