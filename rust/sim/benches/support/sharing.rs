//! Processor sharing on each of many replicas, the least outstanding one takes the next request, as a bare loop: finish tags in
//! virtual time in a short sorted list for each, a winner tree of departures, and sets of bits of replicas by how many
//! requests they hold. No books but a sum.

use super::support::SECOND;
use hookean_kernel::{StreamKey, WinnerTree, standard_exponential};

const LOAD: f64 = 0.8;
/// Most replicas: a set of them is a word.
const MOST: usize = u128::BITS as usize;

/// A replica with one core.
#[derive(Clone, Default)]
struct Replica {
    /// Work that each request inside has been given since the replica was idle.
    virtual_time: f64,
    at: u64,
    /// Virtual time at which a request is done, and when it arrived; the first to be done is the last.
    tags: Vec<(f64, u64)>,
}

impl Replica {
    /// When the first request is done.
    fn next(&self) -> Option<u64> {
        let (tag, _) = self.tags.last()?;
        let left = (tag - self.virtual_time) * self.tags.len() as f64;
        Some(self.at + left as u64)
    }

    /// Brings it to `now`; returns the time in the system of those that are done.
    fn pass(&mut self, now: u64) -> u64 {
        let mut sum = 0;
        while let Some(end) = self.next() {
            if end > now {
                let passed = (now - self.at) as f64;
                self.virtual_time += passed / self.tags.len() as f64;
                break;
            }
            if let Some((tag, arrival)) = self.tags.pop() {
                (self.virtual_time, self.at) = (tag, end);
                sum += end - arrival;
            }
        }
        self.at = now;
        if self.tags.is_empty() {
            self.virtual_time = 0.0;
        }
        sum
    }

    fn join(&mut self, now: u64, work: f64) {
        let tag = self.virtual_time + work;
        let later = self.tags.iter().rposition(|(other, _)| *other >= tag);
        self.tags.insert(later.map_or(0, |at| at + 1), (tag, now));
    }
}

/// Replicas by the number of requests they hold.
struct Levels {
    of: Vec<usize>,
    sets: Vec<u128>,
    lowest: usize,
}

impl Levels {
    fn new(replicas: usize) -> Self {
        Self {
            of: vec![0; replicas],
            sets: vec![u128::MAX >> (MOST - replicas)],
            lowest: 0,
        }
    }

    fn put(&mut self, replica: usize, level: usize) {
        let bit = 1 << replica;
        self.sets[self.of[replica]] &= !bit;
        if level == self.sets.len() {
            self.sets.push(0);
        }
        self.sets[level] |= bit;
        self.of[replica] = level;
        self.lowest = self.lowest.min(level);
    }

    fn least(&mut self) -> usize {
        while self.sets[self.lowest] == 0 {
            self.lowest += 1;
        }
        self.sets[self.lowest].trailing_zeros() as usize
    }
}

/// Serves requests with work of a second on average; returns the sum of their times in the system.
pub(crate) fn bare_sharing(replicas: usize, requests: u64) -> u64 {
    assert!(replicas <= MOST, "a set of replicas is a word");
    let stream = |purpose| StreamKey::new(1, "floor", purpose, 0).generator();
    let (mut arrivals, mut work) = (stream("arrival"), stream("work"));
    let gap_ns = SECOND as f64 / (LOAD * replicas as f64);
    let mut all = vec![Replica::default(); replicas];
    let (mut levels, mut departures) = (Levels::new(replicas), WinnerTree::with_capacity(replicas));
    let (mut now, mut sum) = (0, 0);
    for _ in 0..requests {
        now += (standard_exponential(&mut arrivals) * gap_ns) as u64;
        let work_ns = standard_exponential(&mut work) * SECOND as f64;
        while departures.min_time() <= now {
            let (at, end) = (departures.min_slot(), departures.min_time());
            sum += all[at].pass(end);
            levels.put(at, all[at].tags.len());
            match all[at].next() {
                Some(next) => departures.set(at, next),
                None => departures.clear(at),
            }
        }
        let at = levels.least();
        sum += all[at].pass(now);
        all[at].join(now, work_ns);
        levels.put(at, all[at].tags.len());
        departures.set(at, all[at].next().unwrap_or(now));
    }
    sum
}
