//! A small histogram for values that come in crowds: 16 buckets for each power of two, made only where values are.
//!
//! A quantile is the middle of its bucket: off by at most 3.2 % of its value, kept between the exact extremes. Where
//! [`Histogram`](crate::Histogram) has a bucket for everything below its largest value, this one spans the octaves in
//! use, so that a hundred thousand of them fit in memory.

use crate::Bucket;
use crate::buckets::{LARGE, before, bucket_of, bucket_of_float, first_bits, range_of};
use crate::near::bring_near;
use crate::portable::nearest;

/// Buckets of an octave, as a power of two.
const BITS: u32 = 4;
const OCTAVE: usize = 1 << BITS;

/// How many values, and their extremes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extent {
    count: u64,
    min: u64,
    max: u64,
}

const NOTHING: Extent = Extent {
    count: 0,
    min: u64::MAX,
    max: 0,
};

impl Extent {
    fn record(&mut self, value: u64, n: u64) {
        self.count += n;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Takes account of whole numbers that are not counted.
    #[cold]
    fn widen(&mut self, values: impl Iterator<Item = f64>) {
        // Floats that are not negative are ordered like their bits, which the processor compares several at a time.
        let bits = values.map(|value| value.to_bits() as i64);
        let fold = |(least, largest): (i64, i64), of| (least.min(of), largest.max(of));
        let none = (f64::INFINITY.to_bits() as i64, 0);
        let (least, largest) = bits.fold(none, fold);
        self.min = self.min.min(nearest(f64::from_bits(least as u64)));
        self.max = self.max.max(nearest(f64::from_bits(largest as u64)));
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// The nearest rank of a quantile, from 1.
    fn rank(&self, q: f64) -> u64 {
        let place = q * self.count as f64;
        let below = place as u64;
        (below + u64::from((below as f64) < place)).clamp(1, self.count)
    }
}

/// Counts of neighbouring buckets, and of what is in all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Counts {
    /// Number of the first bucket; a multiple of [`OCTAVE`].
    first: usize,
    buckets: Vec<u64>,
    extent: Extent,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            first: 0,
            buckets: Vec::new(),
            extent: NOTHING,
        }
    }
}

impl Counts {
    fn is_empty(&self) -> bool {
        self.extent.count == 0
    }

    /// Counts a value `n` times, but for the extent.
    #[inline]
    fn add(&mut self, value: u64, n: u64) {
        self.add_to(bucket_of::<BITS>(value), n);
    }

    #[inline]
    fn add_to(&mut self, index: usize, n: u64) {
        if index.wrapping_sub(self.first) >= self.buckets.len() {
            self.reach(index);
        }
        self.buckets[index - self.first] += n;
    }

    /// Makes the octave of a bucket, and those between it and the ones there are.
    #[cold]
    fn reach(&mut self, index: usize) {
        let octave = index / OCTAVE * OCTAVE;
        if self.buckets.is_empty() {
            self.first = octave;
        }
        let before = self.first.saturating_sub(octave);
        if before > 0 {
            self.buckets.reserve_exact(before);
            self.buckets.splice(0..0, std::iter::repeat_n(0, before));
            self.first = octave;
        }
        let needed = octave + OCTAVE - self.first;
        if needed > self.buckets.len() {
            self.buckets.reserve_exact(needed - self.buckets.len());
            self.buckets.resize(needed, 0);
        }
    }

    /// Takes over all counts of `other`, which has none left.
    fn take_from(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        for (at, n) in other.buckets.iter_mut().enumerate() {
            if *n > 0 {
                self.add_to(other.first + at, std::mem::take(n));
            }
        }
        self.extent.merge(other.extent);
        other.extent = NOTHING;
    }

    fn of_bucket(&self, index: usize) -> u64 {
        let at = index.checked_sub(self.first);
        at.and_then(|at| self.buckets.get(at)).copied().unwrap_or(0)
    }

    fn end(&self) -> usize {
        self.first + self.buckets.len()
    }
}

/// A histogram of `u64` values with a window, whose buckets are 6 % wide.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CoarseHistogram {
    /// What came before the window. Recording a value changes the window alone, and as long as there has been but one
    /// window there is nothing else.
    closed: Counts,
    window: Counts,
}

impl CoarseHistogram {
    /// Records a value `n` times.
    pub fn record(&mut self, value: u64, n: u64) {
        self.record_all(std::iter::once((value, n)));
    }

    /// Records values, each so many times.
    #[inline]
    pub fn record_all(&mut self, values: impl Iterator<Item = (u64, u64)>) {
        let mut extent = self.window.extent;
        for (value, n) in values {
            if n > 0 {
                extent.record(value, n);
                self.window.add(value, n);
            }
        }
        self.window.extent = extent;
    }

    /// Asks for its memory before it is used (see [`bring_near`]).
    pub fn bring_near(&self) {
        bring_near(&self.window.buckets);
    }

    /// Begins to record whole numbers, none of which is below `least` or above `largest`, with less to do for each; `None`
    /// unless they are at least 16 and below 2^52.
    #[inline]
    pub fn long(&mut self, least: f64, largest: f64) -> Option<Long<'_>> {
        if !(least >= OCTAVE as f64 && largest < LARGE as f64 && least <= largest) {
            return None;
        }
        let window = &mut self.window;
        for end in [least, largest] {
            window.add_to(bucket_of_float::<BITS>(end), 0);
        }
        Some(Long {
            before: before::<BITS>() + window.first as u64,
            buckets: &mut window.buckets,
            extent: &mut window.extent,
            bounds: (nearest(least), nearest(largest)),
        })
    }

    fn run(&self) -> Extent {
        let mut run = self.closed.extent;
        run.merge(self.window.extent);
        run
    }

    /// How many values were recorded.
    pub const fn count(&self) -> u64 {
        self.closed.extent.count + self.window.extent.count
    }

    /// The largest value, exactly.
    pub fn max(&self) -> Option<u64> {
        let run = self.run();
        (run.count > 0).then_some(run.max)
    }

    /// Buckets of the run with their counts, lowest first.
    fn counts(&self) -> impl Iterator<Item = (usize, u64)> {
        let parts = || [&self.closed, &self.window].into_iter();
        let used = || parts().filter(|part| !part.is_empty());
        let first = used().map(|part| part.first).min().unwrap_or(0);
        let end = used().map(Counts::end).max().unwrap_or(0);
        let of_parts = move |index| parts().map(|part| part.of_bucket(index)).sum();
        (first..end).map(move |index| (index, of_parts(index)))
    }

    /// The buckets of the run that hold values, lowest first.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let run = self.run();
        let filled = self.counts().filter(|(_, count)| *count > 0);
        filled.map(move |(index, count)| {
            let (low, width) = range_of::<BITS>(index);
            let bounds = (low, low + (width - 1));
            Bucket::within(run.min, run.max, bounds, count)
        })
    }

    /// The quantile `q` (0 to 1) by nearest rank.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let run = self.run();
        (run.count > 0).then(|| find(q, run, self.counts()))
    }

    /// Ends the window and starts the next. Returns the window's quantiles and its largest value; `None` when it holds
    /// nothing.
    pub fn take_window<const N: usize>(&mut self, quantiles: [f64; N]) -> Option<([u64; N], u64)> {
        let window = &self.window;
        let extent = window.extent;
        if window.is_empty() {
            return None;
        }
        let counts = || (window.first..).zip(window.buckets.iter().copied());
        let found = quantiles.map(|q| find(q, extent, counts()));
        self.closed.take_from(&mut self.window);
        Some((found, extent.max))
    }
}

/// The quantile `q` of what has this extent and these counts.
fn find(q: f64, extent: Extent, mut counts: impl Iterator<Item = (usize, u64)>) -> u64 {
    let rank = extent.rank(q);
    let mut seen = 0;
    let found = counts.find(|(_, count)| {
        seen += count;
        seen >= rank
    });
    found.map_or(extent.max, |(index, _)| {
        middle(index).clamp(extent.min, extent.max)
    })
}

/// Whole numbers that are not small, on their way into a histogram.
#[derive(Debug)]
pub struct Long<'a> {
    buckets: &'a mut [u64],
    extent: &'a mut Extent,
    /// Between which they are.
    bounds: (u64, u64),
    /// What is [`before`] the buckets of all, and the buckets before the first.
    before: u64,
}

impl Long<'_> {
    /// Counts a value `n` times.
    #[inline]
    pub fn count(&mut self, value: f64, n: u64) {
        *self.bucket(value) += n;
    }

    /// Takes back a value that has been counted more than `n` times.
    #[inline]
    pub fn take_back(&mut self, value: f64, n: u64) {
        *self.bucket(value) -= n;
    }

    #[inline]
    fn bucket(&mut self, value: f64) -> &mut u64 {
        &mut self.buckets[(first_bits::<BITS>(value).wrapping_sub(self.before)) as usize]
    }

    /// Ends: so many values are left that have been counted. Asks for all of them if one may be more extreme than those before.
    #[inline]
    pub fn end<I: Iterator<Item = f64>>(self, count: u64, values: impl Fn() -> I) {
        self.extent.count += count;
        if self.bounds.0 < self.extent.min || self.bounds.1 > self.extent.max {
            self.extent.widen(values());
        }
    }
}

const fn middle(index: usize) -> u64 {
    let (low, width) = range_of::<BITS>(index);
    low + (width - 1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_off_by_half_a_bucket_at_most() {
        let mut histogram = CoarseHistogram::default();
        for value in (1_000..2_000_000_u64).step_by(997) {
            histogram.record(value, 3);
        }
        for q in [0.01, 0.25, 0.5, 0.9, 0.99] {
            let exact = 1_000.0 + q * 1_999_000.0;
            let found = histogram.quantile(q).unwrap() as f64;
            assert!((found / exact - 1.0).abs() < 0.033, "{found} for {exact}");
        }
        assert_eq!(histogram.max(), Some(1_999_985));
        let (first, last) = (
            histogram.buckets().next().unwrap(),
            histogram.buckets().last().unwrap(),
        );
        assert_eq!((first.low, last.high), (1_000, 1_999_985));
        assert_eq!(
            histogram.buckets().map(|b| b.count).sum::<u64>(),
            histogram.count()
        );
    }

    #[test]
    fn long_whole_numbers_have_the_buckets_of_integers() {
        let edges =
            (4..52).flat_map(|at| [(1_u64 << at) - 1, 1 << at, (1 << at) + 1, 21 << at >> 4]);
        let values: Vec<u64> = (16..300)
            .chain(edges.filter(|value| *value >= 16))
            .collect();
        for value in &values {
            assert_eq!(
                bucket_of_float::<BITS>(*value as f64),
                bucket_of::<BITS>(*value),
                "{value}"
            );
        }
        let (mut singly, mut together) = (CoarseHistogram::default(), CoarseHistogram::default());
        for value in &values {
            singly.record(*value, 3);
        }
        let largest = values.iter().max().map_or(0.0, |largest| *largest as f64);
        let mut long = together.long(16.0, largest).unwrap();
        for value in &values {
            long.count(*value as f64, 5);
            long.take_back(*value as f64, 2);
        }
        let all = || values.iter().map(|value| *value as f64);
        long.end(3 * values.len() as u64, all);
        assert_eq!(singly, together);
        let extremes = singly.clone();
        together.long(20.0, 30.0).unwrap().end(0, || {
            [20.0; 0].into_iter() // not asked for
        });
        assert_eq!(extremes, together);
        let mut empty = CoarseHistogram::default();
        empty.long(20.0, 30.0).unwrap().end(0, || [].into_iter());
        empty.record(25, 1);
        assert_eq!(empty.quantile(0.5), Some(25), "no extremes but of values");
    }

    #[test]
    fn numbers_that_are_not_long_are_not_taken() {
        let mut histogram = CoarseHistogram::default();
        for (least, largest) in [(15.0, 20.0), (20.0, LARGE as f64), (f64::INFINITY, 0.0)] {
            assert!(histogram.long(least, largest).is_none());
        }
        assert_eq!(histogram, CoarseHistogram::default());
    }

    #[test]
    fn buckets_are_made_downwards_and_upwards() {
        let mut histogram = CoarseHistogram::default();
        histogram.record(1 << 20, 1);
        assert_eq!(histogram.window.buckets.len(), OCTAVE);
        histogram.record(1 << 18, 1);
        histogram.record(1 << 23, 2);
        assert_eq!(histogram.window.buckets.len(), 6 * OCTAVE);
        assert_eq!(histogram.count(), 4);
        assert_eq!(
            histogram.quantile(0.25),
            Some(1 << 18).map(|v: u64| middle(bucket_of::<BITS>(v)))
        );
        histogram.record(0, 1);
        histogram.record(u64::MAX, 1);
        assert_eq!(histogram.quantile(0.0), Some(0));
        assert_eq!(
            histogram.quantile(1.0).map(bucket_of::<BITS>),
            Some(bucket_of::<BITS>(u64::MAX))
        );
    }

    #[test]
    fn a_window_holds_what_came_since_the_last() {
        let mut histogram = CoarseHistogram::default();
        assert_eq!(histogram.take_window([0.5]), None);
        histogram.record(100, 5);
        assert_eq!(histogram.take_window([0.5]), Some(([100], 100)));
        histogram.record(50, 1);
        histogram.record(1 << 30, 2);
        assert_eq!(
            histogram.quantile(0.5),
            Some(middle(bucket_of::<BITS>(100))),
            "before and in the window"
        );
        assert_eq!(
            histogram.take_window([0.0, 1.0]),
            Some((
                [50, middle(bucket_of::<BITS>(1 << 30)).min(1 << 30)],
                1 << 30
            ))
        );
        assert_eq!(histogram.take_window([0.5]), None);
        assert_eq!((histogram.count(), histogram.max()), (8, Some(1 << 30)));
        let counts: Vec<u64> = histogram.buckets().map(|b| b.count).collect();
        assert_eq!(counts, [1, 5, 2]);
        histogram.record(7, 1);
        let low = histogram.buckets().next();
        assert_eq!(low.map(|b| (b.low, b.high, b.count)), Some((7, 7, 1)));
    }
}
