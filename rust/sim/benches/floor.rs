//! The floor: what a bare loop costs for each request, two draws, a race through the winner tree and a sum, beside whole
//! simulations in the same binary; and the same for processor sharing behind a router. Writes one line of JSON with the nanoseconds of each request, a value for each round.
//!
//!     floor [ROUNDS]
//!
//! Rounds take turns, so that a slow moment of the machine meets all alike; who reads them compares within a round.

#[path = "support/day.rs"]
mod day;
#[path = "support/sharing.rs"]
mod sharing;
mod support;

use day::day;
use hookean_kernel::{Moves, Mwc192, Racer, StreamKey, WinnerTree, standard_exponential};
use hookean_sim::plan::{Discipline, Routing};
use sharing::bare_sharing;
use std::hint::black_box;
use std::io::Write;
use std::time::Instant;
use support::{Case, SECOND, run};

const REQUESTS: u64 = 1_000_000;
const ROUNDS: usize = 7;
/// Requests between two moves of the origin: the times of the tree are relative to it.
const BLOCK: u64 = 100_000;
const LOAD: f64 = 0.8;
/// Replicas that share their cores.
const SHARING: u32 = 100;

/// Kiefer and Wolfowitz: a request takes the server that is free first.
struct Loop {
    tree: WinnerTree,
    servers: usize,
    now: u64,
    arrivals: Mwc192,
    work: Mwc192,
    waits_ns: u64,
}

impl Loop {
    fn new(servers: usize) -> Self {
        let mut tree = WinnerTree::with_capacity(servers);
        (0..servers).for_each(|slot| tree.set(slot, 0));
        let stream = |purpose| StreamKey::new(1, "floor", purpose, 0).generator();
        Self {
            tree,
            servers,
            now: 0,
            arrivals: stream("arrival"),
            work: stream("work"),
            waits_ns: 0,
        }
    }

    fn serve(&mut self, requests: u64) {
        for _ in 0..requests / BLOCK {
            let gap_ns = SECOND as f64 / (LOAD * self.servers as f64);
            let mut block = Block {
                gap_ns,
                now: self.now,
                arrivals: self.arrivals.clone(),
                work: self.work.clone(),
                waits_ns: 0,
            };
            self.tree.race(&mut block);
            (self.arrivals, self.work) = (block.arrivals, block.work);
            self.waits_ns += block.waits_ns;
            self.rebase(block.now);
        }
    }

    /// Makes `now` the origin.
    fn rebase(&mut self, now: u64) {
        for slot in 0..self.servers {
            let free = self.tree.time(slot).unwrap_or(0);
            self.tree.set(slot, free.saturating_sub(now));
        }
        self.now = 0;
    }
}

struct Block {
    gap_ns: f64,
    now: u64,
    arrivals: Mwc192,
    work: Mwc192,
    waits_ns: u64,
}

impl Racer for &mut Block {
    type Output = ();

    fn run(self, tree: &mut impl Moves) {
        let (mut arrivals, mut work) = (self.arrivals.clone(), self.work.clone());
        let (mut now, mut waits_ns) = (self.now, 0);
        for _ in 0..BLOCK {
            now += (standard_exponential(&mut arrivals) * self.gap_ns) as u64;
            let start = now.max(tree.min_time());
            waits_ns += start - now;
            tree.move_on(start + (standard_exponential(&mut work) * SECOND as f64) as u64);
        }
        (self.now, self.waits_ns) = (now, waits_ns);
        (self.arrivals, self.work) = (arrivals, work);
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench measures wall time")]
fn nanos_each(job: impl FnOnce() -> u64) -> f64 {
    let begin = Instant::now();
    let requests = job();
    begin.elapsed().as_nanos() as f64 / requests as f64
}

/// Serves requests and returns how many.
type Job = Box<dyn FnMut() -> u64>;

fn floor(servers: usize) -> impl FnMut() -> u64 {
    let mut floor = Loop::new(servers);
    move || {
        floor.serve(REQUESTS);
        black_box(floor.waits_ns);
        REQUESTS
    }
}

fn sharing_floor() -> u64 {
    let sum = bare_sharing(SHARING as usize, REQUESTS);
    let mean = sum as f64 / REQUESTS as f64 / SECOND as f64;
    // Nearly every request finds a replica idle, so that hardly any shares a core.
    assert!(
        (1.0..1.01).contains(&mean),
        "{mean} s in the system: the bare loop does another job"
    );
    REQUESTS
}

fn sharing() -> Case {
    Case {
        discipline: Discipline::ProcessorSharing,
        routing: Routing::LeastOutstanding,
        ..Case::central(SHARING)
    }
}

fn station(case: Case) -> impl FnMut() -> u64 {
    let (mut station, mut now) = (case.build(), 100 * SECOND);
    move || run(&mut *station, &mut now, REQUESTS)
}

fn autoscaled_day() -> u64 {
    day(REQUESTS);
    REQUESTS
}

fn main() {
    let rounds = std::env::args().skip(1).find_map(|text| text.parse().ok());
    let mut jobs: Vec<(&str, Job)> = vec![
        ("loop_10", Box::new(floor(10))),
        ("loop_17", Box::new(floor(17))),
        ("loop_34", Box::new(floor(34))),
        ("loop_1000", Box::new(floor(1000))),
        ("loop_sharing", Box::new(sharing_floor)),
        ("station_10", Box::new(station(Case::central(10)))),
        ("station_1000", Box::new(station(Case::central(1000)))),
        ("station_sharing", Box::new(station(sharing()))),
        ("autoscaled_day", Box::new(autoscaled_day)),
    ];
    let mut nanos = vec![Vec::new(); jobs.len()];
    for round in 0..=rounds.unwrap_or(ROUNDS) {
        for ((_, job), nanos) in jobs.iter_mut().zip(&mut nanos) {
            let each = nanos_each(job);
            if round > 0 {
                nanos.push(each); // the first round warms up
            }
        }
    }
    let lines = jobs.iter().zip(&nanos).map(|((name, _), nanos)| {
        let nanos: Vec<String> = nanos.iter().map(|each| format!("{each:.3}")).collect();
        format!("\"{name}\": [{}]", nanos.join(", "))
    });
    let line = lines.collect::<Vec<_>>().join(", ");
    writeln!(std::io::stdout(), "{{{line}}}").expect("somebody reads what a bench writes");
}
