//! Session affinity by consistent hashing: replicas have points on a ring of hashes, and a session belongs to the first
//! point at or after its own hash.
//!
//! As nginx's `hash … consistent` and Envoy's ring hash (Karger et al. 1997): a new replica takes over about its share of
//! sessions, a lost one's sessions spread over the others, and no other session moves. It is not a cookie, which would bind
//! a session for as long as its replica lives. The load of replicas plays no part.

use super::streams::{POINTS, Sessions, Streams};

#[derive(Debug, Clone, Copy)]
struct Point {
    place: u64,
    replica: u32,
    slot: u32,
}

#[derive(Debug)]
pub(super) struct Sticky {
    streams: Streams,
    sessions: Sessions,
    /// By place, when not stale.
    points: Vec<Point>,
    /// For each stretch of the ring, the first point that is not before it: a search is a look and a few steps.
    heads: Vec<u32>,
    /// Leaves of a place the number of its stretch.
    shift: u32,
    stale: bool,
}

impl Sticky {
    pub(super) fn new(streams: Streams, sessions: Sessions) -> Self {
        Self {
            streams,
            sessions,
            points: Vec::new(),
            heads: Vec::new(),
            shift: 0,
            stale: true,
        }
    }

    pub(super) fn add(&mut self, slot: u32, replica: u32) {
        let streams = self.streams;
        let point = |nth| Point {
            place: streams.replica_place(replica, nth),
            replica,
            slot,
        };
        self.points.extend((0..POINTS).map(point));
        self.stale = true;
    }

    pub(super) fn remove(&mut self, slot: u32) {
        self.points.retain(|point| point.slot != slot);
        self.stale = true;
    }

    /// The replica of the request's session; there is one.
    #[inline]
    pub(super) fn choose(&mut self, request: u64) -> usize {
        if self.stale {
            self.order();
        }
        let session = self.streams.session(request, &self.sessions);
        let place = self.streams.session_place(session);
        let head = self.heads[(place >> self.shift) as usize] as usize;
        let after = self.points[head..]
            .iter()
            .find(|point| point.place >= place);
        after.map_or(self.points[0].slot, |point| point.slot) as usize
    }

    /// Sorts the points; the old ones are in order, which the sort makes use of.
    fn order(&mut self) {
        self.points
            .sort_by_key(|point| (point.place, point.replica));
        let stretches = self.points.len().next_power_of_two().max(2);
        self.shift = 64 - stretches.trailing_zeros();
        self.heads.clear();
        let mut head = 0;
        for stretch in 0..stretches as u64 {
            while head < self.points.len() && self.points[head].place < stretch << self.shift {
                head += 1;
            }
            self.heads.push(head as u32);
        }
        self.stale = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sticky(replicas: u32) -> Sticky {
        let streams = Streams::new(1, "web");
        let mut sticky = Sticky::new(streams, Sessions::new(10_000, 0.0));
        for replica in 0..replicas {
            sticky.add(replica, 100 + replica);
        }
        sticky
    }

    fn choices(sticky: &mut Sticky) -> Vec<usize> {
        (0..20_000).map(|request| sticky.choose(request)).collect()
    }

    #[test]
    fn requests_of_a_session_stay_together_and_shares_are_near() {
        let mut sticky = sticky(10);
        let mut of_session = vec![None; 10_001];
        let mut found = [0; 10];
        for request in 0..20_000 {
            let slot = sticky.choose(request);
            found[slot] += 1;
            let session = sticky.streams.session(request, &sticky.sessions) as usize;
            assert_eq!(*of_session[session].get_or_insert(slot), slot);
        }
        // Four standard deviations of 8 %.
        let near = |n: &i32| (f64::from(*n) - 2_000.0).abs() < 0.32 * 2_000.0;
        assert!(found.iter().all(near), "{found:?}");
    }

    #[test]
    fn a_changed_set_of_replicas_moves_only_the_sessions_it_must() {
        let mut sticky = sticky(10);
        let before = choices(&mut sticky);
        sticky.add(10, 110);
        let more = choices(&mut sticky);
        let moved = before.iter().zip(&more).filter(|(a, b)| a != b);
        assert!(moved.clone().all(|(_, to)| *to == 10));
        assert!((1_000..3_000).contains(&moved.count()));
        sticky.remove(10);
        assert_eq!(choices(&mut sticky), before);
        sticky.remove(3);
        let fewer = choices(&mut sticky);
        let kept = before.iter().zip(&fewer).filter(|(a, _)| **a != 3);
        assert!(kept.into_iter().all(|(a, b)| a == b));
        // A new replica in the place of the old one is another replica.
        sticky.add(3, 111);
        assert_ne!(choices(&mut sticky), before);
    }

    #[test]
    fn skewed_sessions_make_one_replica_hot() {
        let mut sticky = sticky(10);
        sticky.sessions = Sessions::new(10_000, 1.2);
        let mut found = [0; 10];
        for slot in choices(&mut sticky) {
            found[slot] += 1;
        }
        assert!(found.iter().max() > Some(&4_000), "{found:?}");
    }
}
