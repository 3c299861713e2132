//! A narrow count for every bucket up to the highest one in use: one for the window, one for what came before it.
//!
//! Recording touches the former alone, half as much memory as both; and as long as there has been but one window, the latter
//! are not there.

use super::{BLOCK, PART, Search, Sparse};
use crate::buckets::{LARGE, bucket_of, bucket_of_float, range_of, small_float};
use crate::near::bring_near;
use std::collections::BTreeMap;

/// A count of the window that is so high moves to the carries when there is need of room; it holds twice as many, less one.
const MUCH: u16 = 1 << (u16::BITS - 1);
/// Buckets that are marked as used together: a byte that is written, whatever it was, costs less than a bit.
const GROUP: usize = PART / size_of::<u64>();
/// So many used groups of a part are closed faster all together than one by one.
const MANY: u32 = 4;

/// Counts that are more than a narrow one holds, by bucket. There are few: a bucket has to be met very often.
type Carries = BTreeMap<usize, u64>;

/// Buckets of a histogram with many values.
#[derive(Debug, Clone, Default)]
pub(super) struct Dense<const BITS: u32> {
    window: Vec<u16>,
    window_carries: Carries,
    /// So many values can be recorded before a count of the window may run over.
    room: u32,
    /// Of each group, 1 if a bucket of it is used in the window, or else 0.
    used: Vec<u8>,
    /// What came before the window; empty while that is nothing.
    closed: Vec<u16>,
    closed_carries: Carries,
}

impl<const BITS: u32> Dense<BITS> {
    /// The same counts as in few parts.
    pub(super) fn from_sparse(sparse: &Sparse<BITS>) -> Self {
        let mut dense = Self::default();
        for (index, run) in sparse.run_counts() {
            let window = sparse.window_count(index);
            dense.add(index, run - window);
            if window > 0 {
                dense.reach(index);
                // A byte holds it.
                dense.window[index] = window as u16;
                dense.used[index / GROUP] = 1;
            }
        }
        dense
    }

    pub(super) fn bring_near(&self) {
        bring_near(&self.window);
        bring_near(&self.used);
    }

    /// Buckets that there are.
    pub(super) fn len(&self) -> usize {
        self.window.len().max(self.closed.len())
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
        let (window, used) = (&mut *self.window, &mut *self.used);
        for bucket in buckets {
            used[bucket / GROUP] = 1;
            window[bucket] += 1;
        }
    }

    /// Makes room for so many values, fewer than `MUCH`, up to a bucket.
    #[inline]
    fn prepare(&mut self, highest: usize, values: usize) {
        debug_assert!(values < MUCH.into(), "Invariant: values come in blocks");
        if highest >= self.window.len() {
            self.reach(highest);
        }
        if values > self.room as usize {
            self.make_room();
        }
        self.room -= values as u32;
    }

    /// Moves counts of the window that are high into the carries.
    #[cold]
    fn make_room(&mut self) {
        for (index, count) in self.window.iter_mut().enumerate() {
            if *count >= MUCH {
                *self.window_carries.entry(index).or_default() += u64::from(std::mem::take(count));
            }
        }
        self.room = MUCH.into();
    }

    /// Makes the buckets of the window up to this one, if they are not there.
    #[cold]
    fn reach(&mut self, index: usize) {
        reach::<BITS>(&mut self.window, index);
        self.used.resize(self.window.len() / GROUP, 0);
    }

    /// Adds `n` to a bucket of the run, outside the window.
    pub(super) fn add(&mut self, index: usize, n: u64) {
        if n == 0 {
            return;
        }
        reach::<BITS>(&mut self.closed, index);
        let count = &mut self.closed[index];
        let sum = u64::from(*count) + n;
        *count = u16::try_from(sum).unwrap_or_else(|_| {
            *self.closed_carries.entry(index).or_default() += sum;
            0
        });
    }

    /// Count of a bucket of the run.
    pub(super) fn run_count(&self, index: usize) -> u64 {
        let carries = [&self.window_carries, &self.closed_carries];
        let wide = carries.map(|of| of.get(&index).copied().unwrap_or(0));
        self.narrow_count(index) + wide.iter().sum::<u64>()
    }

    /// Count of a bucket of the run but for what is carried.
    fn narrow_count(&self, index: usize) -> u64 {
        let counts = [&self.window, &self.closed].map(|of| of.get(index).copied().unwrap_or(0));
        counts.into_iter().map(u64::from).sum()
    }

    /// Buckets with their counts of the run, lowest first.
    pub(super) fn run_counts(&self) -> impl Iterator<Item = (usize, u64)> {
        let carried = !self.window_carries.is_empty() || !self.closed_carries.is_empty();
        (0..self.len()).map(move |index| {
            let count = if carried {
                self.run_count(index)
            } else {
                self.narrow_count(index)
            };
            (index, count)
        })
    }

    /// Counts of the window for which there is room, and of what came before it.
    #[cfg(test)]
    pub(super) fn rooms(&self) -> (usize, usize) {
        (self.window.capacity(), self.closed.capacity())
    }

    #[cfg(test)]
    pub(super) fn window_count(&self, index: usize) -> u64 {
        let count = self.window.get(index).copied().unwrap_or(0);
        u64::from(count) + self.window_carries.get(&index).unwrap_or(&0)
    }

    /// Lets the buckets of the window go by, from that of the least value to that of the largest, and closes them.
    pub(super) fn pass_window<const N: usize>(
        &mut self,
        search: &mut Search<N>,
        (least, largest): (u64, u64),
    ) {
        let [begin, end] = [least, largest].map(bucket_of::<BITS>);
        let carries = std::mem::take(&mut self.window_carries);
        let is_first = self.closed.is_empty();
        if !is_first {
            reach::<BITS>(&mut self.closed, end);
        }
        let marks = self.used.as_chunks_mut::<{ PART / GROUP }>().0;
        let parts = self.window.as_chunks_mut::<PART>().0;
        let parts = parts.iter_mut().zip(marks).enumerate();
        let all_closed = self.closed.as_chunks_mut::<PART>().0;
        for (part, (window, marks)) in parts.take(end / PART + 1).skip(begin / PART) {
            let closed = all_closed.get_mut(part);
            let mut left = u64::from_le_bytes(std::mem::take(marks));
            // The processor adds several counts at a time, and most parts and groups hold no quantile.
            if left.count_ones() >= MANY && carries.is_empty() && pass_over(search, window) {
                if let Some(closed) = closed {
                    close(window, closed, PART * part, &mut self.closed_carries);
                }
                continue;
            }
            let groups = window.as_chunks_mut::<GROUP>().0;
            let mut closed = closed.map(|part| part.as_chunks_mut::<GROUP>().0);
            while left != 0 {
                // below the number of groups: there is a mark
                let at = (left.trailing_zeros() / u8::BITS) as usize % groups.len();
                left &= left - 1;
                let first = PART * part + GROUP * at;
                if !carries.is_empty() || !pass_over(search, &groups[at]) {
                    for (index, count) in (first..).zip(&groups[at]) {
                        let count = u64::from(*count) + carries.get(&index).unwrap_or(&0);
                        search.pass(index, count, range_of::<BITS>);
                    }
                }
                if let Some(closed) = &mut closed {
                    let (group, closed) = (&mut groups[at], &mut closed[at]);
                    close(group, closed, first, &mut self.closed_carries);
                }
            }
        }
        if is_first {
            self.closed = std::mem::take(&mut self.window);
            self.used.clear();
        }
        for (index, n) in carries {
            *self.closed_carries.entry(index).or_default() += n;
        }
        self.room = u16::MAX.into();
    }
}

/// Makes buckets up to this one, if they are not there.
#[inline]
fn reach<const BITS: u32>(counts: &mut Vec<u16>, index: usize) {
    if index >= counts.len() {
        grow(counts, ((index >> BITS) + 1) << BITS);
    }
}

#[cold]
fn grow(counts: &mut Vec<u16>, buckets: usize) {
    counts.reserve_exact(buckets - counts.len());
    counts.resize(buckets, 0);
}

/// Lets neighbouring buckets of the window go by all together, unless they hold a quantile; returns whether that was so.
#[inline]
fn pass_over<const N: usize, const BUCKETS: usize>(
    search: &mut Search<N>,
    window: &[u16; BUCKETS],
) -> bool {
    let sum: u32 = window.iter().copied().map(u32::from).sum();
    let skips = search.skips(sum.into());
    if skips {
        search.seen += u64::from(sum);
    }
    skips
}

/// Adds neighbouring buckets of the window, the first of which has this number, to what came before it, and empties them.
#[inline]
fn close<const BUCKETS: usize>(
    window: &mut [u16; BUCKETS],
    closed: &mut [u16; BUCKETS],
    first: usize,
    carries: &mut Carries,
) {
    // Not `any`: the processor tells it for several at a time.
    let runs_over = window
        .iter()
        .zip(&*closed)
        .fold(false, |over, (n, before)| {
            over | before.checked_add(*n).is_none()
        });
    if runs_over {
        carry(closed, first, carries);
    }
    for (n, before) in window.iter_mut().zip(closed) {
        *before += std::mem::take(n);
    }
}

/// Moves all counts of neighbouring buckets to the carries.
#[cold]
fn carry(counts: &mut [u16], first: usize, carries: &mut Carries) {
    for (index, n) in (first..).zip(counts) {
        *carries.entry(index).or_default() += u64::from(std::mem::take(n));
    }
}
