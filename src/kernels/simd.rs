//! Vectors of `f32` in processor registers: one trait, three widths, selected at run time.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256, __m512, _MM_HINT_T1, _mm_prefetch, _mm256_add_ps, _mm256_broadcast_ss, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_setzero_ps, _mm256_storeu_ps, _mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps,
    _mm512_setzero_ps, _mm512_storeu_ps,
};

/// Values per cache line.
pub(super) const CACHE_LINE: usize = 16;

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InstructionSet {
    /// 512 bits, 32 registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 256 bits, 16 registers, fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Arrays of four values, which the compiler vectorises for its target.
    Portable,
}

#[cfg(test)]
thread_local! {
    /// Overrides the detected instruction set in tests.
    static FORCED: std::cell::Cell<Option<InstructionSet>> = const { std::cell::Cell::new(None) };
}

impl InstructionSet {
    /// The widest instruction set of this processor.
    pub(super) fn detect() -> Self {
        #[cfg(test)]
        if let Some(forced) = FORCED.get() {
            return forced;
        }
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }

    /// All instruction sets of this processor.
    #[cfg(test)]
    pub(super) fn available() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if Self::detect() != Self::Portable && is_x86_feature_detected!("fma") {
                all.push(Self::Avx2);
            }
            if Self::detect() == Self::Avx512 {
                all.push(Self::Avx512);
            }
        }
        all
    }

    /// Runs `work` with kernels restricted to this instruction set, which the processor must support.
    #[cfg(test)]
    pub(super) fn force<R>(self, work: impl FnOnce() -> R) -> R {
        let previous = FORCED.replace(Some(self));
        let result = work();
        FORCED.set(previous);
        result
    }

    /// Values per register.
    pub(super) fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => <__m512 as Vector>::LANES,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => <__m256 as Vector>::LANES,
            Self::Portable => <[f32; 4] as Vector>::LANES,
        }
    }

    /// Runs `work` compiled for this instruction set, as far as it is inlined.
    pub(super) fn vectorize<R>(self, work: impl FnOnce() -> R) -> R {
        // SAFETY: the processor supports the instruction set.
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => unsafe { avx512(work) },
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => unsafe { avx2(work) },
            Self::Portable => portable(work),
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline(never)]
unsafe fn avx512<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
unsafe fn avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}

#[inline(never)]
fn portable<R>(work: impl FnOnce() -> R) -> R {
    work()
}

/// Values before the first one that begins a cache line: vectors that cross two lines need two accesses each.
pub(super) fn values_to_cache_line(values: *const f32) -> usize {
    values.align_offset(CACHE_LINE * size_of::<f32>())
}

/// Loads values into the second-level cache that will be read soon; affects nothing but speed.
pub(super) fn prefetch(values: &[f32]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(CACHE_LINE) {
        // SAFETY: every x86-64 processor has the instruction, which does not access memory architecturally.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = values;
}

/// A register of `LANES` values.
///
/// # Safety
///
/// The processor must support the instructions. `load` and `store` need a pointer that is valid for `LANES` values, `splat` one
/// that is valid for a single value; pointers need not be aligned.
pub(super) trait Vector: Copy {
    /// Values per register.
    const LANES: usize;
    /// Registers of the processor.
    const REGISTERS: usize;

    unsafe fn zero() -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// The value at `from` in all lanes.
    unsafe fn splat(from: *const f32) -> Self;
    /// `self + a · b`.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
    /// `self + other`.
    unsafe fn add(self, other: Self) -> Self;
    /// Runs `work` compiled for these instructions, as far as it is inlined, in a function of its own: the compiler needs much
    /// longer for one large function than for many small ones.
    unsafe fn outline(work: impl FnOnce());
}

// SAFETY of all function bodies below: the caller guarantees what the trait requires.

#[cfg(target_arch = "x86_64")]
impl Vector for __m512 {
    const LANES: usize = 16;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm512_setzero_ps() }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm512_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self {
        unsafe { _mm512_set1_ps(*from) }
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { _mm512_fmadd_ps(a, b, self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { _mm512_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn outline(work: impl FnOnce()) {
        unsafe { avx512(work) }
    }
}

#[cfg(target_arch = "x86_64")]
impl Vector for __m256 {
    const LANES: usize = 8;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn zero() -> Self {
        unsafe { _mm256_setzero_ps() }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { _mm256_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { _mm256_storeu_ps(to, self) }
    }
    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self {
        unsafe { _mm256_broadcast_ss(&*from) }
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        unsafe { _mm256_fmadd_ps(a, b, self) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        unsafe { _mm256_add_ps(self, other) }
    }
    #[inline(always)]
    unsafe fn outline(work: impl FnOnce()) {
        unsafe { avx2(work) }
    }
}

impl Vector for [f32; 4] {
    const LANES: usize = 4;
    const REGISTERS: usize = 16;

    #[inline(always)]
    unsafe fn zero() -> Self {
        [0.0; 4]
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        unsafe { from.cast::<Self>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        unsafe { to.cast::<Self>().write_unaligned(self) }
    }
    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self {
        [unsafe { *from }; 4]
    }
    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + a[lane] * b[lane])
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + other[lane])
    }
    #[inline(always)]
    unsafe fn outline(work: impl FnOnce()) {
        portable(work);
    }
}
