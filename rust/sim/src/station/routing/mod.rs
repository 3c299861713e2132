//! How an arriving request finds its replica.
//!
//! A choice costs the same for any number of replicas, or the logarithm of it.

mod sticky;
mod streams;
mod weighted;

pub(super) use streams::{POINTS, Sessions, Streams, random_position};
pub(super) use weighted::{rescaled, stride};

use super::settings::Settings;
use super::{ReplicaId, ReplicaShape};
use crate::plan::Routing;
use crate::workload::is_in_sequence;
use hookean_kernel::{WinnerTree, bring_near};
use sticky::Sticky;
use weighted::Weighted;

/// Draws are made this many at a time, side by side: one waits for ten dependent multiplications.
const BLOCK: usize = 16;

/// Draws for one of the choices of each request, with those around the last one at hand.
#[derive(Debug)]
struct Draws {
    streams: Streams,
    nth: u32,
    /// Number of the first draw in the block, in units of blocks.
    block: u64,
    words: [u64; BLOCK],
}

impl Draws {
    fn new(streams: Streams, nth: u32) -> Self {
        Self {
            streams,
            nth,
            block: u64::MAX,
            words: [0; BLOCK],
        }
    }

    #[inline]
    fn draw(&mut self, index: u64) -> u64 {
        let block = index / BLOCK as u64;
        if block != self.block {
            if !is_in_sequence(index) {
                return self.streams.choice(index, self.nth);
            }
            self.block = block;
            for (at, draw) in self.words.iter_mut().enumerate() {
                *draw = self
                    .streams
                    .choice(block * BLOCK as u64 + at as u64, self.nth);
            }
        }
        self.words[index as usize % BLOCK]
    }
}

/// The rule, with what it remembers.
#[derive(Debug)]
enum Rule {
    Random(Draws),
    RoundRobin {
        /// It goes on from this slot.
        cursor: u32,
        /// Position of the first ready slot that is not below the cursor.
        turn: usize,
    },
    Load(Load),
    Choices {
        draws: Vec<Draws>,
        /// Positions drawn for the present request, ascending.
        drawn: Vec<usize>,
    },
    Weighted(Weighted),
    Sticky(Sticky),
}

/// Replicas by the requests they hold.
#[derive(Debug)]
struct Load {
    order: Order,
    /// Rank of each ready replica; the least is chosen.
    ranks: WinnerTree,
    concurrency: Vec<u32>,
    ids: Vec<u32>,
}

/// Which of the replicas with a free place comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Emptiest,
    Fullest,
    Newest,
}

impl Load {
    fn new(order: Order) -> Self {
        Self {
            order,
            ranks: WinnerTree::with_capacity(2),
            concurrency: Vec::new(),
            ids: Vec::new(),
        }
    }

    /// Least outstanding ranks by requests, the fewest first. The other orders rank those with a free place, and behind
    /// them the full ones by requests that wait, the fewest first.
    #[inline]
    fn rank(&self, slot: usize, requests: u64) -> u64 {
        const FULL: u64 = 1 << 32;
        if self.order == Order::Emptiest {
            return requests;
        }
        match requests.checked_sub(u64::from(self.concurrency[slot])) {
            Some(waiting) => FULL + waiting,
            None if self.order == Order::Newest => FULL - 1 - u64::from(self.ids[slot]),
            None => FULL - 1 - requests,
        }
    }

    fn add(&mut self, slot: usize, replica: ReplicaId, shape: &ReplicaShape) {
        while slot >= self.ranks.capacity() {
            self.grow();
        }
        if slot >= self.concurrency.len() {
            self.concurrency.resize(slot + 1, 0);
            self.ids.resize(slot + 1, 0);
        }
        self.ids[slot] = replica.0;
        self.concurrency[slot] = shape.concurrency.unwrap_or(u32::MAX);
        self.ranks.set(slot, self.rank(slot, 0));
    }

    fn grow(&mut self) {
        let before = &self.ranks;
        let mut tree = WinnerTree::with_capacity(2 * before.capacity());
        for slot in 0..before.capacity() {
            if let Some(rank) = before.time(slot) {
                tree.set(slot, rank);
            }
        }
        self.ranks = tree;
    }

    #[inline]
    fn note(&mut self, slot: usize, requests: u64) {
        if self.ranks.time(slot).is_some() {
            self.ranks.set(slot, self.rank(slot, requests));
        }
    }
}

impl Rule {
    fn new(settings: &Settings) -> Self {
        let streams = settings.streams;
        match settings.routing {
            Routing::Random => Self::Random(Draws::new(streams, 0)),
            Routing::RoundRobin => Self::RoundRobin { cursor: 0, turn: 0 },
            Routing::LeastOutstanding => Self::Load(Load::new(Order::Emptiest)),
            Routing::Packing => Self::Load(Load::new(Order::Fullest)),
            Routing::Newest => Self::Load(Load::new(Order::Newest)),
            Routing::PowerOfChoices { choices } => Self::Choices {
                draws: (0..choices).map(|nth| Draws::new(streams, nth)).collect(),
                drawn: Vec::new(),
            },
            Routing::Weighted => Self::Weighted(Weighted::new()),
            Routing::Sticky {
                sessions,
                zipf_exponent,
            } => Self::Sticky(Sticky::new(streams, Sessions::new(sessions, zipf_exponent))),
        }
    }
}

/// The ready replicas by slot, and the choice among them.
#[derive(Debug)]
pub(super) struct Router {
    rule: Rule,
    /// Slots of ready replicas, ascending.
    ready: Vec<u32>,
}

impl Router {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            rule: Rule::new(settings),
            ready: Vec::new(),
        }
    }

    /// Whether a choice looks at the requests of all replicas.
    pub(super) const fn compares_all(&self) -> bool {
        matches!(self.rule, Rule::Load(_))
    }

    /// Asks for its memory before it is used.
    pub(super) fn bring_near(&self) {
        if let Rule::Load(load) = &self.rule {
            load.ranks.bring_near();
            bring_near(&load.ids);
        }
        bring_near(&self.ready);
    }

    /// Whether no replica takes requests.
    pub(super) const fn is_empty(&self) -> bool {
        self.ready.is_empty()
    }

    /// Adds a replica without requests.
    pub(super) fn add(&mut self, slot: u32, replica: ReplicaId, shape: &ReplicaShape) {
        let at = self.ready.partition_point(|ready| *ready < slot);
        self.ready.insert(at, slot);
        match &mut self.rule {
            Rule::Load(load) => load.add(slot as usize, replica, shape),
            Rule::Weighted(weighted) => weighted.add(slot as usize, *shape),
            Rule::Sticky(sticky) => sticky.add(slot, replica.0),
            Rule::Random(_) | Rule::RoundRobin { .. } | Rule::Choices { .. } => {}
        }
        self.find_turn();
    }

    /// Takes a replica out, if it is in.
    pub(super) fn remove(&mut self, slot: u32) {
        let Ok(at) = self.ready.binary_search(&slot) else {
            return;
        };
        self.ready.remove(at);
        match &mut self.rule {
            Rule::Load(load) => load.ranks.clear(slot as usize),
            Rule::Weighted(weighted) => weighted.remove(slot as usize),
            Rule::Sticky(sticky) => sticky.remove(slot),
            Rule::Random(_) | Rule::RoundRobin { .. } | Rule::Choices { .. } => {}
        }
        self.find_turn();
    }

    fn find_turn(&mut self) {
        if let Rule::RoundRobin { cursor, turn } = &mut self.rule {
            *turn = self.ready.partition_point(|ready| *ready < *cursor);
        }
    }

    /// Chooses a replica for request `index`, or the first of those to compare; there is one.
    #[inline]
    pub(super) fn choose(&mut self, index: u64) -> usize {
        let ready = &self.ready;
        match &mut self.rule {
            Rule::Random(draws) => ready[random_position(draws.draw(index), ready.len())] as usize,
            Rule::RoundRobin { cursor, turn } => next_in_turn(ready, cursor, turn),
            Rule::Load(load) => load.ranks.min_slot(),
            Rule::Weighted(weighted) => weighted.choose(),
            Rule::Sticky(sticky) => sticky.choose(index),
            Rule::Choices { draws, drawn } => {
                drawn.clear();
                let position = random_position(draws[0].draw(index), ready.len());
                drawn.push(position);
                ready[position] as usize
            }
        }
    }

    /// The next replica to compare with those chosen for request `index` before: one drawn from the others.
    #[inline]
    pub(super) fn another(&mut self, index: u64) -> Option<usize> {
        let Rule::Choices { draws, drawn } = &mut self.rule else {
            return None;
        };
        let (nth, ready) = (drawn.len(), self.ready.len());
        if nth == draws.len() || nth == ready {
            return None;
        }
        let mut position = random_position(draws[nth].draw(index), ready - nth);
        let mut at = 0;
        while at < nth && drawn[at] <= position {
            position += 1;
            at += 1;
        }
        drawn.insert(at, position);
        Some(self.ready[position] as usize)
    }

    /// Notes how many requests a replica holds; needed when a choice [compares all](Self::compares_all).
    #[inline]
    pub(super) fn note(&mut self, slot: usize, requests: u64) {
        if let Rule::Load(load) = &mut self.rule {
            load.note(slot, requests);
        }
    }

    /// Notes a replica's new shape.
    pub(super) fn reshape(&mut self, slot: usize, shape: &ReplicaShape) {
        if let Rule::Weighted(weighted) = &mut self.rule {
            weighted.reshape(slot, shape);
        }
    }
}

fn next_in_turn(ready: &[u32], cursor: &mut u32, turn: &mut usize) -> usize {
    if *turn >= ready.len() {
        *turn = 0;
    }
    let slot = ready[*turn];
    *turn += 1;
    *cursor = slot + 1;
    slot as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Discipline, QueuePlan, WhenFull};
    use crate::workload::Classes;

    fn router(routing: Routing) -> Router {
        let queue = QueuePlan {
            discipline: Discipline::Fifo,
            routing,
            limit: None,
            when_full: WhenFull::Reject,
            timeout_ns: None,
            total_timeout_ns: None,
        };
        let classes = Classes::new(&[], 1, "web");
        let settings = Settings::new(&queue, classes, Streams::new(1, "web"));
        let mut router = Router::new(&settings);
        for slot in [3, 0, 5] {
            add(&mut router, slot);
        }
        router
    }

    fn add(router: &mut Router, slot: u32) {
        let shape = ReplicaShape {
            cpu_millicores: 1000,
            concurrency: Some(2),
            speed_ratio: 1.0,
        };
        router.add(slot, ReplicaId(slot), &shape);
    }

    #[test]
    fn round_robin_goes_on_where_it_was_when_replicas_come_and_go() {
        let mut router = router(Routing::RoundRobin);
        assert_eq!([0; 4].map(|_| router.choose(0)), [0, 3, 5, 0]);
        add(&mut router, 1);
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

    #[test]
    fn packing_fills_a_replica_before_the_next_and_then_the_shortest_queue() {
        let mut router = router(Routing::Packing);
        let mut held = [0; 6];
        let mut order = Vec::new();
        for _ in 0..8 {
            let slot = router.choose(0);
            held[slot] += 1;
            router.note(slot, held[slot]);
            order.push(slot);
        }
        assert_eq!(order, [0, 0, 3, 3, 5, 5, 0, 3]);
        router.note(5, 1);
        router.note(3, 0);
        assert_eq!(router.choose(0), 5);
    }

    #[test]
    fn newest_fills_the_youngest_replica_before_the_next_and_then_the_shortest_queue() {
        let mut router = router(Routing::Newest);
        let mut held = [0; 6];
        let mut order = Vec::new();
        for _ in 0..7 {
            let slot = router.choose(0);
            held[slot] += 1;
            router.note(slot, held[slot]);
            order.push(slot);
        }
        assert_eq!(order, [5, 5, 3, 3, 0, 0, 0]);
        router.note(3, 0);
        assert_eq!(router.choose(0), 3);
    }

    #[test]
    fn choices_are_different_and_begin_with_that_of_random_routing() {
        let mut random = router(Routing::Random);
        for choices in 1..5 {
            let mut router = router(Routing::PowerOfChoices { choices });
            let mut found = [0; 6];
            for index in 0..3_000 {
                let first = router.choose(index);
                assert_eq!(first, random.choose(index));
                let mut drawn = vec![first];
                drawn.extend(std::iter::from_fn(|| router.another(index)));
                found[drawn[drawn.len() - 1]] += 1;
                drawn.sort_unstable();
                drawn.dedup();
                assert_eq!(drawn.len(), choices.min(3) as usize);
            }
            let alike = |n: &i32| (900..1100).contains(n);
            assert!([0, 3, 5].iter().all(|at| alike(&found[*at])), "{found:?}");
        }
    }
}
