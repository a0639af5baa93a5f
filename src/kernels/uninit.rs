//! Buffers that the tasks of a kernel write for the first time, so they need not be zeroed before.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use std::mem::MaybeUninit;

/// An uninitialised buffer of `len` values.
pub(super) fn uninit(len: usize) -> Box<[MaybeUninit<f32>]> {
    Box::new_uninit_slice(len)
}

/// Converts a buffer after all its values have been written.
///
/// # Safety
///
/// Every value has been written.
pub(super) unsafe fn assume_init(values: Box<[MaybeUninit<f32>]>) -> Vec<f32> {
    // SAFETY: guaranteed by the caller.
    unsafe { values.assume_init() }.into_vec()
}

/// Views initialised values as a buffer to be overwritten.
///
/// # Safety
///
/// Only initialised values are written through the view.
pub(super) unsafe fn as_uninit(values: &mut [f32]) -> &mut [MaybeUninit<f32>] {
    // SAFETY: both types have the same layout, and the caller leaves no value uninitialised.
    unsafe { &mut *(std::ptr::from_mut(values) as *mut [MaybeUninit<f32>]) }
}

/// Writes 0 to every value.
pub(super) fn fill_zero(values: &mut [MaybeUninit<f32>]) {
    for value in values {
        value.write(0.0);
    }
}
