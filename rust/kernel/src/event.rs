//! The control event list: a binary heap in the total order (time, class, entity, sequence).

use crate::SimTime;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Classes of events at one instant, in the order in which they happen.
pub mod class {
    /// A fault, or a recovery from one.
    pub const FAULT: u8 = 0;
    /// A change of speed.
    pub const SPEED: u8 = 1;
    /// A control tick: metrics are read, decisions made and applied.
    pub const TICK: u8 = 2;
    /// Something becomes ready.
    pub const READINESS: u8 = 3;
    /// A request leaves: it completes or gives up.
    pub const DEPARTURE: u8 = 4;
    /// A request arrives.
    pub const ARRIVAL: u8 = 5;
}

/// What orders events; smaller is earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey {
    /// When.
    pub time: SimTime,
    /// Class at that instant (see [`class`]).
    pub class: u8,
    /// Stable number of the entity concerned: order of declaration, then of creation.
    pub entity: u32,
    /// Order of insertion.
    pub sequence: u64,
}

/// One of so many events is taken by itself before all are looked at.
const ONE_BY_ONE: usize = 64;

#[derive(Debug, Clone)]
struct Entry<E> {
    key: EventKey,
    event: E,
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// Pending events. Events of equal time, class and entity leave in the order in which they were pushed.
#[derive(Debug, Clone)]
pub struct EventList<E> {
    heap: BinaryHeap<Reverse<Entry<E>>>,
    pushed: u64,
}

impl<E> Default for EventList<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> EventList<E> {
    /// Makes an empty list.
    pub fn new() -> Self {
        Self {
            heap: BinaryHeap::new(),
            pushed: 0,
        }
    }

    /// Inserts an event and returns its key.
    pub fn push(&mut self, time: SimTime, class: u8, entity: u32, event: E) -> EventKey {
        let sequence = self.reserve();
        let key = EventKey {
            time,
            class,
            entity,
            sequence,
        };
        self.push_at(key, event);
        key
    }

    /// Keeps the next place among events of equal time, class and entity for one that is inserted later.
    pub const fn reserve(&mut self) -> u64 {
        let sequence = self.pushed;
        self.pushed += 1;
        sequence
    }

    /// Inserts an event at a place that has been kept for it.
    pub fn push_at(&mut self, key: EventKey, event: E) {
        self.heap.push(Reverse(Entry { key, event }));
    }

    /// When the first event happens.
    pub fn peek_time(&self) -> Option<SimTime> {
        self.peek_key().map(|key| key.time)
    }

    /// Key of the first event.
    pub fn peek_key(&self) -> Option<EventKey> {
        self.peek().map(|(key, _)| key)
    }

    /// The first event.
    pub fn peek(&self) -> Option<(EventKey, &E)> {
        let first = self.heap.peek();
        first.map(|Reverse(entry)| (entry.key, &entry.event))
    }

    /// The first event, and so many less one of those that come soon after it. The next is one of the first three, the one
    /// after it one of the first seven.
    pub fn first_few(&self, count: usize) -> impl Iterator<Item = &E> {
        let few = self.heap.as_slice().iter().take(count);
        few.map(|Reverse(entry)| &entry.event)
    }

    /// Removes and returns the first event.
    pub fn pop(&mut self) -> Option<(EventKey, E)> {
        self.heap
            .pop()
            .map(|Reverse(entry)| (entry.key, entry.event))
    }

    /// Removes and returns the events that happen before `limit`, in no order.
    pub fn take_before(&mut self, limit: SimTime) -> Vec<E> {
        let mut taken = Vec::new();
        while ONE_BY_ONE * taken.len() <= self.heap.len() {
            if self.peek_time().is_none_or(|first| first >= limit) {
                return taken;
            }
            taken.extend(self.pop().map(|(_, event)| event));
        }
        // Many are taken faster all together: the rest becomes a heap again at once.
        let mut left = std::mem::take(&mut self.heap).into_vec();
        let early = left.extract_if(.., |Reverse(entry)| entry.key.time < limit);
        taken.extend(early.map(|Reverse(entry)| entry.event));
        self.heap = left.into();
        taken
    }

    /// All pending events, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        self.heap.iter().map(|Reverse(entry)| &entry.event)
    }

    /// How many events are pending.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether none is pending.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn early_events_are_taken_and_others_stay_in_order() {
        for early in [0, 3, 40, 99, 100] {
            let mut list = EventList::new();
            for i in 0..100_u64 {
                list.push(
                    SimTime::from_nanos(i * 37 % 100),
                    class::TICK,
                    0,
                    i * 37 % 100,
                );
            }
            let mut taken = list.take_before(SimTime::from_nanos(early));
            taken.sort_unstable();
            assert!(taken.into_iter().eq(0..early), "{early}");
            let left = std::iter::from_fn(|| list.pop()).map(|(_, event)| event);
            assert!(left.eq(early..100), "{early}");
        }
    }

    fn order(keys: &[(u64, u8, u32)]) -> Vec<usize> {
        let mut list = EventList::new();
        for (i, &(time, class, entity)) in keys.iter().enumerate() {
            list.push(SimTime::from_nanos(time), class, entity, i);
        }
        std::iter::from_fn(|| list.pop().map(|(_, i)| i)).collect()
    }

    #[test]
    fn earlier_time_comes_first() {
        assert_eq!(order(&[(2, 0, 0), (1, 5, 9)]), [1, 0]);
    }

    #[test]
    fn lower_class_comes_first_at_one_instant() {
        assert_eq!(
            order(&[
                (1, class::ARRIVAL, 0),
                (1, class::FAULT, 9),
                (1, class::TICK, 1)
            ]),
            [1, 2, 0]
        );
    }

    #[test]
    fn lower_entity_comes_first_in_one_class() {
        assert_eq!(order(&[(1, 2, 7), (1, 2, 3)]), [1, 0]);
    }

    #[test]
    fn a_place_can_be_kept() {
        let mut list = EventList::new();
        list.push(SimTime::ZERO, 0, 0, 1);
        let sequence = list.reserve();
        let key = list.push(SimTime::ZERO, 0, 0, 3);
        list.push_at(EventKey { sequence, ..key }, 2);
        let left: Vec<u64> = std::iter::from_fn(|| list.pop().map(|(_, i)| i)).collect();
        assert_eq!(left, [1, 2, 3]);
    }

    #[test]
    fn what_is_pending_can_be_looked_through() {
        let mut list = EventList::new();
        for event in [3, 1, 2] {
            list.push(SimTime::from_nanos(event), 0, 0, event);
        }
        list.pop();
        let mut pending: Vec<u64> = list.iter().copied().collect();
        pending.sort_unstable();
        assert_eq!(pending, [2, 3]);
    }

    #[test]
    fn equal_events_keep_the_order_of_insertion() {
        assert_eq!(order(&[(1, 2, 3), (1, 2, 3), (1, 2, 3)]), [0, 1, 2]);
    }
}
