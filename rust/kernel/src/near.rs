//! Memory that is asked for before it is used.
//!
//! What has not been used for long lies far from the processor. It waits for each piece when it comes to it; for pieces that
//! are read one after the other, and that nothing is done with, it waits all at once.

use std::hint::black_box;

/// Bytes that come near together.
const LINE: usize = 64;

/// Asks for the whole of a list of values, none of which is longer than a line.
#[inline]
pub fn bring_near<T: Copy>(list: &[T]) {
    let step = const {
        assert!(size_of::<T>() > 0 && size_of::<T>() <= LINE);
        LINE / size_of::<T>()
    };
    for value in list.iter().step_by(step) {
        black_box(*value);
    }
}
