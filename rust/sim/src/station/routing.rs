//! How an arriving request finds its replica.

use super::settings::Settings;
use crate::plan::Routing;
use hookean_kernel::{StreamKey, WinnerTree, counter_draw};

/// The position that a draw gives among `ready` replicas: a uniform number in [0, 1), scaled, so that another number of
/// replicas changes as few choices as possible.
#[inline]
pub(super) fn random_position(draw: u64, ready: usize) -> usize {
    ((u128::from(draw) * ready as u128) >> 64) as usize
}

/// Draws are made this many at a time, side by side: one waits for ten dependent multiplications.
const BLOCK: usize = 16;

/// Routing draws by request number, with those around the last one at hand.
#[derive(Debug)]
struct Draws {
    route: StreamKey,
    /// Number of the first draw in the block, in units of blocks.
    block: u64,
    words: [u64; BLOCK],
}

impl Draws {
    fn new(route: StreamKey) -> Self {
        Self {
            route,
            block: u64::MAX,
            words: [0; BLOCK],
        }
    }

    #[inline]
    fn draw(&mut self, index: u64) -> u64 {
        let block = index / BLOCK as u64;
        if block != self.block {
            self.block = block;
            for (at, draw) in self.words.iter_mut().enumerate() {
                *draw = counter_draw(self.route, block * BLOCK as u64 + at as u64);
            }
        }
        self.words[index as usize % BLOCK]
    }
}

/// The ready replicas by slot, and the choice among them.
#[derive(Debug)]
pub(super) struct Router {
    routing: Routing,
    draws: Draws,
    /// Slots of ready replicas, ascending.
    ready: Vec<u32>,
    /// Round robin goes on from this slot.
    cursor: u32,
    /// Position of the first ready slot that is not below the cursor.
    turn: usize,
    /// Requests waiting or in service on each ready replica, for [`Routing::LeastOutstanding`] alone.
    outstanding: WinnerTree,
}

impl Router {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            routing: settings.routing,
            draws: Draws::new(settings.route),
            ready: Vec::new(),
            cursor: 0,
            turn: 0,
            outstanding: WinnerTree::with_capacity(2),
        }
    }

    /// Whether no replica takes requests.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Adds a replica without requests.
    pub(super) fn add(&mut self, slot: u32) {
        let at = self.ready.partition_point(|ready| *ready < slot);
        self.ready.insert(at, slot);
        self.find_turn();
        while slot as usize >= self.outstanding.capacity() {
            self.grow();
        }
        self.outstanding.set(slot as usize, 0);
    }

    fn grow(&mut self) {
        let before = &self.outstanding;
        let mut tree = WinnerTree::with_capacity(2 * before.capacity());
        for slot in 0..before.capacity() {
            if let Some(requests) = before.time(slot) {
                tree.set(slot, requests);
            }
        }
        self.outstanding = tree;
    }

    /// Takes a replica out, if it is in.
    pub(super) fn remove(&mut self, slot: u32) {
        if let Ok(at) = self.ready.binary_search(&slot) {
            self.ready.remove(at);
            self.outstanding.clear(slot as usize);
            self.find_turn();
        }
    }

    fn find_turn(&mut self) {
        self.turn = self.ready.partition_point(|ready| *ready < self.cursor);
    }

    /// Chooses a replica for request `index`; there is one.
    #[inline]
    pub(super) fn choose(&mut self, index: u64) -> usize {
        match self.routing {
            Routing::Random => {
                self.ready[random_position(self.draws.draw(index), self.ready.len())] as usize
            }
            Routing::RoundRobin => self.next_in_turn(),
            Routing::LeastOutstanding => self.outstanding.min_slot(),
        }
    }

    fn next_in_turn(&mut self) -> usize {
        if self.turn >= self.ready.len() {
            self.turn = 0;
        }
        let slot = self.ready[self.turn];
        self.turn += 1;
        self.cursor = slot + 1;
        slot as usize
    }

    /// Notes how many requests a replica holds.
    #[inline]
    pub(super) fn note(&mut self, slot: usize, requests: u64) {
        if self.routing == Routing::LeastOutstanding && self.outstanding.time(slot).is_some() {
            self.outstanding.set(slot, requests);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Discipline, QueuePlan};

    fn router(routing: Routing) -> Router {
        let queue = QueuePlan {
            discipline: Discipline::Fifo,
            routing,
            limit: None,
            timeout_ns: None,
        };
        let mut router = Router::new(&Settings::new(&queue, 1, "web"));
        for slot in [3, 0, 5] {
            router.add(slot);
        }
        router
    }

    #[test]
    fn round_robin_goes_on_where_it_was_when_replicas_come_and_go() {
        let mut router = router(Routing::RoundRobin);
        assert_eq!([0; 4].map(|_| router.choose(0)), [0, 3, 5, 0]);
        router.add(1);
        assert_eq!(router.choose(0), 1);
        router.remove(3);
        assert_eq!([0; 3].map(|_| router.choose(0)), [5, 0, 1]);
    }

    #[test]
    fn random_uses_every_replica_alike() {
        let mut router = router(Routing::Random);
        let mut found = [0; 6];
        for index in 0..3_000 {
            found[router.choose(index)] += 1;
        }
        assert!(
            [found[0], found[3], found[5]]
                .iter()
                .all(|&n| (900..1100).contains(&n)),
            "{found:?}"
        );
    }

    #[test]
    fn least_outstanding_prefers_the_lowest_slot() {
        let mut router = router(Routing::LeastOutstanding);
        assert_eq!(router.choose(0), 0);
        router.note(0, 1);
        assert_eq!(router.choose(0), 3);
        router.note(3, 2);
        router.note(5, 1);
        assert_eq!(router.choose(0), 0);
        router.remove(0);
        router.note(0, 0);
        assert_eq!(router.choose(0), 5);
    }
}
