//! Buckets made in parts where values are, with narrow counts: for histograms of few values.

use super::{PART, Search};
use crate::buckets::{bucket_of, range_of};
use crate::near::bring_near;

/// The most that a count holds.
const MOST: u64 = u8::MAX as u64;
/// Counts that are looked at together: most are zero.
const GROUP: usize = size_of::<u64>();

/// Counts of neighbouring buckets.
type Part = [u8; PART];

/// Counts by bucket, in parts.
#[derive(Debug, Clone, Default)]
struct Parts {
    /// Place among the parts of those that there are, from 1; as far up as values have needed them.
    places: Vec<u8>,
    parts: Vec<Part>,
}

impl Parts {
    fn bring_near(&self) {
        bring_near(&self.places);
        for part in &self.parts {
            bring_near(part);
        }
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
            self.parts.push([0; PART]);
            // All of u64 has 116 parts.
            self.places[number] = self.parts.len() as u8;
        }
        &mut self.parts[usize::from(self.places[number]) - 1]
    }

    fn count(&self, index: usize) -> u8 {
        self.part(index / PART).map_or(0, |part| part[index % PART])
    }

    fn count_mut(&mut self, index: usize) -> &mut u8 {
        &mut self.part_mut(index / PART)[index % PART]
    }

    /// The buckets of parts that are there, lowest first.
    fn counts(&self) -> impl Iterator<Item = (usize, u8)> {
        let parts = (0..self.places.len()).filter_map(|n| Some((n, self.part(n)?)));
        parts.flat_map(|(number, part)| {
            let counts = part.iter().enumerate();
            counts.map(move |(at, count)| (PART * number + at, *count))
        })
    }

    /// Lets the buckets from `first` to `last` go by that hold values.
    fn pass<const BITS: u32, const N: usize>(
        &self,
        search: &mut Search<N>,
        (first, last): (usize, usize),
    ) {
        for number in first / PART..=last / PART {
            let Some(part) = self.part(number) else {
                continue;
            };
            let (groups, _) = part.as_chunks::<GROUP>();
            let held = groups
                .iter()
                .enumerate()
                .filter(|(_, of)| **of != [0; GROUP]);
            for (group, counts) in held {
                for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                    let index = PART * number + GROUP * group + at;
                    search.pass(index, (*count).into(), range_of::<BITS>);
                }
            }
        }
    }

    /// Forgets all counts, but not the room for them.
    fn clear(&mut self) {
        self.places.clear();
        self.parts.clear();
    }
}

/// A count has run over: the values of a histogram are no longer few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

/// Buckets of a histogram with few values.
#[derive(Debug, Clone, Default)]
pub(super) struct Sparse<const BITS: u32> {
    run: Parts,
    /// Counts of the window, where they are not those of the run: often the first window is the only one.
    window: Option<Parts>,
}

impl<const BITS: u32> Sparse<BITS> {
    pub(super) fn bring_near(&self) {
        self.run.bring_near();
        if let Some(window) = &self.window {
            window.bring_near();
        }
    }

    /// Buckets up to the highest part that there is.
    pub(super) fn len(&self) -> usize {
        self.run.places.len() * PART
    }

    /// Counts values by their buckets; returns how many, which is not all of them when a count is full.
    pub(super) fn count_all(
        &mut self,
        indices: impl Iterator<Item = usize>,
    ) -> Result<(), (usize, Full)> {
        for (done, index) in indices.enumerate() {
            let run = self.run.count_mut(index);
            let Some(more) = run.checked_add(1) else {
                return Err((done, Full));
            };
            *run = more;
            if let Some(window) = &mut self.window {
                // The window holds no more than the run.
                *window.count_mut(index) += 1;
            }
        }
        Ok(())
    }

    /// Adds `n` to a bucket of the run, outside the window.
    pub(super) fn add(&mut self, index: usize, n: u64) -> Result<(), Full> {
        self.window.get_or_insert_with(|| self.run.clone());
        let run = self.run.count_mut(index);
        let sum = u64::from(*run).saturating_add(n);
        if sum > MOST {
            return Err(Full);
        }
        *run = sum as u8;
        Ok(())
    }

    /// Count of a bucket of the run.
    pub(super) fn run_count(&self, index: usize) -> u64 {
        self.run.count(index).into()
    }

    /// Buckets with their counts of the run, lowest first; those of parts that are not there are left out.
    pub(super) fn run_counts(&self) -> impl Iterator<Item = (usize, u64)> {
        let counts = self.run.counts();
        counts.map(|(index, count)| (index, u64::from(count)))
    }

    /// Count of a bucket of the window.
    pub(super) fn window_count(&self, index: usize) -> u64 {
        self.window
            .as_ref()
            .unwrap_or(&self.run)
            .count(index)
            .into()
    }

    /// Lets the buckets of the window go by, from that of the least value to that of the largest, and empties them.
    pub(super) fn pass_window<const N: usize>(
        &mut self,
        search: &mut Search<N>,
        (least, largest): (u64, u64),
    ) {
        let ends = (bucket_of::<BITS>(least), bucket_of::<BITS>(largest));
        let window = self.window.as_ref().unwrap_or(&self.run);
        window.pass::<BITS, N>(search, ends);
        self.window.get_or_insert_default().clear();
    }
}
