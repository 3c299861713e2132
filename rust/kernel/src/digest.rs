//! A rolling digest of words: order-sensitive, one wide multiplication per word. Not cryptographic.

/// Multiplies to 128 bits and folds the halves together.
#[inline]
pub const fn fold(a: u64, b: u64) -> u64 {
    let product = a as u128 * b as u128;
    product as u64 ^ (product >> 64) as u64
}

/// The digest of a sequence of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    lanes: [u64; 2],
    words: u64,
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

impl Digest {
    /// The digest of nothing.
    pub const fn new() -> Self {
        Self {
            lanes: [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344],
            words: 0,
        }
    }

    /// Appends a word.
    #[inline]
    pub const fn word(&mut self, word: u64) {
        let mixed = fold(self.lanes[0] ^ word, 0xA076_1D64_78BD_642F);
        self.lanes = [
            self.lanes[1].wrapping_add(mixed).rotate_left(23),
            mixed ^ word.rotate_left(32),
        ];
        self.words += 1;
    }

    /// The digest so far, as a number.
    pub const fn finish(&self) -> u128 {
        let high = fold(
            self.lanes[0] ^ 0xE703_7ED1_A0B4_28DB,
            self.lanes[1] ^ self.words ^ 0x8EBC_6AF0_9C88_C6E3,
        );
        let low = fold(self.lanes[1] ^ 0x5895_65B4_1F82_8A51, high ^ self.lanes[0]);
        (high as u128) << 64 | low as u128
    }

    /// The digest so far, as 32 hexadecimal digits.
    pub fn hex(&self) -> String {
        format!("{:032x}", self.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[u64]) -> u128 {
        let mut digest = Digest::new();
        for &word in words {
            digest.word(word);
        }
        digest.finish()
    }

    #[test]
    fn order_length_and_content_matter() {
        let all = [
            of(&[]),
            of(&[0]),
            of(&[0, 0]),
            of(&[1, 2]),
            of(&[2, 1]),
            of(&[1, 2, 0]),
            of(&[1, 2 | 1 << 63]),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(a, b);
            }
        }
    }

    #[test]
    fn text_has_32_digits() {
        assert_eq!(Digest::new().hex().len(), 32);
    }
}
