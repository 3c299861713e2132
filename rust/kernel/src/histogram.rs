//! Log-linear histograms: every power of two is cut into `2^BITS` buckets of equal width (7: 128 buckets, 0.8 %).
//!
//! Values below `2^(BITS + 1)` have a bucket each. Buckets are made as far up as values need them, and while there are few
//! values only in the parts in which they are. Besides the whole run a histogram keeps its latest window, whose reading and
//! closing cost what the window holds, not what it could hold.

mod dense;
mod sparse;
#[cfg(test)]
mod tests;

use crate::buckets::{bucket_of, range_of};
use dense::Dense;
use sparse::{Full, Sparse};
use std::borrow::Cow;

/// Buckets whose marks share a word; whole octaves have a whole number of these.
const PART: usize = u64::BITS as usize;
/// Values that are recorded one by one are counted so many at a time.
const PENDING: usize = 64;
/// More values than this are no longer few. A request every ten seconds makes fewer in a day; a dense histogram takes several
/// times the room.
const FEW: u64 = 10_000;
/// Longer lists of values are counted in blocks.
const BLOCK: usize = 128;
/// Values that come in whole blocks come often: more than so many of them are no longer few.
const FEW_AT_ONCE: u64 = 1_000;

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

    /// Those of a list. Without branches: the processor compares several values at a time.
    fn of(values: &[u64]) -> Self {
        let fold = |(min, max): (u64, u64), value: &u64| (min.min(*value), max.max(*value));
        let (min, max) = values.iter().fold((u64::MAX, 0), fold);
        Self {
            count: values.len() as u64,
            min,
            max,
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

/// Counts by bucket.
#[derive(Debug, Clone)]
enum Buckets<const BITS: u32> {
    /// Of few values.
    Sparse(Sparse<BITS>),
    /// Of many.
    Dense(Dense<BITS>),
}

impl<const BITS: u32> Default for Buckets<BITS> {
    fn default() -> Self {
        Self::Sparse(Sparse::default())
    }
}

impl<const BITS: u32> Buckets<BITS> {
    /// Counts values, none of which is beyond the ends.
    fn record_all(&mut self, values: &[u64], ends: (u64, u64)) {
        let mut left = values;
        if let Self::Sparse(sparse) = self {
            match sparse.count_all(values.iter().map(|value| bucket_of::<BITS>(*value))) {
                Ok(()) => return,
                Err((done, Full)) => left = &values[done..],
            }
        }
        for block in left.chunks(BLOCK) {
            self.make_dense().record_all(block, ends);
        }
    }

    /// Counts values by their buckets, none of which is above `highest`.
    fn count_all(&mut self, indices: &[u16], highest: u64) {
        let mut left = indices;
        if let Self::Sparse(sparse) = self {
            match sparse.count_all(indices.iter().map(|index| usize::from(*index))) {
                Ok(()) => return,
                Err((done, Full)) => left = &indices[done..],
            }
        }
        self.make_dense().count_all(left, highest);
    }

    /// Adds `n` to a bucket of the run, outside the window.
    fn add(&mut self, index: usize, n: u64) {
        if let Self::Sparse(sparse) = self
            && sparse.add(index, n) == Ok(())
        {
            return;
        }
        self.make_dense().add(index, n);
    }

    fn make_dense(&mut self) -> &mut Dense<BITS> {
        if let Self::Sparse(sparse) = self {
            *self = Self::Dense(Dense::from_sparse(sparse));
        }
        match self {
            Self::Dense(dense) => dense,
            Self::Sparse(_) => unreachable!("it has just been made dense"),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Sparse(sparse) => sparse.len(),
            Self::Dense(dense) => dense.len(),
        }
    }

    /// Count of a bucket of the run.
    fn run_count(&self, index: usize) -> u64 {
        match self {
            Self::Sparse(sparse) => sparse.run_count(index),
            Self::Dense(dense) => dense.run_count(index),
        }
    }

    /// The buckets of the run that hold values, lowest first, with their counts.
    fn run_counts(&self) -> impl Iterator<Item = (usize, u64)> {
        let (sparse, dense) = match self {
            Self::Sparse(sparse) => (Some(sparse.run_counts()), None),
            Self::Dense(dense) => (None, Some(dense.run_counts())),
        };
        let sparse = sparse.into_iter().flatten();
        let counts = sparse.chain(dense.into_iter().flatten());
        counts.filter(|(_, count)| *count > 0)
    }
}

/// A histogram of `u64` values.
#[derive(Debug, Clone)]
pub struct Histogram<const BITS: u32 = 7> {
    buckets: Buckets<BITS>,
    /// Buckets of values that are not counted yet, all of the window: counted together, they wait for memory side by side.
    pending: [u16; PENDING],
    /// How many of them there are.
    waiting: usize,
    closed: Extremes,
    window: Extremes,
}

impl<const BITS: u32> Default for Histogram<BITS> {
    fn default() -> Self {
        Self {
            buckets: Buckets::default(),
            pending: [0; PENDING],
            waiting: 0,
            closed: Extremes::default(),
            window: Extremes::default(),
        }
    }
}

impl<const BITS: u32> Histogram<BITS> {
    /// Makes an empty histogram.
    pub fn new() -> Self {
        const {
            assert!(
                (1_usize << BITS).is_multiple_of(PART),
                "an octave has whole parts"
            );
            let parts = ((65 - BITS as usize) << BITS) / PART;
            assert!(parts <= u8::MAX as usize, "a byte numbers parts");
        };
        Self::default()
    }

    /// Records a value.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.window.record(value);
        // Below PENDING: the remainder only spares a check.
        self.pending[self.waiting % PENDING] = bucket_of::<BITS>(value) as u16;
        self.waiting += 1;
        if self.waiting == PENDING {
            self.settle();
        }
    }

    /// Counts the values that wait for it.
    #[inline(never)]
    fn settle(&mut self) {
        if self.count() > FEW {
            self.buckets.make_dense();
        }
        let pending = &self.pending[..std::mem::take(&mut self.waiting)];
        self.buckets.count_all(pending, self.window.max);
    }

    /// The buckets with all values counted.
    fn settled(&self) -> Cow<'_, Buckets<BITS>> {
        if self.waiting == 0 {
            return Cow::Borrowed(&self.buckets);
        }
        let mut own = self.clone();
        own.settle();
        Cow::Owned(own.buckets)
    }

    /// Records values, with less to do than recording each.
    pub fn record_all(&mut self, values: &[u64]) {
        let all = Extremes::of(values);
        self.window.merge(all);
        let few = if values.len() < BLOCK {
            FEW
        } else {
            FEW_AT_ONCE
        };
        if self.count() > few {
            self.buckets.make_dense();
        }
        if !values.is_empty() {
            self.buckets.record_all(values, (all.min, all.max));
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
            self.buckets.add(bucket_of::<BITS>(value), n);
        }
    }

    fn run_extremes(&self) -> Extremes {
        let mut all = self.closed;
        all.merge(self.window);
        all
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.closed.count + self.window.count
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
        let (all, settled) = (self.run_extremes(), self.settled());
        let counts = (0..settled.len()).map(move |index| (index, settled.run_count(index)));
        counts
            .filter(|(_, count)| *count > 0)
            .map(move |(index, count)| {
                let (low, width) = range_of::<BITS>(index);
                Bucket::within(all.min, all.max, (low, low + (width - 1)), count)
            })
    }

    /// The quantile `q` (0 to 1) by nearest rank: the mid-point of its bucket, kept between the exact extremes.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        self.quantiles([q]).map(|[found]| found)
    }

    /// Several quantiles, which must ascend, in one go; `None` without values.
    pub fn quantiles<const N: usize>(&self, quantiles: [f64; N]) -> Option<[u64; N]> {
        let all = self.run_extremes();
        (all.count > 0).then(|| {
            let mut search = Search::new(all, quantiles);
            for (bucket, count) in self.settled().run_counts() {
                search.pass(bucket, count, range_of::<BITS>);
                if search.so_far == N {
                    break;
                }
            }
            search.found
        })
    }

    /// Ends the window and starts the next; the run keeps everything. Returns the window's quantiles, each as in
    /// [`Histogram::quantile`], and its largest value; `None` when it holds nothing. The `quantiles` must ascend.
    pub fn take_window<const N: usize>(&mut self, quantiles: [f64; N]) -> Option<([u64; N], u64)> {
        if self.waiting > 0 {
            self.settle();
        }
        let window = std::mem::take(&mut self.window);
        if window.count == 0 {
            return None;
        }
        let mut search = Search::new(window, quantiles);
        let extremes = (window.min, window.max);
        match &mut self.buckets {
            Buckets::Sparse(sparse) => sparse.pass_window(&mut search, extremes),
            Buckets::Dense(dense) => dense.pass_window(&mut search, extremes),
        }
        self.closed.merge(window);
        Some((search.found, window.max))
    }

    /// Adds the values of `other`'s run; the window does not see them.
    pub fn merge(&mut self, other: &Self) {
        self.closed.merge(other.run_extremes());
        for (index, n) in other.settled().run_counts() {
            self.buckets.add(index, n);
        }
    }

    /// Asks for its memory before it is used (see [`crate::bring_near`]).
    pub fn bring_near(&self) {
        match &self.buckets {
            Buckets::Sparse(sparse) => sparse.bring_near(),
            Buckets::Dense(dense) => dense.bring_near(),
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
        let (own, of_other) = (self.settled(), other.settled());
        self.run_extremes() == other.run_extremes() && own.run_counts().eq(of_other.run_counts())
    }
}

impl<const BITS: u32> Eq for Histogram<BITS> {}
