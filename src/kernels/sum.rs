//! Sums over maps.

/// Sums in single precision run over this many lanes, and no further than [`STRETCH`]; the rest is in double precision.
const LANES: usize = 16;
const STRETCH: usize = 64 * LANES;

/// Sum of the terms of two equally long slices, in a fixed order.
#[inline(always)]
pub(super) fn sum(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    let stretches = a.chunks(STRETCH).zip(b.chunks(STRETCH));
    stretches
        .map(|(a, b)| {
            let mut lanes = [0.0_f32; LANES];
            let (a, rest_a) = a.as_chunks::<LANES>();
            let (b, rest_b) = b.as_chunks::<LANES>();
            for (a, b) in a.iter().zip(b) {
                for lane in 0..LANES {
                    lanes[lane] += term(a[lane], b[lane]);
                }
            }
            let rest = rest_a.iter().zip(rest_b).map(|(a, b)| term(*a, *b));
            lanes.into_iter().chain(rest).map(f64::from).sum::<f64>()
        })
        .sum()
}
