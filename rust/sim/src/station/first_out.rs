//! Requests in service, the first to leave on top of a heap.

use super::ReplicaId;
use crate::workload::Request;
use hookean_kernel::{SimTime, bring_near};
use std::cmp::Ordering;
use std::collections::{BTreeSet, BinaryHeap};

/// A request in service. Its rank orders by a key, then by request; a lower rank is greater, for the heap.
#[derive(Debug, Clone, Copy)]
pub(super) struct InService {
    /// The complement of key and request number, so that one comparison of integers without branches decides.
    rank: u128,
    arrival: u64,
    work_ns: u64,
    pub(super) start: u64,
    /// Where the key is when the request leaves: when it would be done, or while it stands still what is left of it.
    pub(super) done: u64,
}

impl InService {
    #[inline]
    pub(super) fn new(key: u64, start: u64, request: &Request) -> Self {
        let rank = !(u128::from(key) << 64 | u128::from(request.index));
        Self {
            rank,
            arrival: request.time.as_nanos(),
            work_ns: request.work_ns,
            start,
            done: key,
        }
    }

    #[inline]
    pub(super) fn key(&self) -> u64 {
        (!self.rank >> 64) as u64
    }

    pub(super) fn set_key(&mut self, key: u64) {
        self.rank = !(u128::from(key) << 64) ^ u128::from(!self.rank as u64);
    }

    #[inline]
    pub(super) fn request(&self) -> Request {
        Request {
            index: !self.rank as u64,
            time: SimTime::from_nanos(self.arrival),
            work_ns: self.work_ns,
        }
    }

    /// The row of a request that is still in service at the end.
    pub(super) fn inside(&self, replica: ReplicaId) -> (Request, Option<SimTime>, ReplicaId) {
        (
            self.request(),
            Some(SimTime::from_nanos(self.start)),
            replica,
        )
    }
}

impl Ord for InService {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

// The heap compares with operators, whose defaults would go through `Ordering`, with branches.
impl PartialOrd for InService {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }

    #[inline]
    fn lt(&self, other: &Self) -> bool {
        self.rank < other.rank
    }

    #[inline]
    fn le(&self, other: &Self) -> bool {
        self.rank <= other.rank
    }

    #[inline]
    fn gt(&self, other: &Self) -> bool {
        self.rank > other.rank
    }

    #[inline]
    fn ge(&self, other: &Self) -> bool {
        self.rank >= other.rank
    }
}

impl PartialEq for InService {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for InService {}

/// Requests in service, of which any may be taken out when they are `PATIENT` for a time only.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstOut<const PATIENT: bool> {
    /// The top is never one that is gone.
    heap: BinaryHeap<InService>,
    /// Numbers of those that were taken out and are still in the heap.
    gone: BTreeSet<u64>,
}

impl<const PATIENT: bool> FirstOut<PATIENT> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        if PATIENT {
            self.heap.len() - self.gone.len()
        } else {
            self.heap.len()
        }
    }

    /// Asks for its memory before it is used.
    pub(super) fn bring_near(&self) {
        bring_near(self.heap.as_slice());
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<&InService> {
        self.heap.peek()
    }

    #[inline]
    pub(super) fn push(&mut self, job: InService) {
        self.heap.push(job);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<InService> {
        let job = self.heap.pop();
        if PATIENT && !self.gone.is_empty() {
            self.uncover();
        }
        job
    }

    /// Takes out one that is inside.
    pub(super) fn remove(&mut self, request: u64) {
        self.gone.insert(request);
        self.uncover();
    }

    /// Drops those that are gone from the top.
    #[cold]
    fn uncover(&mut self) {
        while let Some(job) = self.heap.peek()
            && self.gone.remove(&job.request().index)
        {
            self.heap.pop();
        }
    }

    /// Changes all keys.
    pub(super) fn rekey(&mut self, key: impl Fn(u64) -> u64) {
        let mut jobs = std::mem::take(&mut self.heap).into_vec();
        for job in &mut jobs {
            job.set_key(key(job.key()));
        }
        self.heap = jobs.into();
    }

    /// All that are inside, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &InService> {
        let inside = |job: &&InService| !self.gone.contains(&job.request().index);
        self.heap.iter().filter(inside)
    }
}

/// A key that orders as the number does.
#[inline]
pub(super) fn key_of(tag: f64) -> u64 {
    let bits = tag.to_bits();
    bits ^ (((bits as i64 >> 63) as u64) | 1 << 63)
}

/// The number of a key.
#[inline]
pub(super) fn tag_of(key: u64) -> f64 {
    f64::from_bits(key ^ ((!(key as i64 >> 63) as u64) | 1 << 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_as_numbers_and_come_back() {
        let tags = [-3.5, -0.25, 0.0, 1e-300, 0.5, 1.0, 3e18, f64::INFINITY];
        assert!(
            tags.windows(2)
                .all(|pair| key_of(pair[0]) < key_of(pair[1]))
        );
        assert!(
            tags.iter()
                .all(|tag| tag_of(key_of(*tag)).to_bits() == tag.to_bits())
        );
    }

    #[test]
    fn the_lowest_key_and_then_the_lowest_request_leave_first() {
        let request = |index| Request {
            index,
            time: SimTime::from_nanos(index),
            work_ns: 2 * index,
        };
        let mut heap: BinaryHeap<_> = [(7, 1), (5, 9), (5, 3)]
            .map(|(key, i)| InService::new(key, 0, &request(i)))
            .into();
        let order = std::iter::from_fn(|| heap.pop().map(|job| (job.key(), job.request().index)));
        assert_eq!(order.collect::<Vec<_>>(), [(5, 3), (5, 9), (7, 1)]);
        let mut inside = FirstOut::<true>::default();
        for (key, i) in [(7, 1), (5, 9), (5, 3), (6, 2)] {
            inside.push(InService::new(key, 0, &request(i)));
        }
        for index in [3, 2] {
            inside.remove(index);
        }
        let left: Vec<u64> = inside.iter().map(|job| job.request().index).collect();
        assert_eq!((inside.len(), left.len()), (2, 2));
        assert_eq!(inside.pop().map(|job| job.request().index), Some(9));
        inside.rekey(|key| key - 1);
        assert_eq!(inside.peek().map(InService::key), Some(6));
        assert_eq!(inside.pop().map(|job| job.request().index), Some(1));
        assert_eq!((inside.len(), inside.pop().is_none()), (0, true));
        let mut job = InService::new(7, 0, &request(4));
        job.set_key(2);
        assert_eq!((job.key(), job.request()), (2, request(4)));
    }
}
