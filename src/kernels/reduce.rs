//! Sums over feature maps.
//!
//! Written as loops instead of iterators, so that the whole function is inlined into [`super::simd::InstructionSet::vectorize`].

/// Single-precision partial sums run in this many lanes.
const LANES: usize = 16;
/// Values per partial sum; the partial sums are added in double precision.
const CHUNK: usize = 64 * LANES;

/// Sums `term` over two equally long slices, in a fixed order.
#[inline(always)]
pub(super) fn sum_terms(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    let mut total = 0.0;
    for (a, b) in a.chunks(CHUNK).zip(b.chunks(CHUNK)) {
        let mut lanes = [0.0_f32; LANES];
        let (a, rest_a) = a.as_chunks::<LANES>();
        let (b, rest_b) = b.as_chunks::<LANES>();
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                lanes[lane] += term(a[lane], b[lane]);
            }
        }
        for lane in lanes {
            total += f64::from(lane);
        }
        for (a, b) in rest_a.iter().zip(rest_b) {
            total += f64::from(term(*a, *b));
        }
    }
    total
}
