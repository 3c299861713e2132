//! Generators: MWC192 for draws in sequence, Philox4x32-10 for draws by number.
//!
//! Sources: Marsaglia's multiply-with-carry (1994) with the multiplier and in the form of Vigna, `MWC192.c` (2021); Salmon,
//! Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011).

/// One output of `SplitMix64` for the state `z`; a good mixer of 64 bits.
#[inline]
pub const fn splitmix(z: u64) -> u64 {
    let z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Turns 64 random bits into a number in [0, 1): the upper 53 bits.
#[inline]
pub fn unit_f64(bits: u64) -> f64 {
    (bits >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0)
}

/// The MWC192 generator: a multiplication and an addition of 128 bits for each word, for two of whose steps the next word
/// waits. Its period is about 2^191.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mwc192 {
    older: u64,
    newest: u64,
    carry: u64,
}

impl Mwc192 {
    /// With which the words are those of a good linear congruential generator.
    const MULTIPLIER: u128 = 0xFFA0_4E67_B3C9_5D86;

    /// Starts a generator from two words of key, mixed by `SplitMix64`.
    pub const fn from_key(key: [u64; 2]) -> Self {
        let older = splitmix(key[0]);
        Self {
            older,
            newest: splitmix(key[1] ^ older.rotate_left(32)),
            // With it any two words will do.
            carry: 1,
        }
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let product = Self::MULTIPLIER * u128::from(self.older) + u128::from(self.carry);
        let next = self.newest;
        *self = Self {
            older: next,
            newest: product as u64,
            carry: (product >> 64) as u64,
        };
        next
    }

    /// The next number in [0, 1).
    #[inline]
    pub fn next_unit(&mut self) -> f64 {
        unit_f64(self.next_u64())
    }
}

/// Philox4x32-10: four words from a 128-bit counter and a 64-bit key.
#[inline]
pub fn philox4x32_10(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let (mut c, mut k) = (counter, key);
    for _ in 0..10 {
        let p0 = 0xD251_1F53_u64 * u64::from(c[0]);
        let p1 = 0xCD9E_8D57_u64 * u64::from(c[2]);
        c = [
            (p1 >> 32) as u32 ^ c[1] ^ k[0],
            p1 as u32,
            (p0 >> 32) as u32 ^ c[3] ^ k[1],
            p0 as u32,
        ];
        k = [
            k[0].wrapping_add(0x9E37_79B9),
            k[1].wrapping_add(0xBB67_AE85),
        ];
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the Random123 distribution (`kat_vectors`, philox4x32 with 10 rounds).
    #[test]
    fn philox_gives_the_published_answers() {
        assert_eq!(
            philox4x32_10([0; 4], [0; 2]),
            [0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8]
        );
        assert_eq!(
            philox4x32_10([u32::MAX; 4], [u32::MAX; 2]),
            [0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD]
        );
        assert_eq!(
            philox4x32_10(
                [0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344],
                [0xA409_3822, 0x299F_31D0]
            ),
            [0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1]
        );
    }

    /// Computed with long integers: `older + newest b + carry b^2` with b = 2^64, each over b modulo multiplier x b^2 - 1.
    #[test]
    fn mwc192_gives_known_answers() {
        let mut rng = Mwc192 {
            older: 1,
            newest: 2,
            carry: 1,
        };
        let expected = [
            2,
            18_419_808_683_250_244_999,
            18_392_873_292_790_938_380,
            13_432_671_335_723_564_971,
            8_418_637_927_998_587_871,
            10_492_922_955_669_509_162,
            10_437_970_967_200_500_497,
            10_007_040_098_663_185_689,
        ];
        assert_eq!(expected.map(|_| rng.next_u64()), expected);
    }

    #[test]
    fn unit_covers_zero_to_just_below_one() {
        assert_eq!(unit_f64(0).to_bits(), 0.0_f64.to_bits());
        assert!(unit_f64(u64::MAX) < 1.0);
    }
}
