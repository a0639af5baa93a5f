//! Peak multiply-add rate of the processor, measured on registers only: the upper bound for the kernels.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};
use std::hint::black_box;
use std::time::{Duration, Instant};

use super::simd::{InstructionSet, Vector};

/// Multiply-adds per register in one measurement.
const REPETITIONS: u32 = 2_000_000;

/// Peak rate of all threads of the pool, 10⁹ operations per second; a multiply-add counts as two.
pub fn measure_gflops() -> f64 {
    let instructions = InstructionSet::detect();
    rayon::broadcast(|_| measure(instructions, REPETITIONS).gflops()).iter().sum()
}

/// A timed loop of multiply-adds on one thread.
struct Measurement {
    operations: f64,
    time: Duration,
    /// Value of every sum after the loop.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test only"))]
    sum: f32,
}

impl Measurement {
    fn gflops(&self) -> f64 {
        self.operations / self.time.as_secs_f64() / 1e9
    }
}

fn measure(instructions: InstructionSet, repetitions: u32) -> Measurement {
    // SAFETY: the processor supports the instruction set.
    unsafe {
        match instructions {
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512 => measure_avx512(repetitions),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2 => measure_avx2(repetitions),
            InstructionSet::Portable => measure_registers::<[f32; 4], 8>(repetitions),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn measure_avx512(repetitions: u32) -> Measurement {
    // SAFETY: guaranteed by the caller.
    unsafe { measure_registers::<__m512, 24>(repetitions) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn measure_avx2(repetitions: u32) -> Measurement {
    // SAFETY: guaranteed by the caller.
    unsafe { measure_registers::<__m256, 12>(repetitions) }
}

/// Times multiply-adds on `REGISTERS` independent registers.
#[inline(always)]
unsafe fn measure_registers<V: Vector, const REGISTERS: usize>(repetitions: u32) -> Measurement {
    let (shrink, add) = black_box((0.999, 1e-3));
    let begun = Instant::now();
    let mut last = [0.0; 16];
    // SAFETY: guaranteed by the caller; `last` holds the values of a register.
    unsafe {
        let (shrink, add) = (V::splat(&raw const shrink), V::splat(&raw const add));
        let mut sums = [V::zero(); REGISTERS];
        for _ in 0..repetitions {
            for register in 0..REGISTERS {
                sums[register] = add.add_product(sums[register], shrink);
            }
        }
        for sum in sums {
            sum.store(last.as_mut_ptr());
            black_box(last);
        }
    }
    let operations = 2.0 * f64::from(repetitions) * (REGISTERS * V::LANES) as f64;
    Measurement { operations, time: begun.elapsed(), sum: last[0] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counted_operation_is_executed() {
        let instructions = InstructionSet::detect();
        let measurement = measure(instructions, 3000);
        // Sum of a geometric series: 1e-3 (1 - 0.999ⁿ) / (1 - 0.999).
        approx::assert_relative_eq!(measurement.sum, 1.0 - 0.999_f32.powi(3000), max_relative = 1e-3);
        // Two operations per lane and multiply-add, on 24, 12 or 8 registers.
        let per_repetition = measurement.operations / 3000.0;
        assert!([2.0 * 24.0 * 16.0, 2.0 * 12.0 * 8.0, 2.0 * 8.0 * 4.0].contains(&per_repetition), "{per_repetition}");
    }

    #[test]
    fn the_measured_rate_is_physically_possible() {
        let instructions = InstructionSet::detect();
        let gflops = measure(instructions, REPETITIONS).gflops();
        // At most two fused multiply-adds of full registers per cycle, at less than 7 GHz.
        let limit = 2.0 * 2.0 * instructions.lanes() as f64 * 7.0;
        assert!(gflops > 0.0 && gflops < limit, "{gflops} of at most {limit} GFLOP/s");
    }
}
