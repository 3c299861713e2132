//! A whole simulation that a bench drives.

use hookean_sim::plan::Plan;
use hookean_sim::run::{Heartbeat, RunOptions, simulate};
use hookean_sim::workload::WorkloadArrays;
use std::hint::black_box;

/// An autoscaled day: sinusoidal rate, mean work 1 s, HPA on requests per second and
/// pod every 15 s. The plan but for its counts is `day.json`.
pub(crate) fn day(requests: u64) {
    let bins = 1440;
    let turn = |bin: u64| (bin as f64 + 0.5) / bins as f64 * std::f64::consts::TAU;
    let mean = requests as f64 / bins as f64;
    let counts = (0..bins).map(|bin| mean * (1.0 + 0.8 * turn(bin).sin()));
    let arrays = WorkloadArrays {
        f64s: vec![counts.collect()],
        u64s: vec![],
    };
    let plan = Plan::from_json(include_bytes!("day.json")).expect("the plan of a bench is valid");
    let mut options = RunOptions {
        threads: 1,
        in_order: false,
        heartbeat: &mut |_, _| Heartbeat::Continue,
        policies: None,
        outlet: None,
    };
    black_box(simulate(plan, &arrays, &mut options).expect("the plan of a bench runs"));
}
