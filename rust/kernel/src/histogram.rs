//! Log-linear histograms: every power of two is cut into `2^BITS` buckets of equal width (7: 128 buckets, 0.8 %).
//!
//! Values below `2^(BITS + 1)` have a bucket each. Buckets are made as far up as values need them.

use std::collections::BTreeMap;

/// Counts per bucket: 32 bits each, with the rare overflow kept beside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Buckets<const BITS: u32> {
    counts: Vec<u32>,
    carries: BTreeMap<usize, u64>,
}

impl<const BITS: u32> Buckets<BITS> {
    /// Buckets that cover all of `u64`.
    const MOST: usize = (65 - BITS as usize) << BITS;

    #[inline]
    const fn index(value: u64) -> usize {
        let exponent = (value | ((2 << BITS) - 1)).ilog2();
        let shift = exponent - BITS;
        ((shift as usize) << BITS) + (value >> shift) as usize
    }

    /// Least value and width of a bucket.
    const fn range(index: usize) -> (u64, u64) {
        let shift = (index >> BITS).saturating_sub(1);
        (((index - (shift << BITS)) as u64) << shift, 1 << shift)
    }

    /// Adds one; returns whether the bucket was empty.
    #[inline]
    fn add_one(&mut self, index: usize) -> bool {
        if index >= self.counts.len() {
            self.grow(index);
        }
        let count = &mut self.counts[index];
        let before = *count;
        *count = before.wrapping_add(1);
        if before == u32::MAX {
            self.carry(index, 1);
        }
        before == 0
    }

    fn add(&mut self, index: usize, n: u64) {
        if index >= self.counts.len() {
            self.grow(index);
        }
        let sum = u64::from(self.counts[index]) + (n & u64::from(u32::MAX));
        self.counts[index] = sum as u32;
        let carry = (sum >> 32) + (n >> 32);
        if carry > 0 {
            self.carry(index, carry);
        }
    }

    #[cold]
    fn grow(&mut self, index: usize) {
        let octave = 1 << BITS;
        self.counts
            .resize(((index / octave + 1) * octave).min(Self::MOST), 0);
    }

    #[cold]
    fn carry(&mut self, index: usize, n: u64) {
        *self.carries.entry(index).or_default() += n;
    }

    fn get(&self, index: usize) -> u64 {
        u64::from(self.counts[index]) + self.carries.get(&index).map_or(0, |carry| carry << 32)
    }

    fn is_used(&self, index: usize) -> bool {
        self.counts[index] != 0 || self.carries.contains_key(&index)
    }

    fn clear(&mut self) {
        self.counts.fill(0);
        self.carries.clear();
    }
}

/// How many values, and their exact extremes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Extremes {
    count: u64,
    min: u64,
    max: u64,
}

impl Default for Extremes {
    fn default() -> Self {
        Self {
            count: 0,
            min: u64::MAX,
            max: 0,
        }
    }
}

impl Extremes {
    #[inline]
    fn record(&mut self, value: u64) {
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Nearest rank of the quantile `q`, from 1.
    fn rank(&self, q: f64) -> Option<u64> {
        debug_assert!((0.0..=1.0).contains(&q), "Invariant: quantiles are ratios");
        (self.count > 0).then(|| ((q * self.count as f64).ceil() as u64).clamp(1, self.count))
    }
}

/// A histogram of a whole run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram<const BITS: u32 = 7> {
    buckets: Buckets<BITS>,
    extremes: Extremes,
}

impl<const BITS: u32> Histogram<BITS> {
    /// Makes an empty histogram.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.extremes.record(value);
        self.buckets.add_one(Buckets::<BITS>::index(value));
    }

    /// Records a value `n` times.
    pub fn record_many(&mut self, value: u64, n: u64) {
        if n > 0 {
            self.extremes.merge(&Extremes {
                count: n,
                min: value,
                max: value,
            });
            self.buckets.add(Buckets::<BITS>::index(value), n);
        }
    }

    /// How many values were recorded.
    pub const fn count(&self) -> u64 {
        self.extremes.count
    }

    /// The least value, exactly.
    pub fn min(&self) -> Option<u64> {
        (self.extremes.count > 0).then_some(self.extremes.min)
    }

    /// The largest value, exactly.
    pub fn max(&self) -> Option<u64> {
        (self.extremes.count > 0).then_some(self.extremes.max)
    }

    /// The quantile `q` (0 to 1) by nearest rank: the mid-point of its bucket, kept between the exact extremes.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let rank = self.extremes.rank(q)?;
        let used = (0..self.buckets.counts.len()).filter(|&i| self.buckets.is_used(i));
        quantile_of(&self.buckets, &self.extremes, rank, used)
    }

    /// Adds the values of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.extremes.merge(&other.extremes);
        for index in (0..other.buckets.counts.len()).filter(|&i| other.buckets.is_used(i)) {
            self.buckets.add(index, other.buckets.get(index));
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.extremes = Extremes::default();
        self.buckets.clear();
    }
}

fn quantile_of<const BITS: u32>(
    buckets: &Buckets<BITS>,
    extremes: &Extremes,
    rank: u64,
    ascending: impl Iterator<Item = usize>,
) -> Option<u64> {
    let mut seen = 0;
    for index in ascending {
        seen += buckets.get(index);
        if seen >= rank {
            let (low, width) = Buckets::<BITS>::range(index);
            return Some((low + (width - 1) / 2).clamp(extremes.min, extremes.max));
        }
    }
    None
}

/// A histogram of a short window: reading and emptying it costs what it holds, not what it could hold.
#[derive(Debug, Clone, Default)]
pub struct WindowHistogram<const BITS: u32 = 7> {
    buckets: Buckets<BITS>,
    extremes: Extremes,
    /// Buckets in use, in order of first use.
    used: Vec<u16>,
}

impl<const BITS: u32> WindowHistogram<BITS> {
    /// Makes an empty histogram.
    pub fn new() -> Self {
        const {
            assert!(
                Buckets::<BITS>::MOST <= 1 << 16,
                "bucket numbers fit into 16 bits"
            );
        };
        Self::default()
    }

    /// Records a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.extremes.record(value);
        let index = Buckets::<BITS>::index(value);
        if self.buckets.add_one(index) {
            self.used.push(index as u16);
        }
    }

    /// How many values were recorded.
    pub const fn count(&self) -> u64 {
        self.extremes.count
    }

    /// The largest value, exactly.
    pub fn max(&self) -> Option<u64> {
        (self.extremes.count > 0).then_some(self.extremes.max)
    }

    /// Quantiles, each as in [`Histogram::quantile`].
    pub fn quantiles<const N: usize>(&mut self, quantiles: [f64; N]) -> [Option<u64>; N] {
        self.used.sort_unstable();
        self.used.dedup();
        let used = || self.used.iter().map(|&i| usize::from(i));
        quantiles.map(|q| {
            quantile_of(
                &self.buckets,
                &self.extremes,
                self.extremes.rank(q)?,
                used(),
            )
        })
    }

    /// Adds everything to `total`.
    pub fn add_to(&self, total: &mut Histogram<BITS>) {
        total.extremes.merge(&self.extremes);
        let mut used = self.used.clone();
        used.sort_unstable();
        used.dedup();
        for index in used.into_iter().map(usize::from) {
            total.buckets.add(index, self.buckets.get(index));
        }
    }

    /// Adds everything to `total` and forgets it.
    pub fn drain_into(&mut self, total: &mut Histogram<BITS>) {
        total.extremes.merge(&self.extremes);
        for index in self.used.drain(..).map(usize::from) {
            // A bucket whose 32 bits ran over may be listed twice; it is empty the second time.
            let carry = if self.buckets.carries.is_empty() {
                None
            } else {
                self.buckets.carries.remove(&index)
            };
            total.buckets.add(
                index,
                u64::from(self.buckets.counts[index]) + carry.map_or(0, |n| n << 32),
            );
            self.buckets.counts[index] = 0;
        }
        self.extremes = Extremes::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_tile_the_whole_range() {
        let mut expected_low = 0;
        for index in 0..Buckets::<7>::MOST {
            let (low, width) = Buckets::<7>::range(index);
            assert_eq!(low, expected_low, "bucket {index}");
            assert_eq!(Buckets::<7>::index(low), index);
            assert_eq!(Buckets::<7>::index(low + (width - 1)), index);
            expected_low = low.wrapping_add(width);
        }
        assert_eq!(expected_low, 0, "the last bucket ends with u64::MAX");
    }

    #[test]
    fn quantiles_are_within_half_a_bucket() {
        let mut histogram = Histogram::<7>::new();
        for value in 1..=1_000_000 {
            histogram.record(value);
        }
        for (q, expected) in [(0.5, 500_000.0), (0.99, 990_000.0), (0.999, 999_000.0)] {
            let got = histogram.quantile(q).unwrap() as f64;
            assert!((got / expected - 1.0).abs() <= 1.0 / 256.0, "{q}: {got}");
        }
        assert_eq!(
            (histogram.min(), histogram.max()),
            (Some(1), Some(1_000_000))
        );
        assert_eq!(histogram.quantile(0.0), Some(1));
        assert!(histogram.quantile(1.0) <= histogram.max());
    }

    #[test]
    fn small_values_are_exact_and_nothing_is_not_zero() {
        let mut histogram = Histogram::<7>::new();
        assert_eq!(histogram.quantile(0.5), None);
        for value in [3, 200, 255] {
            histogram.record(value);
        }
        assert_eq!(histogram.quantile(0.5), Some(200));
        assert_eq!(histogram.quantile(1.0), Some(255));
    }

    #[test]
    fn a_bucket_counts_beyond_32_bits() {
        let mut histogram = Histogram::<7>::new();
        histogram.record_many(1, 10);
        histogram.record_many(9, u64::from(u32::MAX));
        histogram.record(9);
        histogram.record_many(9, 5_000_000_000);
        assert_eq!(histogram.count(), 9_294_967_306);
        assert_eq!(histogram.buckets.get(9), 9_294_967_296);
        let mut merged = histogram.clone();
        merged.merge(&histogram);
        assert_eq!(merged.buckets.get(9), 18_589_934_592);
        assert_eq!(merged.quantile(1e-9), Some(1));
        assert_eq!(merged.quantile(0.5), Some(9));
    }

    #[test]
    fn a_window_that_runs_over_keeps_every_count() {
        let mut window = WindowHistogram::<7>::new();
        window.record(9);
        window.buckets.counts[9] = u32::MAX;
        window.extremes.count = u64::from(u32::MAX);
        window.record(9);
        window.record(9);
        let mut total = Histogram::new();
        window.add_to(&mut total);
        assert_eq!(total.buckets.get(9), (1 << 32) + 1);
        let mut drained = Histogram::new();
        window.drain_into(&mut drained);
        assert_eq!(drained, total);
        assert_eq!(window.count(), 0);
    }

    proptest! {
        #[test]
        fn prop_windows_add_up_to_the_whole(windows in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..40), 0..8)) {
            let (mut whole, mut total, mut window) = (Histogram::<7>::new(), Histogram::new(), WindowHistogram::new());
            for values in &windows {
                let mut alone = Histogram::<7>::new();
                for &value in values {
                    whole.record(value);
                    alone.record(value);
                    window.record(value);
                }
                prop_assert_eq!(window.quantiles([0.0, 0.5, 0.99]), [0.0, 0.5, 0.99].map(|q| alone.quantile(q)));
                prop_assert_eq!(window.max(), alone.max());
                window.drain_into(&mut total);
            }
            prop_assert_eq!(total, whole);
        }
    }
}
