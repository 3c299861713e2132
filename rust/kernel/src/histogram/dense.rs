//! A word for every bucket up to the highest one in use: half of it counts the run, half the window.

use super::{BLOCK, PART, Search, Sparse};
use crate::buckets::{LARGE, bucket_of, bucket_of_float, range_of, small_float};
use crate::near::bring_near;
use std::collections::BTreeMap;

/// Bits of a half of a word.
const HALF: u32 = u32::BITS / 2;
/// One more in the whole run (upper half of a word) and in the window (lower half).
const ONE: u32 = 1 << HALF | 1;
/// The window's half.
const LOWER: u32 = (1 << HALF) - 1;
/// A half that counts so many moves them to the carries when there is need of room; it holds twice as many, less one.
const MUCH: u32 = 1 << (HALF - 1);
/// Buckets that are marked as used together: a byte that is written, whatever it was, costs less than a bit.
const GROUP: usize = PART / size_of::<u64>();
/// So many used groups of a part are closed faster all together than one by one.
const MANY: u32 = 4;

/// Counts that halves of words were too narrow for, by bucket. There are few: a bucket has to be met very often.
type Carries = BTreeMap<usize, u64>;

/// Buckets of a histogram with many values.
#[derive(Debug, Clone, Default)]
pub(super) struct Dense<const BITS: u32> {
    /// Per bucket: count of the run and of the window, half of the bits each.
    words: Vec<u32>,
    /// So many values can be recorded before a half of some word may run over; at most `MUCH`.
    room: u32,
    /// Of each group, 1 if a bucket of it is used in the window, or else 0.
    used: Vec<u8>,
    run_carries: Carries,
    window_carries: Carries,
}

impl<const BITS: u32> Dense<BITS> {
    /// Buckets that cover all of `u64`.
    const MOST: usize = (65 - BITS as usize) << BITS;

    /// The same counts as in few parts.
    pub(super) fn from_sparse(sparse: &Sparse<BITS>) -> Self {
        let mut dense = Self::default();
        for (index, run) in sparse.run_counts() {
            if index >= dense.words.len() {
                dense.grow(index);
            }
            let window = sparse.window_count(index);
            // A byte holds each.
            dense.words[index] = (run as u32) << HALF | window as u32;
            if window > 0 {
                dense.used[index / GROUP] = 1;
            }
        }
        dense
    }

    pub(super) fn bring_near(&self) {
        bring_near(&self.words);
        bring_near(&self.used);
    }

    /// Buckets that there are.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Records a block of values, none of which is beyond the ends.
    pub(super) fn record_all(&mut self, values: &[u64], (least, largest): (u64, u64)) {
        self.prepare(bucket_of::<BITS>(largest), values.len());
        if least < 1 << BITS || largest >= LARGE {
            return self.count_each(values.iter().map(|value| bucket_of::<BITS>(*value)));
        }
        // Buckets first and then counts: the former are found for several values at a time.
        let mut buckets = [0_u16; BLOCK];
        let buckets = &mut buckets[..values.len()];
        for (bucket, value) in buckets.iter_mut().zip(values) {
            *bucket = bucket_of_float::<BITS>(small_float(*value)) as u16;
        }
        self.count_each(buckets.iter().map(|bucket| usize::from(*bucket)));
    }

    /// Counts values by their buckets, none of which is above `highest`.
    pub(super) fn count_all(&mut self, buckets: &[u16], highest: u64) {
        self.prepare(bucket_of::<BITS>(highest), buckets.len());
        self.count_each(buckets.iter().map(|bucket| usize::from(*bucket)));
    }

    #[inline]
    fn count_each(&mut self, buckets: impl Iterator<Item = usize>) {
        let (words, used) = (&mut *self.words, &mut *self.used);
        for bucket in buckets {
            used[bucket / GROUP] = 1;
            words[bucket] += ONE;
        }
    }

    /// Makes room for so many values, fewer than `MUCH`, up to a bucket.
    #[inline]
    fn prepare(&mut self, highest: usize, values: usize) {
        debug_assert!(values < MUCH as usize, "Invariant: values come in blocks");
        if highest >= self.words.len() {
            self.grow(highest);
        }
        if values > self.room as usize {
            self.make_room();
        }
        self.room -= values as u32;
    }

    /// Empties the halves of words that have counted much into the carries.
    #[cold]
    fn make_room(&mut self) {
        for (index, word) in self.words.iter_mut().enumerate() {
            let (run, window) = (*word >> HALF, *word & LOWER);
            if run >= MUCH {
                *self.run_carries.entry(index).or_default() += u64::from(run);
                *word &= LOWER;
            }
            if window >= MUCH {
                *self.window_carries.entry(index).or_default() += u64::from(window);
                *word &= !LOWER;
            }
        }
        self.room = MUCH;
    }

    #[cold]
    fn grow(&mut self, index: usize) {
        let octave = 1 << BITS;
        let buckets = ((index / octave + 1) * octave).min(Self::MOST);
        self.words.reserve_exact(buckets - self.words.len());
        self.words.resize(buckets, 0);
        self.used.resize(buckets / GROUP, 0);
    }

    /// Adds `n` to a bucket of the run, outside the window.
    pub(super) fn add(&mut self, index: usize, n: u64) {
        if index >= self.words.len() {
            self.grow(index);
        }
        let word = self.words[index];
        let sum = u64::from(word >> HALF) + n;
        if sum < u64::from(MUCH) {
            self.words[index] = (sum as u32) << HALF | (word & LOWER);
        } else {
            self.words[index] = word & LOWER;
            *self.run_carries.entry(index).or_default() += sum;
        }
    }

    /// Count of a bucket of the run.
    pub(super) fn run_count(&self, index: usize) -> u64 {
        let word = self.words.get(index).unwrap_or(&0);
        u64::from(word >> HALF) + self.run_carries.get(&index).unwrap_or(&0)
    }

    /// Buckets with their counts of the run, lowest first.
    pub(super) fn run_counts(&self) -> impl Iterator<Item = (usize, u64)> {
        let carried = !self.run_carries.is_empty();
        let carry = move |index| {
            let carry = carried.then(|| self.run_carries.get(&index));
            carry.flatten().copied().unwrap_or(0)
        };
        let words = self.words.iter().enumerate();
        words.map(move |(index, word)| (index, u64::from(word >> HALF) + carry(index)))
    }

    #[cfg(test)]
    pub(super) fn window_count(&self, index: usize) -> u64 {
        let word = self.words.get(index).unwrap_or(&0);
        u64::from(word & LOWER) + self.window_carries.get(&index).unwrap_or(&0)
    }

    /// Lets the buckets of the window go by, from that of the least value to that of the largest, and empties them.
    pub(super) fn pass_window<const N: usize>(
        &mut self,
        search: &mut Search<N>,
        (least, largest): (u64, u64),
    ) {
        let carries = std::mem::take(&mut self.window_carries);
        let [begin, end] = [least, largest].map(|value| bucket_of::<BITS>(value) / PART);
        let (words, _) = self.words.as_chunks_mut::<PART>();
        let (marks, _) = self.used.as_chunks_mut::<{ PART / GROUP }>();
        let parts = words.iter_mut().zip(marks).enumerate();
        for (part, (words, marks)) in parts.take(end + 1).skip(begin) {
            let mut left = u64::from_le_bytes(std::mem::take(marks));
            // The processor adds several words at a time, and most parts and groups hold no quantile.
            if left.count_ones() >= MANY && carries.is_empty() && pass_over(search, words) {
                continue;
            }
            let (groups, _) = words.as_chunks_mut::<GROUP>();
            while left != 0 {
                // below the number of groups: there is a mark
                let at = (left.trailing_zeros() / u8::BITS) as usize % groups.len();
                left &= left - 1;
                if carries.is_empty() && pass_over(search, &mut groups[at]) {
                    continue;
                }
                for (index, word) in (PART * part + GROUP * at..).zip(&mut groups[at]) {
                    let count = u64::from(*word & LOWER) + carries.get(&index).unwrap_or(&0);
                    *word &= !LOWER;
                    search.pass(index, count, range_of::<BITS>);
                }
            }
        }
    }
}

/// Lets neighbouring buckets of the window go by all together and empties them, unless they hold a quantile; returns whether
/// that was so.
#[inline]
fn pass_over<const N: usize, const WORDS: usize>(
    search: &mut Search<N>,
    words: &mut [u32; WORDS],
) -> bool {
    let sum: u32 = words.iter().map(|word| *word & LOWER).sum();
    let skips = search.skips(sum.into());
    if skips {
        search.seen += u64::from(sum);
        for word in words {
            *word &= !LOWER;
        }
    }
    skips
}
