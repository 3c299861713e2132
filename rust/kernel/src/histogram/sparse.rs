//! Buckets made in parts where values are, with narrow counts: for histograms of few values.

use super::{PART, Search, bucket_of, range_of};
use crate::near::bring_near;

/// The most that a half of a word counts.
const MOST: u64 = u8::MAX as u64;

/// Neighbouring buckets.
#[derive(Debug, Clone)]
struct Part {
    /// A bit for each bucket used in the window.
    used: u64,
    /// Per bucket: count of the run and of the window.
    counts: [(u8, u8); PART],
}

impl Part {
    const EMPTY: Self = Self {
        used: 0,
        counts: [(0, 0); PART],
    };
}

/// A count has run over: the values of a histogram are no longer few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// Buckets of a histogram with few values.
#[derive(Debug, Clone, Default)]
pub(super) struct Sparse<const BITS: u32> {
    /// Place among the parts of those that there are, from 1; as far up as values have needed them.
    places: Vec<u8>,
    parts: Vec<Part>,
}

impl<const BITS: u32> Sparse<BITS> {
    pub(super) fn bring_near(&self) {
        bring_near(&self.places);
        for part in &self.parts {
            bring_near(&part.counts);
        }
    }

    /// Buckets up to the highest part that there is.
    pub(super) fn len(&self) -> usize {
        self.places.len() * PART
    }

    fn part(&self, number: usize) -> Option<&Part> {
        let place = usize::from(*self.places.get(number)?);
        self.parts.get(place.checked_sub(1)?)
    }

    fn part_mut(&mut self, number: usize) -> &mut Part {
        if number >= self.places.len() {
            self.places.reserve_exact(number + 1 - self.places.len());
            self.places.resize(number + 1, 0);
        }
        if self.places[number] == 0 {
            if self.parts.len() == self.parts.capacity() {
                // Less room is left empty than by doubling.
                self.parts.reserve_exact(4);
            }
            self.parts.push(Part::EMPTY);
            // All of u64 has 116 parts.
            self.places[number] = self.parts.len() as u8;
        }
        &mut self.parts[usize::from(self.places[number]) - 1]
    }

    /// Counts values by their buckets; returns how many, which is not all of them when a count is full.
    pub(super) fn count_all(
        &mut self,
        indices: impl Iterator<Item = usize>,
    ) -> Result<(), (usize, Full)> {
        for (done, index) in indices.enumerate() {
            let part = self.part_mut(index / PART);
            let (run, window) = &mut part.counts[index % PART];
            let Some(more) = run.checked_add(1) else {
                return Err((done, Full));
            };
            // The window holds no more than the run.
            (*run, *window) = (more, *window + 1);
            part.used |= 1 << (index % PART);
        }
        Ok(())
    }

    /// Adds `n` to a bucket of the run, outside the window.
    pub(super) fn add(&mut self, index: usize, n: u64) -> Result<(), Full> {
        let (run, _) = &mut self.part_mut(index / PART).counts[index % PART];
        let sum = u64::from(*run).saturating_add(n);
        if sum > MOST {
            return Err(Full);
        }
        *run = sum as u8;
        Ok(())
    }

    /// Count of a bucket of the run.
    pub(super) fn run_count(&self, index: usize) -> u64 {
        let part = self.part(index / PART);
        part.map_or(0, |part| part.counts[index % PART].0.into())
    }

    /// Buckets with their counts of the run, lowest first; those of parts that are not there are left out.
    pub(super) fn run_counts(&self) -> impl Iterator<Item = (usize, u64)> {
        self.counts().map(|(index, run, _)| (index, u64::from(run)))
    }

    #[cfg(test)]
    pub(super) fn window_count(&self, index: usize) -> u64 {
        let part = self.part(index / PART);
        part.map_or(0, |part| part.counts[index % PART].1.into())
    }

    /// Buckets with their counts of the run and of the window, lowest first; those of parts that are not there are left out.
    pub(super) fn counts(&self) -> impl Iterator<Item = (usize, u8, u8)> {
        let parts = (0..self.places.len()).filter_map(|n| Some((n, self.part(n)?)));
        parts.flat_map(|(number, part)| {
            let counts = part.counts.iter().enumerate();
            counts.map(move |(at, (run, window))| (PART * number + at, *run, *window))
        })
    }

    /// Lets the buckets of the window go by, from that of the least value to that of the largest, and empties them.
    pub(super) fn pass_window<const N: usize>(
        &mut self,
        search: &mut Search<N>,
        (least, largest): (u64, u64),
    ) {
        for number in bucket_of::<BITS>(least) / PART..=bucket_of::<BITS>(largest) / PART {
            let place = self
                .places
                .get(number)
                .map_or(0, |place| usize::from(*place));
            let Some(part) = place.checked_sub(1).and_then(|at| self.parts.get_mut(at)) else {
                continue;
            };
            let mut left = std::mem::take(&mut part.used);
            while left != 0 {
                // below PART: there is a bit
                let at = left.trailing_zeros() as usize % PART;
                left &= left - 1;
                let count = std::mem::take(&mut part.counts[at].1);
                search.pass(PART * number + at, count.into(), range_of::<BITS>);
            }
        }
    }
}
