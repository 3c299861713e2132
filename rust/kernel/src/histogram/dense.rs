//! A narrow count for every bucket up to the highest one in use: one for the window, one for what came before it.
//!
//! Recording touches the former alone, half as much memory as both; and as long as there has been but one window, the latter
//! are not there.

use super::{BLOCK, PART, Search, Sparse};
use crate::buckets::{LARGE, bucket_of, bucket_of_float, range_of, small_float};
use crate::near::bring_near;
use std::collections::BTreeMap;

/// A count that is so high moves to the carries when there is need of room; it holds twice as many, less one.
const MUCH: u16 = 1 << (u16::BITS - 1);
/// Buckets that are marked as used together: a byte that is written, whatever it was, costs less than a bit.
const GROUP: usize = PART / size_of::<u64>();
/// So many used groups of a part are closed faster all together than one by one.
const MANY: u32 = 4;

/// Counts by bucket.
#[derive(Debug, Clone, Default)]
struct Counts<const BITS: u32> {
    narrow: Vec<u16>,
    /// What is more than a narrow count holds, by bucket. There are few: a bucket has to be met very often.
    carries: BTreeMap<usize, u64>,
    /// So many values can be added before a narrow count may run over.
    room: u32,
}

impl<const BITS: u32> Counts<BITS> {
    fn of(&self, index: usize) -> u64 {
        self.narrow(index) + self.carries.get(&index).unwrap_or(&0)
    }

    fn narrow(&self, index: usize) -> u64 {
        self.narrow.get(index).copied().unwrap_or(0).into()
    }

    /// Makes the buckets up to this one, if they are not there.
    #[inline]
    fn reach(&mut self, index: usize) {
        if index >= self.narrow.len() {
            self.grow(index);
        }
    }

    #[cold]
    fn grow(&mut self, index: usize) {
        let buckets = ((index >> BITS) + 1) << BITS;
        self.narrow.reserve_exact(buckets - self.narrow.len());
        self.narrow.resize(buckets, 0);
    }

    /// Makes room for so many values, if they are at most `MUCH`, and takes it.
    #[inline]
    fn take_room(&mut self, values: u32) {
        if values > self.room {
            self.make_room();
        }
        self.room = self.room.saturating_sub(values);
    }

    /// Moves counts that are high into the carries.
    #[cold]
    fn make_room(&mut self) {
        for (index, count) in self.narrow.iter_mut().enumerate() {
            if *count >= MUCH {
                *self.carries.entry(index).or_default() += u64::from(std::mem::take(count));
            }
        }
        self.room = MUCH.into();
    }

    fn add(&mut self, index: usize, n: u64) {
        self.reach(index);
        let count = &mut self.narrow[index];
        let sum = u64::from(*count) + n;
        *count = u16::try_from(sum).unwrap_or_else(|_| {
            *self.carries.entry(index).or_default() += sum;
            0
        });
        self.room = 0; // it is not known any more
    }
}

/// Buckets of a histogram with many values.
#[derive(Debug, Clone, Default)]
pub(super) struct Dense<const BITS: u32> {
    window: Counts<BITS>,
    /// Of each group, 1 if a bucket of it is used in the window, or else 0.
    used: Vec<u8>,
    /// What came before the window, if there was anything. In a box: it is looked at once for a window, and there may be very
    /// many histograms that hold few values and never need it.
    closed: Option<Box<Counts<BITS>>>,
}

impl<const BITS: u32> Dense<BITS> {
    /// The same counts as in few parts.
    pub(super) fn from_sparse(sparse: &Sparse<BITS>) -> Self {
        let mut dense = Self::default();
        for (index, run) in sparse.run_counts() {
            let window = sparse.window_count(index);
            if run > window {
                dense.add(index, run - window);
            }
            if window > 0 {
                dense.reach(index);
                dense.window.add(index, window);
                dense.used[index / GROUP] = 1;
            }
        }
        dense
    }

    /// Asks for what recording needs.
    pub(super) fn bring_near(&self) {
        bring_near(&self.window.narrow);
        bring_near(&self.used);
    }

    /// Buckets that there are.
    pub(super) fn len(&self) -> usize {
        let lengths = self.lists().map(|counts| counts.narrow.len());
        lengths.max().unwrap_or(0)
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
        let (window, used) = (&mut *self.window.narrow, &mut *self.used);
        for bucket in buckets {
            used[bucket / GROUP] = 1;
            window[bucket] += 1;
        }
    }

    /// Makes room for so many values up to a bucket.
    #[inline]
    fn prepare(&mut self, highest: usize, values: usize) {
        debug_assert!(values < MUCH.into(), "Invariant: values come in blocks");
        if highest >= self.window.narrow.len() {
            self.reach(highest);
        }
        self.window.take_room(values as u32);
    }

    /// Makes the buckets of the window up to this one.
    #[cold]
    fn reach(&mut self, index: usize) {
        self.window.reach(index);
        self.used.resize(self.window.narrow.len() / GROUP, 0);
    }

    /// Adds `n` to a bucket of the run, outside the window.
    pub(super) fn add(&mut self, index: usize, n: u64) {
        self.closed.get_or_insert_default().add(index, n);
    }

    /// Both lists, or the one that there is.
    fn lists(&self) -> impl Iterator<Item = &Counts<BITS>> {
        std::iter::once(&self.window).chain(self.closed.as_deref())
    }

    /// Count of a bucket of the run.
    pub(super) fn run_count(&self, index: usize) -> u64 {
        self.lists().map(|counts| counts.of(index)).sum()
    }

    /// Buckets with their counts of the run, lowest first.
    pub(super) fn run_counts(&self) -> impl Iterator<Item = (usize, u64)> {
        let all_narrow = self.lists().all(|counts| counts.carries.is_empty());
        (0..self.len()).map(move |index| {
            let count = if all_narrow {
                self.lists().map(|counts| counts.narrow(index)).sum()
            } else {
                self.run_count(index)
            };
            (index, count)
        })
    }

    /// Counts of the window for which there is room, and of what came before it.
    #[cfg(test)]
    pub(super) fn rooms(&self) -> (usize, usize) {
        let closed = self.closed.as_ref();
        (
            self.window.narrow.capacity(),
            closed.map_or(0, |of| of.narrow.capacity()),
        )
    }

    #[cfg(test)]
    pub(super) fn window_count(&self, index: usize) -> u64 {
        self.window.of(index)
    }

    /// Lets the buckets of the window go by, from that of the least value to that of the largest, and closes them.
    pub(super) fn pass_window<const N: usize>(
        &mut self,
        search: &mut Search<N>,
        (least, largest): (u64, u64),
    ) {
        let [begin, end] = [least, largest].map(bucket_of::<BITS>);
        self.make_room_to_close(end, search.extremes.count);
        let carries = &self.window.carries;
        let all_narrow = carries.is_empty();
        let marks = self.used.as_chunks_mut::<{ PART / GROUP }>().0;
        let parts = self.window.narrow.as_chunks_mut::<PART>().0;
        let parts = parts.iter_mut().zip(marks).enumerate();
        let closed = self.closed.as_mut();
        let closed = closed.map_or(&mut [][..], |of| &mut *of.narrow);
        let all_closed = closed.as_chunks_mut::<PART>().0;
        for (part, (window, marks)) in parts.take(end / PART + 1).skip(begin / PART) {
            let mut left = u64::from_le_bytes(std::mem::take(marks));
            let closed = all_closed.get_mut(part);
            // The processor adds several counts at a time, and most parts and groups hold no quantile.
            if left.count_ones() >= MANY && all_narrow && pass_over(search, window) {
                if let Some(closed) = closed {
                    close(window, closed);
                }
                continue;
            }
            let groups = window.as_chunks_mut::<GROUP>().0;
            let mut closed = closed.map(|part| part.as_chunks_mut::<GROUP>().0);
            while left != 0 {
                // below the number of groups: there is a mark
                let at = (left.trailing_zeros() / u8::BITS) as usize % groups.len();
                left &= left - 1;
                let group = &mut groups[at];
                if !all_narrow || !pass_over(search, group) {
                    for (index, count) in (PART * part + GROUP * at..).zip(&*group) {
                        let count = u64::from(*count) + carries.get(&index).unwrap_or(&0);
                        search.pass(index, count, range_of::<BITS>);
                    }
                }
                if let Some(closed) = &mut closed {
                    close(group, &mut closed[at]);
                }
            }
        }
        self.end_window();
    }

    /// Makes room for the window in what came before it, if anything did.
    fn make_room_to_close(&mut self, highest: usize, values: u64) {
        let Some(closed) = &mut self.closed else {
            return;
        };
        closed.reach(highest);
        if values > MUCH.into() {
            self.window.make_room(); // so that no count of it is as high
        }
        closed.take_room(u32::try_from(values).unwrap_or(u32::MAX));
    }

    /// Moves what has not been closed bucket by bucket.
    fn end_window(&mut self) {
        if let Some(closed) = &mut self.closed {
            while let Some((index, n)) = self.window.carries.pop_first() {
                *closed.carries.entry(index).or_default() += n;
            }
        } else {
            let window = std::mem::take(&mut self.window);
            self.closed = Some(Box::new(Counts { room: 0, ..window }));
            self.used.clear();
        }
        self.window.room = u16::MAX.into();
    }
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

/// Adds neighbouring buckets of the window to what came before it, where there is room for them, and empties them.
#[inline]
fn close<const BUCKETS: usize>(window: &mut [u16; BUCKETS], closed: &mut [u16; BUCKETS]) {
    for (n, before) in window.iter_mut().zip(closed) {
        *before += std::mem::take(n);
    }
}
