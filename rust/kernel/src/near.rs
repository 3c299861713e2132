//! Memory that is asked for before it is used.
//!
//! What has not been used for long lies far from the processor, which waits for each piece when it comes to it. Told before
//! what it will need, it goes on with something else while the pieces come.

/// Bytes that come near together: a line and the one beside it, which many processors bring along. Asking for both would take
/// twice as many of the few places for what is on its way.
const LINE: usize = 128;

/// Asks for the whole of a list of values, none of which is longer than a line.
#[inline]
pub fn bring_near<T: Copy>(list: &[T]) {
    let step = const {
        assert!(size_of::<T>() > 0 && size_of::<T>() <= LINE);
        LINE / size_of::<T>()
    };
    list.iter().step_by(step).for_each(ask_for);
}

/// Asks for all lines of a value, but for what it points to. (Only where the processor does so without waiting.)
#[inline]
pub fn bring_value_near<T: ?Sized>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..size_of_val(value)).step_by(LINE) {
        ask_for_address(std::ptr::from_ref(value).cast::<u8>().wrapping_add(offset));
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Asks for the line of a value, without waiting for it.
#[inline]
#[cfg(target_arch = "x86_64")]
fn ask_for<T>(value: &T) {
    ask_for_address(std::ptr::from_ref(value).cast());
}

#[inline]
#[cfg(target_arch = "x86_64")]
fn ask_for_address(address: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    #[expect(
        unsafe_code,
        reason = "a hint about any address neither reads nor writes what is there, nor can it fail"
    )]
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
}

/// Reads a value and does nothing with it: the processor waits, but for all that are read one after the other at once.
#[inline]
#[cfg(not(target_arch = "x86_64"))]
fn ask_for<T: Copy>(value: &T) {
    std::hint::black_box(*value);
}
