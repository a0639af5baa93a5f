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
    let [total] = sum_all_terms(
        a,
        b,
        #[inline(always)]
        |a, b| [term(a, b)],
    );
    total
}

/// Sums several terms over two equally long slices in one pass, each as [`sum_terms`] does.
#[inline(always)]
pub(super) fn sum_all_terms<const TERMS: usize>(
    a: &[f32],
    b: &[f32],
    terms: impl Fn(f32, f32) -> [f32; TERMS],
) -> [f64; TERMS] {
    let mut totals = [0.0; TERMS];
    for (a, b) in a.chunks(CHUNK).zip(b.chunks(CHUNK)) {
        let mut lanes = [[0.0_f32; LANES]; TERMS];
        let (a, rest_a) = a.as_chunks::<LANES>();
        let (b, rest_b) = b.as_chunks::<LANES>();
        for (a, b) in a.iter().zip(b) {
            for lane in 0..LANES {
                let values = terms(a[lane], b[lane]);
                for term in 0..TERMS {
                    lanes[term][lane] += values[term];
                }
            }
        }
        for term in 0..TERMS {
            for lane in lanes[term] {
                totals[term] += f64::from(lane);
            }
        }
        for (a, b) in rest_a.iter().zip(rest_b) {
            let values = terms(*a, *b);
            for term in 0..TERMS {
                totals[term] += f64::from(values[term]);
            }
        }
    }
    totals
}
