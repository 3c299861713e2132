//! One kernel, once, with a fixed seed: for a tool that counts instructions (`make instructions`), which sees a change of a
//! per cent where a clock sees noise.
//!
//!     instructions KERNEL

#[path = "support/day.rs"]
mod day;
mod support;

use day::day;
use hookean_sim::plan::{Discipline, Routing};
use support::{Case, SECOND, run};

/// Kernels by name.
const KERNELS: [(&str, fn()); 6] = [
    ("central_fifo_10", || station(Case::central(10))),
    ("central_fifo_1000", || station(Case::central(1000))),
    ("fifo_random_100", || {
        station(per_replica(Discipline::Fifo, Routing::Random));
    }),
    ("sharing_random_100", || {
        station(per_replica(Discipline::ProcessorSharing, Routing::Random));
    }),
    ("sharing_least_outstanding_100", || {
        station(per_replica(
            Discipline::ProcessorSharing,
            Routing::LeastOutstanding,
        ));
    }),
    ("autoscaled_day", || day(200_000)),
];

fn per_replica(discipline: Discipline, routing: Routing) -> Case {
    Case {
        discipline,
        routing,
        ..Case::central(100)
    }
}

fn station(case: Case) {
    run(&mut *case.build(), &mut (100 * SECOND), 200_000);
}

fn main() {
    let wanted = std::env::args().nth(1).unwrap_or_default();
    match KERNELS.iter().find(|(name, _)| *name == wanted) {
        Some((_, kernel)) => kernel(),
        // cargo runs every bench with `--bench`
        None => KERNELS.iter().for_each(|(_, kernel)| kernel()),
    }
}
