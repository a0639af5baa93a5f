//! What the processor's multiply-adds reach when nothing but registers is involved: what the kernels are held against.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};
use std::hint::black_box;
use std::time::Instant;

use super::vector::{Instructions, Vector};

/// Multiply-adds of a register in one measurement.
const REPETITIONS: u32 = 2_000_000;

/// 10⁹ operations a second of all threads of the pool, a multiply-add being two.
pub fn gflops() -> f64 {
    let instructions = Instructions::detect();
    // SAFETY: the processor has the instructions.
    let rate = |_: rayon::BroadcastContext<'_>| unsafe {
        match instructions {
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => avx512(),
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => avx2(),
            Instructions::Portable => rate::<[f32; 4], 8>(),
        }
    };
    rayon::broadcast(rate).iter().sum()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512() -> f64 {
    // SAFETY: as for the caller.
    unsafe { rate::<__m512, 24>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2() -> f64 {
    // SAFETY: as for the caller.
    unsafe { rate::<__m256, 12>() }
}

/// 10⁹ operations a second on `N` registers that do not wait for each other.
#[inline(always)]
unsafe fn rate<V: Vector, const N: usize>() -> f64 {
    let (shrink, add) = black_box((0.999, 1e-3));
    let begun = Instant::now();
    // SAFETY: as for the caller; `sums` holds a register for each sum.
    unsafe {
        let (shrink, add) = (V::splat(&raw const shrink), V::splat(&raw const add));
        let mut sums = [V::zero(); N];
        for _ in 0..REPETITIONS {
            for n in 0..N {
                sums[n] = add.add_product(sums[n], shrink);
            }
        }
        for sum in sums {
            let mut lanes = [0.0; 16];
            sum.store(lanes.as_mut_ptr());
            black_box(lanes);
        }
    }
    let operations = 2.0 * f64::from(REPETITIONS) * (N * V::LANES) as f64;
    operations / begun.elapsed().as_secs_f64() / 1e9
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_processor_reaches_more_than_none() {
        let gflops = super::gflops();
        assert!(gflops > 0.1 && gflops < 1e6, "{gflops}");
    }
}
