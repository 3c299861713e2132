//! Named random streams: (root seed, entity name, purpose, ordinal) → generator.
//!
//! Streams are independent by name, so a new consumer of randomness shifts no other stream, and two policies that are
//! compared see the same arrivals, work and faults.

use crate::random::{Mwc192, philox4x32_10, splitmix};

/// FNV-1a of `text` (64 bits), mixed once: the same on every platform and in every version.
pub const fn stable_hash(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x0000_0100_0000_01B3);
        i += 1;
    }
    splitmix(hash)
}

/// The key of one stream: 128 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamKey([u64; 2]);

impl StreamKey {
    /// Derives the key of a stream.
    ///
    /// `entity` is a stable name (a service's name), `purpose` says what is drawn (`"arrival"`, `"work"`, `"route"`), and
    /// `ordinal` tells apart streams of one entity and purpose (a replica's number, a replication).
    pub const fn new(root_seed: u64, entity: &str, purpose: &str, ordinal: u64) -> Self {
        let a = splitmix(root_seed ^ stable_hash(entity));
        let b = splitmix(a.rotate_left(32) ^ stable_hash(purpose));
        let c = splitmix(b ^ ordinal);
        Self([c, splitmix(c ^ a.rotate_left(19) ^ root_seed)])
    }

    /// The key of stream `number` of a family of streams: for draws of unknown length that belong to a number.
    #[must_use]
    pub const fn numbered(self, number: u64) -> Self {
        let [a, b] = self.0;
        let c = splitmix(a ^ splitmix(number));
        Self([c, splitmix(b ^ c.rotate_left(29))])
    }

    /// A generator for draws in sequence.
    pub const fn generator(self) -> Mwc192 {
        Mwc192::from_key(self.0)
    }

    /// A generator for draws in sequence that belong to the number `counter`: any of them, in any order.
    #[inline]
    pub fn generator_at(self, counter: u64) -> Mwc192 {
        let [a, b] = self.0;
        Mwc192::from_key([a ^ splitmix(counter), b])
    }
}

/// The draw with number `counter` of the stream `key` (Philox4x32-10): any draw, in any order.
#[inline]
pub fn counter_draw(key: StreamKey, counter: u64) -> u64 {
    let [key_word, counter_word] = key.0;
    let words = philox4x32_10(
        [
            counter as u32,
            (counter >> 32) as u32,
            counter_word as u32,
            (counter_word >> 32) as u32,
        ],
        [key_word as u32, (key_word >> 32) as u32],
    );
    u64::from(words[0]) | u64::from(words[1]) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_in_every_part_of_their_name() {
        let base = StreamKey::new(1, "web", "arrival", 0);
        let others = [
            StreamKey::new(2, "web", "arrival", 0),
            StreamKey::new(1, "api", "arrival", 0),
            StreamKey::new(1, "web", "work", 0),
            StreamKey::new(1, "web", "arrival", 1),
            StreamKey::new(1, "arrival", "web", 0),
        ];
        for other in others {
            assert_ne!(base, other);
            assert_ne!(counter_draw(base, 0), counter_draw(other, 0));
            assert_ne!(base.generator().next_u64(), other.generator().next_u64());
        }
    }

    #[test]
    fn streams_of_a_family_differ() {
        let key = StreamKey::new(1, "web", "think", 0);
        let family = [
            key,
            key.numbered(0),
            key.numbered(1),
            key.numbered(0).numbered(1),
        ];
        for (at, one) in family.iter().enumerate() {
            for other in &family[..at] {
                assert_ne!(counter_draw(*one, 0), counter_draw(*other, 0));
            }
        }
        assert_eq!(key.numbered(3), key.numbered(3));
    }

    #[test]
    fn draws_by_number_do_not_depend_on_order() {
        let key = StreamKey::new(7, "web", "route", 0);
        let forward: Vec<u64> = (0..8).map(|i| counter_draw(key, i)).collect();
        let backward: Vec<u64> = (0..8).rev().map(|i| counter_draw(key, i)).collect();
        assert_eq!(forward, backward.into_iter().rev().collect::<Vec<_>>());
    }

    #[test]
    fn generators_by_number_differ_and_repeat() {
        let key = StreamKey::new(7, "web", "arrival", 0);
        assert_eq!(key.generator_at(3), key.generator_at(3));
        assert_ne!(
            key.generator_at(3).next_u64(),
            key.generator_at(4).next_u64()
        );
    }

    /// Pins the derivation: results of earlier versions stay reproducible.
    #[test]
    fn derivation_is_pinned() {
        assert_eq!(stable_hash(""), splitmix(0xCBF2_9CE4_8422_2325));
        let key = StreamKey::new(7, "web", "work", 3);
        assert_eq!(key, StreamKey::new(7, "web", "work", 3));
        assert_eq!(counter_draw(key, 5), PINNED_DRAW);
        assert_eq!(key.generator().next_u64(), PINNED_WORD);
    }

    const PINNED_DRAW: u64 = 1_594_992_488_753_259_344;
    const PINNED_WORD: u64 = 14_297_122_129_322_086_734;
}
