//! Routing in the reference engine: plain searches over all replicas that take requests.

use super::Reference;
use super::replica::Replica;
use crate::plan::Routing;
use crate::station::routing::{POINTS, Sessions, random_position, stride};
use crate::workload::Request;
use std::cmp::Reverse;

impl Reference {
    /// The position of the replica for a request.
    pub(super) fn choose(&mut self, request: &Request) -> Option<usize> {
        let ready = self.ready();
        let streams = self.settings.streams;
        match self.settings.routing {
            Routing::Random => {
                let draw = streams.choice(request.index, 0);
                ready.get(random_position(draw, ready.len())).copied()
            }
            Routing::RoundRobin => self.next_in_turn(&ready),
            Routing::LeastOutstanding => ready
                .into_iter()
                .min_by_key(|at| (self.at(*at).outstanding(), *at)),
            Routing::PowerOfChoices { choices } => self.least_of(ready, request.index, choices),
            Routing::Weighted => self.take_weighted_turn(&ready),
            Routing::Sticky {
                sessions,
                zipf_exponent,
            } => {
                let session =
                    streams.session(request.index, &Sessions::new(sessions, zipf_exponent));
                self.nearest_on_ring(&ready, streams.session_place(session))
            }
            Routing::Packing => {
                let fullest = |at: &usize| (Reverse(self.at(*at).outstanding()), *at);
                self.with_room_or_shortest(&ready, fullest)
            }
            Routing::Newest => {
                let newest = |at: &usize| Reverse(self.at(*at).id);
                self.with_room_or_shortest(&ready, newest)
            }
        }
    }

    fn at(&self, at: usize) -> &Replica {
        let found = self.replicas[at].as_ref();
        found.expect("only positions of replicas that are there are searched")
    }

    fn next_in_turn(&mut self, ready: &[usize]) -> Option<usize> {
        let next = ready.iter().find(|at| **at >= self.cursor);
        let next = next.or(ready.first()).copied()?;
        self.cursor = next + 1;
        Some(next)
    }

    fn least_of(&self, mut ready: Vec<usize>, request: u64, choices: u32) -> Option<usize> {
        let mut drawn = Vec::new();
        for nth in 0..choices {
            if !ready.is_empty() {
                let draw = self.settings.streams.choice(request, nth);
                drawn.push(ready.remove(random_position(draw, ready.len())));
            }
        }
        // The first of equals.
        drawn
            .into_iter()
            .min_by_key(|at| self.at(*at).outstanding())
    }

    fn take_weighted_turn(&mut self, ready: &[usize]) -> Option<usize> {
        let next = ready
            .iter()
            .copied()
            .min_by_key(|at| (self.at(*at).turn, *at))?;
        self.last_turn = self.at(next).turn;
        if let Some(replica) = &mut self.replicas[next] {
            replica.turn += u128::from(stride(&replica.shape));
        }
        Some(next)
    }

    /// The replica of the first point at or after a place.
    fn nearest_on_ring(&self, ready: &[usize], place: u64) -> Option<usize> {
        let streams = self.settings.streams;
        let way = |at: &usize| {
            let id = self.at(*at).id.0;
            let ways = (0..POINTS).map(|nth| streams.replica_place(id, nth).wrapping_sub(place));
            (ways.min(), id)
        };
        ready.iter().copied().min_by_key(way)
    }

    /// Of the replicas with a free place the first by `key`; when there is none, the one where the fewest wait.
    fn with_room_or_shortest<K: Ord>(
        &self,
        ready: &[usize],
        key: impl Fn(&usize) -> K,
    ) -> Option<usize> {
        let requests = |at: &usize| self.at(*at).outstanding();
        let places = |at: &usize| self.at(*at).most();
        let with_room = ready.iter().copied().filter(|at| requests(at) < places(at));
        let first = with_room.min_by_key(key);
        let shortest = || {
            let waits = |at: &usize| (requests(at) - places(at), *at);
            ready.iter().copied().min_by_key(waits)
        };
        first.or_else(shortest)
    }
}
