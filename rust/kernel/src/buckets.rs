//! The buckets of log-linear histograms: every power of two is cut into `2^BITS` buckets of equal width.
//!
//! Values below `2^(BITS + 1)` have a bucket each.

/// Whole numbers from here on, 2^52, are too large for what is done with floats.
pub(crate) const LARGE: u64 = 1 << (f64::MANTISSA_DIGITS - 1);

/// The bucket of a value.
#[inline]
pub(crate) const fn bucket_of<const BITS: u32>(value: u64) -> usize {
    let shift = (value | ((2 << BITS) - 1)).ilog2() - BITS;
    ((shift as usize) << BITS) + (value >> shift) as usize
}

/// Least value and width of a bucket.
pub(crate) const fn range_of<const BITS: u32>(index: usize) -> (u64, u64) {
    let shift = (index >> BITS).saturating_sub(1);
    (((index - (shift << BITS)) as u64) << shift, 1 << shift)
}

/// The bucket of a whole number of at least `2^BITS` and below [`LARGE`]. Processors work it out for several at a time.
#[inline]
pub(crate) const fn bucket_of_float<const BITS: u32>(value: f64) -> usize {
    (first_bits::<BITS>(value) - before::<BITS>()) as usize
}

/// Exponent and first bits of the fraction of such a number: they number its bucket, but for those [`before`].
#[inline]
pub(crate) const fn first_bits<const BITS: u32>(value: f64) -> u64 {
    value.to_bits() >> (f64::MANTISSA_DIGITS - 1 - BITS)
}

/// What the first bits are beyond the number of the bucket.
pub(crate) const fn before<const BITS: u32>() -> u64 {
    (f64::MAX_EXP as u64 - 1 + BITS as u64 - 1) << BITS
}

/// A number below [`LARGE`] as a float.
#[inline]
pub(crate) const fn small_float(value: u64) -> f64 {
    // Floats of this size are the whole numbers, which stand in their lower bits.
    const WHOLE: f64 = LARGE as f64;
    f64::from_bits(value | WHOLE.to_bits()) - WHOLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::splitmix;

    #[test]
    fn floats_have_the_buckets_of_integers() {
        fn check<const BITS: u32>() {
            let around = (4..52).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1]);
            let small = (16..300).chain([LARGE - 1]);
            let some = (0..10_000_u64).map(|i| splitmix(i) >> (12 + i % 44));
            for value in around.chain(small).chain(some) {
                if value >= 1 << BITS {
                    let found = bucket_of_float::<BITS>(small_float(value));
                    assert_eq!(found, bucket_of::<BITS>(value), "{value}");
                }
            }
        }
        check::<4>();
        check::<7>();
    }
}
