//! Numbers that the tasks of a kernel write for the first time: nobody clears them before.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use std::mem::MaybeUninit;

/// Room for `count` numbers.
pub(super) fn fresh(count: usize) -> Box<[MaybeUninit<f32>]> {
    Box::new_uninit_slice(count)
}

/// The numbers, after each of them has been written.
///
/// # Safety
///
/// Each number has been written.
pub(super) unsafe fn written(numbers: Box<[MaybeUninit<f32>]>) -> Vec<f32> {
    // SAFETY: as for the caller.
    unsafe { numbers.assume_init() }.into_vec()
}

/// Numbers that may be written as if they were fresh.
///
/// # Safety
///
/// Nothing but numbers is written to them.
pub(super) unsafe fn to_write(numbers: &mut [f32]) -> &mut [MaybeUninit<f32>] {
    // SAFETY: the two have the same layout, and the caller leaves no number undefined.
    unsafe { &mut *(std::ptr::from_mut(numbers) as *mut [MaybeUninit<f32>]) }
}

/// Writes 0 to each of some numbers.
pub(super) fn clear(numbers: &mut [MaybeUninit<f32>]) -> &mut [f32] {
    for number in &mut *numbers {
        number.write(0.0);
    }
    // SAFETY: each number has just been written.
    unsafe { numbers.assume_init_mut() }
}
