//! A small histogram for values that come in crowds: 16 buckets for each power of two, made only where values are.
//!
//! A quantile is the middle of its bucket: off by at most 3.2 % of its value, kept between the exact extremes. Where
//! [`Histogram`](crate::Histogram) has a bucket for everything below its largest value, this one spans the octaves in
//! use, so that a hundred thousand of them fit in memory.

use crate::Bucket;

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

    /// The nearest rank of a quantile, from 1.
    fn rank(&self, q: f64) -> u64 {
        let place = q * self.count as f64;
        let below = place as u64;
        (below + u64::from((below as f64) < place)).clamp(1, self.count)
    }
}

/// A histogram of `u64` values with a window, whose buckets are 6 % wide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoarseHistogram {
    /// Number of the first bucket; a multiple of [`OCTAVE`].
    first: usize,
    /// Counts of the run and of the window.
    buckets: Vec<(u64, u64)>,
    run: Extent,
    window: Extent,
}

impl Default for CoarseHistogram {
    fn default() -> Self {
        Self {
            first: 0,
            buckets: Vec::new(),
            run: NOTHING,
            window: NOTHING,
        }
    }
}

impl CoarseHistogram {
    /// Records a value `n` times.
    pub fn record(&mut self, value: u64, n: u64) {
        if n == 0 {
            return;
        }
        self.run.record(value, n);
        self.window.record(value, n);
        let index = index(value);
        if index.wrapping_sub(self.first) >= self.buckets.len() {
            self.reach(index);
        }
        let (run, window) = &mut self.buckets[index - self.first];
        *run += n;
        *window += n;
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
            let new = std::iter::repeat_n((0, 0), before);
            self.buckets.splice(0..0, new);
            self.first = octave;
        }
        let needed = octave + OCTAVE - self.first;
        if needed > self.buckets.len() {
            self.buckets.reserve_exact(needed - self.buckets.len());
            self.buckets.resize(needed, (0, 0));
        }
    }

    /// How many values were recorded.
    pub const fn count(&self) -> u64 {
        self.run.count
    }

    /// The largest value, exactly.
    pub fn max(&self) -> Option<u64> {
        (self.run.count > 0).then_some(self.run.max)
    }

    /// The buckets of the run that hold values, lowest first.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let counts = self.buckets.iter().map(|(run, _)| *run).enumerate();
        counts.filter(|(_, count)| *count > 0).map(|(at, count)| {
            let (low, width) = range(self.first + at);
            let bounds = (low, low + (width - 1));
            Bucket::within(self.run.min, self.run.max, bounds, count)
        })
    }

    /// The quantile `q` (0 to 1) by nearest rank.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        (self.run.count > 0).then(|| self.find(q, self.run, |bucket| bucket.0))
    }

    /// Ends the window and starts the next. Returns the window's quantiles and its largest value; `None` when it holds
    /// nothing.
    pub fn take_window<const N: usize>(&mut self, quantiles: [f64; N]) -> Option<([u64; N], u64)> {
        let window = std::mem::replace(&mut self.window, NOTHING);
        if window.count == 0 {
            return None;
        }
        let found = quantiles.map(|q| self.find(q, window, |bucket| bucket.1));
        self.buckets.iter_mut().for_each(|bucket| bucket.1 = 0);
        Some((found, window.max))
    }

    fn find(&self, q: f64, extent: Extent, count: impl Fn(&(u64, u64)) -> u64) -> u64 {
        let rank = extent.rank(q);
        let mut seen = 0;
        let at = self.buckets.iter().position(|bucket| {
            seen += count(bucket);
            seen >= rank
        });
        at.map_or(extent.max, |at| {
            middle(self.first + at).clamp(extent.min, extent.max)
        })
    }
}

#[inline]
const fn index(value: u64) -> usize {
    let shift = (value | ((2 << BITS) - 1)).ilog2() - BITS;
    ((shift as usize) << BITS) + (value >> shift) as usize
}

/// Least value and width of a bucket.
const fn range(index: usize) -> (u64, u64) {
    let shift = (index >> BITS).saturating_sub(1);
    (((index - (shift << BITS)) as u64) << shift, 1 << shift)
}

const fn middle(index: usize) -> u64 {
    let (low, width) = range(index);
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
    fn buckets_are_made_downwards_and_upwards() {
        let mut histogram = CoarseHistogram::default();
        histogram.record(1 << 20, 1);
        assert_eq!(histogram.buckets.len(), OCTAVE);
        histogram.record(1 << 18, 1);
        histogram.record(1 << 23, 2);
        assert_eq!(histogram.buckets.len(), 6 * OCTAVE);
        assert_eq!(histogram.count(), 4);
        assert_eq!(
            histogram.quantile(0.25),
            Some(1 << 18).map(|v: u64| middle(index(v)))
        );
        histogram.record(0, 1);
        histogram.record(u64::MAX, 1);
        assert_eq!(histogram.quantile(0.0), Some(0));
        assert_eq!(histogram.quantile(1.0).map(index), Some(index(u64::MAX)));
    }

    #[test]
    fn a_window_holds_what_came_since_the_last() {
        let mut histogram = CoarseHistogram::default();
        assert_eq!(histogram.take_window([0.5]), None);
        histogram.record(100, 5);
        assert_eq!(histogram.take_window([0.5]), Some(([100], 100)));
        histogram.record(50, 1);
        assert_eq!(histogram.take_window([0.0, 1.0]), Some(([50, 50], 50)));
        assert_eq!(histogram.count(), 6);
    }
}
