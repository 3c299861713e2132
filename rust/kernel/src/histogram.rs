//! Log-linear histograms: every power of two is cut into `2^BITS` buckets of equal width (7: 128 buckets, 0.8 %).
//!
//! Values below `2^(BITS + 1)` have a bucket each. Buckets are made as far up as values need them. Besides the whole run
//! a histogram keeps its latest window, whose reading and closing cost what the window holds, not what it could hold.

use std::collections::BTreeMap;

/// Bits of a half of a word.
const HALF: u32 = u32::BITS / 2;
/// One more in the whole run (upper half of a word) and in the window (lower half).
const ONE: u32 = 1 << HALF | 1;
/// The window's half.
const LOWER: u32 = (1 << HALF) - 1;
/// A half that counts so many moves them to the carries when there is need of room; it holds twice as many, less one.
const MUCH: u32 = 1 << (HALF - 1);
/// Buckets whose marks share a word; whole octaves have a whole number of these.
const PART: usize = u64::BITS as usize;
/// So many used buckets of a part are closed faster all together than one by one.
const MANY: u32 = 20;

/// Counts that halves of words were too narrow for, by bucket. There are few: a bucket has to be met very often.
type Carries = BTreeMap<usize, u64>;

/// Values that are told apart no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// The least that they can be.
    pub low: u64,
    /// The greatest that they can be.
    pub high: u64,
    /// How many there are.
    pub count: u64,
}

impl Bucket {
    /// A bucket cut down to the exact extremes of all values.
    pub(crate) fn within(min: u64, max: u64, (low, high): (u64, u64), count: u64) -> Self {
        let (low, high) = (low.max(min), high.min(max));
        Self { low, high, count }
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
        // Branches, not minima: the extremes change rarely, and what is not stored costs nothing.
        if value < self.min {
            self.min = value;
        }
        if value > self.max {
            self.max = value;
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Nearest rank of the quantile `q`, from 1; there is a value.
    fn rank(&self, q: f64) -> u64 {
        debug_assert!((0.0..=1.0).contains(&q), "Invariant: quantiles are ratios");
        let place = q * self.count as f64;
        let below = place as u64;
        // rounded up without a call into libm
        let rank = below + u64::from((below as f64) < place);
        rank.clamp(1, self.count)
    }
}

/// Quantiles that are looked for while the buckets go by, lowest first.
struct Search<const N: usize> {
    extremes: Extremes,
    ranks: [u64; N],
    found: [u64; N],
    so_far: usize,
    seen: u64,
    /// The count at which the next is found.
    next: u64,
}

impl<const N: usize> Search<N> {
    /// `quantiles` ascend, and there is a value.
    fn new(extremes: Extremes, quantiles: [f64; N]) -> Self {
        let ranks = quantiles.map(|q| extremes.rank(q));
        debug_assert!(ranks.is_sorted(), "Invariant: quantiles ascend");
        Self {
            extremes,
            ranks,
            found: [0; N],
            so_far: 0,
            seen: 0,
            next: ranks.first().copied().unwrap_or(u64::MAX),
        }
    }

    /// Whether none is found among so many values more.
    const fn skips(&self, count: u64) -> bool {
        self.seen + count < self.next
    }

    #[inline]
    fn pass(&mut self, index: usize, count: u64, range: impl Fn(usize) -> (u64, u64)) {
        self.seen += count;
        while self.seen >= self.next {
            let (low, width) = range(index);
            let middle = low + (width - 1) / 2;
            self.found[self.so_far] = middle.clamp(self.extremes.min, self.extremes.max);
            self.so_far += 1;
            self.next = self.ranks.get(self.so_far).copied().unwrap_or(u64::MAX);
        }
    }
}

/// A histogram of `u64` values.
#[derive(Debug, Clone, Default)]
pub struct Histogram<const BITS: u32 = 7> {
    /// Per bucket: count of the run and of the window, half of the bits each.
    words: Vec<u32>,
    /// So many values can be recorded before a half of some word may run over; at most `MUCH`.
    room: u32,
    /// A bit for each bucket used in the window.
    used: Vec<u64>,
    closed: Extremes,
    window: Extremes,
    run_carries: Carries,
    window_carries: Carries,
}

impl<const BITS: u32> Histogram<BITS> {
    /// Buckets that cover all of `u64`.
    const MOST: usize = (65 - BITS as usize) << BITS;

    /// Makes an empty histogram.
    pub fn new() -> Self {
        const {
            assert!(
                (1_usize << BITS).is_multiple_of(PART),
                "an octave has whole parts"
            );
        };
        Self::default()
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

    /// Records a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.window.record(value);
        self.count_one(value);
    }

    /// Records values, with less to do than recording each.
    pub fn record_all(&mut self, values: &[u64]) {
        let mut window = self.window;
        for value in values {
            window.record(*value);
        }
        self.window = window;
        if values.is_empty() {
            return;
        }
        let highest = Self::index(window.max);
        if highest >= self.words.len() {
            self.grow(highest);
        }
        if values.len() > self.room as usize {
            return values.iter().for_each(|value| self.count_one(*value));
        }
        self.room -= values.len() as u32;
        let (words, used) = (&mut *self.words, &mut *self.used);
        for value in values {
            let index = Self::index(*value);
            used[index / PART] |= 1 << (index % PART);
            words[index] += ONE;
        }
    }

    #[inline]
    fn count_one(&mut self, value: u64) {
        let index = Self::index(value);
        if index >= self.words.len() {
            self.grow(index);
        }
        if self.room == 0 {
            self.make_room();
        }
        self.room -= 1;
        self.used[index / PART] |= 1 << (index % PART);
        self.words[index] += ONE;
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
        self.used.resize(buckets / PART, 0);
    }

    /// Adds `n` to a bucket of the run, outside the window.
    fn add(&mut self, index: usize, n: u64) {
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

    /// Records a value `n` times; the window does not see it.
    pub fn record_many(&mut self, value: u64, n: u64) {
        if n > 0 {
            self.closed.merge(Extremes {
                count: n,
                min: value,
                max: value,
            });
            self.add(Self::index(value), n);
        }
    }

    fn run_extremes(&self) -> Extremes {
        let mut all = self.closed;
        all.merge(self.window);
        all
    }

    fn run_count(&self, index: usize) -> u64 {
        u64::from(self.words[index] >> HALF) + self.run_carries.get(&index).unwrap_or(&0)
    }

    #[cfg(test)]
    fn window_bucket(&self, index: usize) -> u64 {
        u64::from(self.words[index] & LOWER) + self.window_carries.get(&index).unwrap_or(&0)
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.run_extremes().count
    }

    /// The least value, exactly.
    pub fn min(&self) -> Option<u64> {
        let all = self.run_extremes();
        (all.count > 0).then_some(all.min)
    }

    /// The largest value, exactly.
    pub fn max(&self) -> Option<u64> {
        let all = self.run_extremes();
        (all.count > 0).then_some(all.max)
    }

    /// The buckets of the run that hold values, lowest first.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let all = self.run_extremes();
        let counts = (0..self.words.len()).map(|index| (index, self.run_count(index)));
        counts
            .filter(|(_, count)| *count > 0)
            .map(move |(index, count)| {
                let (low, width) = Self::range(index);
                Bucket::within(all.min, all.max, (low, low + (width - 1)), count)
            })
    }

    /// The quantile `q` (0 to 1) by nearest rank: the mid-point of its bucket, kept between the exact extremes.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let all = self.run_extremes();
        let counts = (0..self.words.len()).map(|i| (i, self.run_count(i)));
        (all.count > 0).then(|| {
            let mut search = Search::new(all, [q]);
            counts.for_each(|(index, count)| search.pass(index, count, Self::range));
            search.found[0]
        })
    }

    /// Ends the window and starts the next; the run keeps everything. Returns the window's quantiles, each as in
    /// [`Histogram::quantile`], and its largest value; `None` when it holds nothing. The `quantiles` must ascend.
    pub fn take_window<const N: usize>(&mut self, quantiles: [f64; N]) -> Option<([u64; N], u64)> {
        let window = std::mem::take(&mut self.window);
        if window.count == 0 {
            return None;
        }
        let mut search = Search::new(window, quantiles);
        let carries = std::mem::take(&mut self.window_carries);
        let (parts, _) = self.words.as_chunks_mut::<PART>();
        let parts = parts.iter_mut().zip(&mut self.used).enumerate();
        let first = Self::index(window.min) / PART;
        let parts = parts.take(Self::index(window.max) / PART + 1).skip(first);
        for (part, (words, used)) in parts {
            let mut left = std::mem::take(used);
            if left.count_ones() >= MANY && carries.is_empty() {
                // The processor adds several words at a time, and most parts hold no quantile.
                let sum: u32 = words.iter().map(|word| *word & LOWER).sum();
                let sum = u64::from(sum);
                if search.skips(sum) {
                    search.seen += sum;
                    for word in words {
                        *word &= !LOWER;
                    }
                    continue;
                }
            }
            while left != 0 {
                // below PART: there is a bit
                let at = left.trailing_zeros() as usize % PART;
                left &= left - 1;
                let (word, index) = (&mut words[at], PART * part + at);
                let mut count = u64::from(*word & LOWER);
                if !carries.is_empty() {
                    count += carries.get(&index).unwrap_or(&0);
                }
                *word &= !LOWER;
                search.pass(index, count, Self::range);
            }
        }
        self.closed.merge(window);
        Some((search.found, window.max))
    }

    /// Adds the values of `other`'s run; the window does not see them.
    pub fn merge(&mut self, other: &Self) {
        self.closed.merge(other.run_extremes());
        for index in 0..other.words.len() {
            let n = other.run_count(index);
            if n > 0 {
                self.add(index, n);
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Histograms are equal when their runs are.
impl<const BITS: u32> PartialEq for Histogram<BITS> {
    fn eq(&self, other: &Self) -> bool {
        let count = |h: &Self, i| if i < h.words.len() { h.run_count(i) } else { 0 };
        let most = self.words.len().max(other.words.len());
        self.run_extremes() == other.run_extremes()
            && (0..most).all(|i| count(self, i) == count(other, i))
    }
}

impl<const BITS: u32> Eq for Histogram<BITS> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Fine = Histogram<7>;

    #[test]
    fn buckets_tile_the_whole_range() {
        let mut expected_low = 0;
        for index in 0..Fine::MOST {
            let (low, width) = Fine::range(index);
            assert_eq!(low, expected_low, "bucket {index}");
            assert_eq!(Fine::index(low), index);
            assert_eq!(Fine::index(low + (width - 1)), index);
            expected_low = low.wrapping_add(width);
        }
        assert_eq!(expected_low, 0, "the last bucket ends with u64::MAX");
    }

    #[test]
    fn quantiles_are_within_half_a_bucket() {
        let mut histogram = Fine::new();
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
    fn buckets_hold_every_value_between_the_exact_extremes() {
        let mut histogram = Fine::new();
        for value in [3, 1000, 1001, 1_000_003] {
            histogram.record(value);
        }
        let found: Vec<_> = histogram
            .buckets()
            .map(|b| (b.low, b.high, b.count))
            .collect();
        assert_eq!(found, [(3, 3, 1), (1000, 1003, 2), (999_424, 1_000_003, 1)]);
    }

    #[test]
    fn small_values_are_exact_and_nothing_is_not_zero() {
        let mut histogram = Fine::new();
        assert_eq!(histogram.quantile(0.5), None);
        assert_eq!(histogram.take_window([0.5]), None);
        for value in [3, 200, 255] {
            histogram.record(value);
        }
        assert_eq!(histogram.quantile(0.5), Some(200));
        assert_eq!(histogram.quantile(1.0), Some(255));
        histogram.clear();
        assert_eq!(histogram, Fine::new());
    }

    #[test]
    fn a_bucket_counts_beyond_32_bits() {
        let mut histogram = Fine::new();
        histogram.record_many(1, 10);
        histogram.record_many(9, u64::from(u32::MAX));
        histogram.record(9);
        histogram.record_many(9, 5_000_000_000);
        assert_eq!(histogram.count(), 9_294_967_306);
        assert_eq!(histogram.run_count(9), 9_294_967_296);
        assert_eq!(histogram.window_bucket(9), 1);
        let mut merged = histogram.clone();
        merged.merge(&histogram);
        assert_eq!(merged.run_count(9), 18_589_934_592);
        assert_eq!(merged.quantile(1e-9), Some(1));
        assert_eq!(merged.quantile(0.5), Some(9));
        merged.record_all(&[9, 1, 9]);
        assert_eq!(merged.run_count(9), 18_589_934_594);
        assert_eq!((merged.window_bucket(9), merged.window_bucket(1)), (3, 1));
    }

    #[test]
    fn a_bucket_is_met_more_often_than_a_word_can_count() {
        let (mut singly, mut together) = (Fine::new(), Fine::new());
        let values: Vec<u64> = (0..300_000).map(|i| [9, 9, 9, 1_000_000][i % 4]).collect();
        for round in 1..=2 {
            for some in values.chunks(128) {
                together.record_all(some);
                for value in some {
                    singly.record(*value);
                }
            }
            for histogram in [&mut singly, &mut together] {
                assert_eq!(histogram.run_count(9), round * 225_000);
                assert_eq!(histogram.window_bucket(9), 225_000);
                assert_eq!(
                    histogram.take_window([0.75, 1.0]),
                    Some(([9, 1_000_000], 1_000_000))
                );
                assert_eq!(histogram.window_bucket(9), 0);
            }
        }
        together.record_all(&values);
        singly.record_all(&values);
        assert_eq!(singly, together);
        assert_eq!(singly.run_count(9), 675_000);
    }

    #[test]
    fn crowded_windows_have_the_quantiles_of_their_values() {
        let mut histogram = Fine::new();
        for window in 0..40_u64 {
            // From a few buckets of a part to all of them, some several times.
            let values: Vec<u64> = (0..20 + 40 * window)
                .map(|i| 1000 + (i * 7919 + window) % (64 + 80 * window))
                .collect();
            let mut alone = Fine::new();
            for value in &values {
                alone.record(*value);
            }
            histogram.record_all(&values);
            let quantiles = [0.01, 0.5, 0.95, 0.99];
            let expected = quantiles.map(|q| alone.quantile(q).unwrap());
            assert_eq!(
                histogram.take_window(quantiles),
                Some((expected, alone.max().unwrap()))
            );
        }
        assert_eq!(histogram.take_window([0.5]), None);
        assert!(histogram.words.iter().all(|word| *word & LOWER == 0));
    }

    proptest! {
        #[test]
        fn prop_windows_add_up_to_the_whole(windows in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..40), 0..8)) {
            let (mut whole, mut histogram) = (Fine::new(), Fine::new());
            for values in &windows {
                let mut alone = Fine::new();
                for &value in values {
                    whole.record(value);
                    alone.record(value);
                }
                histogram.record_all(values);
                prop_assert_eq!(&histogram, &whole);
                let expected = alone.max().map(|max| ([0.0, 0.5, 0.99].map(|q| alone.quantile(q).unwrap()), max));
                prop_assert_eq!(histogram.take_window([0.0, 0.5, 0.99]), expected);
                prop_assert_eq!(&histogram, &whole);
            }
            prop_assert_eq!(histogram, whole);
        }
    }
}
