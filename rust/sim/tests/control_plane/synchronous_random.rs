//! Random graphs of synchronous and asynchronous calls, in the engine and in the model beside it.
//!
//! `HOOKEAN_EXACTNESS_CASES` sets how many are tried (default 150). Where the CPU is shared they are the same every time: the
//! model does not round there as the engine does, and among very many cases some do two things at almost one instant.

use super::calls::{call, scene};
use super::support::{Read, Scene, constant, ns};
use super::synchronous_model::{Attempt, BACKOFF, Entry, Model, SERVICES, Service, State};
use super::triggers::thresholds;
use hookean_sim::run::RunOutput;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

#[derive(Debug, Clone)]
struct Drawn {
    services: Vec<Service>,
    entries: Vec<Entry>,
}

fn service(shared: bool) -> impl Strategy<Value = Service> {
    let outside = prop::collection::vec((0..6_000_000_000_u64, 1..900_000_000_u64), 0..14);
    let patience = prop::option::weighted(0.3, 500_000_000..2_500_000_000_u64);
    let cores = prop::option::of(1..3_u32);
    (
        cores,
        1..4_usize,
        prop::option::of(0..4_usize),
        patience,
        50_000_000..700_000_000_u64,
        outside,
        (1..3_u32, deadline()),
    )
        .prop_map(
            move |(cores, places, limit, patience, work, mut outside, (attempts, deadline))| {
                outside.sort_unstable();
                outside.dedup_by_key(|row| row.0);
                Service {
                    shared_cores: cores.filter(|_| shared),
                    places: if shared && cores.is_some() {
                        places + 2
                    } else {
                        places
                    },
                    limit,
                    patience,
                    deadline,
                    work,
                    outside,
                    attempts,
                    levels: None,
                }
            },
        )
}

fn entry() -> impl Strategy<Value = Entry> {
    (
        0..SERVICES - 1,
        1..8_usize,
        1..3_usize,
        prop::bool::weighted(0.7),
        0..5_usize,
        1..300_000_000_u64,
        (1..4_u32, deadline()),
    )
        .prop_map(
            |(from, bits, copies, hold, needed, delay, (attempts, deadline))| {
                let later = from + 1..SERVICES;
                let to: Vec<usize> = later
                    .clone()
                    .filter(|at| bits >> (at - 1) & 1 == 1)
                    .collect();
                let to = if to.is_empty() { vec![from + 1] } else { to };
                let calls = to.len() * copies;
                let needed = if needed > 3 {
                    calls
                } else {
                    needed.clamp(usize::from(hold), calls)
                };
                Entry {
                    from,
                    to,
                    copies,
                    hold,
                    needed,
                    delay,
                    attempts,
                    deadline,
                }
            },
        )
}

/// From a first arrival; about as long as a request takes.
fn deadline() -> impl Strategy<Value = Option<u64>> {
    prop::option::weighted(0.3, 100_000_000..2_000_000_000_u64)
}

fn drawn(shared: bool) -> impl Strategy<Value = Drawn> {
    let services = prop::collection::vec(service(shared), SERVICES);
    (services, prop::collection::vec(entry(), 1..5)).prop_map(|(mut services, mut entries)| {
        entries.sort_by_key(|entry| entry.from);
        if services[0].outside.is_empty() {
            services[0].outside.push((1, 1_000_000));
        }
        Drawn { services, entries }
    })
}

fn retry(attempts: u32) -> Value {
    if attempts < 2 {
        return Value::Null;
    }
    json!({
        "after_rejected": true, "after_timed_out": true, "after_lost": true, "after_unanswered": true,
        "attempts_max": attempts, "budget": null,
        "backoff": {"initial_ns": BACKOFF, "factor": 2.0, "maximum_ns": BACKOFF << 20, "jitter": "none"},
    })
}

impl Drawn {
    fn scene(&self) -> Scene {
        let mut scene = scene(10_000.0, &[1; SERVICES]).logged();
        for (at, of) in self.services.iter().enumerate() {
            let service = &mut scene.document["services"][at];
            service["work"] = constant(of.work as f64 / 1e9);
            let (discipline, cores) = match of.shared_cores {
                Some(cores) => ("processor_sharing", cores),
                None => ("central_fifo", of.places as u32),
            };
            service["queue"]["discipline"] = json!(discipline);
            service["queue"]["limit"] = json!(of.limit);
            service["queue"]["total_timeout_ns"] = json!(of.patience);
            service["replica"]["cpu_millicores"] = json!(cores * 1000);
            service["replica"]["concurrency"] = json!(of.places);
            if let Some((up, down)) = &of.levels {
                service["initial_replicas"] = json!(of.places);
                service["replica"]["cpu_millicores"] = json!(1000);
                service["replica"]["concurrency"] = json!(1);
                service["termination_grace_ns"] = json!(ns(100_000.0));
                let [up, down] =
                    [up, down].map(|levels| levels.iter().map(|n| *n as u64).collect());
                let [up, down]: [Vec<u64>; 2] = [up, down];
                scene = scene.controller(thresholds(at, of.places as u32, &up, &down));
            }
            if of.outside.is_empty() {
                continue;
            }
            scene = scene.requests(at, &[]);
            let arrays = &mut scene.arrays.u64s;
            let rows = arrays.len();
            arrays[rows - 2] = of.outside.iter().map(|row| row.0).collect();
            arrays[rows - 1] = of.outside.iter().map(|row| row.1).collect();
            let workloads = scene.document["workloads"].as_array_mut();
            let workload = workloads
                .and_then(|all| all.last_mut())
                .expect("a workload");
            workload["retry"] = retry(of.attempts);
            workload["deadline_ns"] = json!(of.deadline);
        }
        let calls = self.entries.iter().map(|entry| {
            let mut call = call(entry.from, &entry.to);
            call["hold"] = json!(entry.hold);
            call["copies"] = json!(entry.copies);
            call["delay"] = constant(entry.delay as f64 / 1e9);
            call["retry"] = retry(entry.attempts);
            call["deadline_ns"] = json!(entry.deadline);
            call["wait_for"] = match entry.needed {
                0 => json!({"wait": "nothing"}),
                count => json!({"wait": "some", "count": count}),
            };
            call
        });
        scene.calls(calls.collect())
    }
}

/// Arrival, start and end in nanoseconds, and outcome.
type Row = (u64, Option<u64>, u64, String);

fn of_engine(output: &RunOutput, service: usize) -> Vec<Row> {
    let names = ["a", "b", "c", "d"];
    let owners = output.texts("requests", "service");
    let [arrivals, starts, ends] =
        ["arrival", "start", "end"].map(|name| output.secs("requests", name));
    let outcomes = output.texts("requests", "outcome");
    let nanos = |secs: f64| (secs * 1e9).round() as u64;
    let rows = (0..owners.len()).filter(|row| owners[*row].as_deref() == Some(names[service]));
    let mut rows: Vec<Row> = rows
        .map(|row| {
            let end = ends[row].expect("the horizon is far");
            let outcome = outcomes[row].clone().expect("an outcome");
            (
                nanos(arrivals[row].expect("it arrived")),
                starts[row].map(nanos),
                nanos(end),
                outcome,
            )
        })
        .collect();
    rows.sort();
    rows
}

fn of_model(attempts: &[Attempt], service: usize) -> Vec<Row> {
    let of_service = attempts.iter().filter(|attempt| attempt.service == service);
    let mut rows: Vec<Row> = of_service
        .map(|attempt| {
            let outcome = match attempt.state {
                State::Completed => "completed",
                State::Failed(outcome) => outcome,
                other => unreachable!("{other:?} at the end"),
            };
            let start = attempt.start.map(|start| start.round() as u64);
            (
                attempt.arrival,
                start,
                attempt.end.round() as u64,
                outcome.to_owned(),
            )
        })
        .collect();
    rows.sort();
    rows
}

fn compare(drawn: &Drawn, tolerance: u64) -> Result<(), TestCaseError> {
    let output = drawn.scene().run();
    let attempts = Model::run(&drawn.services, &drawn.entries);
    for service in 0..SERVICES {
        let (found, expected) = (of_engine(&output, service), of_model(&attempts, service));
        prop_assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            let near = |a: u64, b: u64| a.abs_diff(b) <= tolerance;
            let starts = match (found.1, expected.1) {
                (Some(a), Some(b)) => near(a, b),
                (a, b) => a == b,
            };
            let same = near(found.0, expected.0)
                && starts
                && near(found.2, expected.2)
                && found.3 == expected.3;
            prop_assert!(
                same,
                "service {}: {:?}, expected {:?}",
                service,
                found,
                expected
            );
        }
        // Whoever was served to the end of its work has used that much CPU, and no more while it was held.
        let of = &drawn.services[service];
        let entries = drawn.entries.iter();
        let mut calls = entries.filter(|entry| entry.to.contains(&service));
        let dated = of.deadline.is_some() || calls.any(|entry| entry.deadline.is_some());
        let one_each = drawn.services.iter().all(|of| of.levels.is_none());
        if of.patience.is_none() && !dated && one_each {
            let served = attempts
                .iter()
                .filter(|at| at.service == service && at.start.is_some());
            let work: f64 = served.map(|at| at.work as f64 / 1e9).sum();
            let used = output.reals("replicas", "cpu_core_seconds")[service].expect("a number");
            prop_assert!(
                (used - work).abs() < 1e-6 * work.max(1.0),
                "{} core-s used of {}",
                used,
                work
            );
        }
    }
    Ok(())
}

fn cases() -> u32 {
    let cases = std::env::var("HOOKEAN_EXACTNESS_CASES").ok();
    cases.and_then(|n| n.parse().ok()).unwrap_or(150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn prop_places_are_held_as_in_the_model_to_the_nanosecond(drawn in drawn(false)) {
        compare(&drawn, 0)?;
    }
}

/// Levels that ascend one by one, so that one place comes at a time; those down below those up.
fn levels() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    let steps = prop::collection::vec(1..4_usize, 1..4);
    (steps, 0..3_usize).prop_map(|(steps, gap)| {
        let up = steps.iter().scan(0, |level, step| {
            *level += step;
            Some(*level - 1)
        });
        let up: Vec<usize> = up.collect();
        let down = up.iter().map(|level| level.saturating_sub(gap)).collect();
        (up, down)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Of several requests that leave one service at an instant all leave before the controller acts, which the model does
    /// not know, so there are no copies here.
    #[test]
    fn prop_places_come_and_go_as_in_the_model_to_the_nanosecond(
        drawn in drawn(false),
        levels in prop::collection::vec(prop::option::of(levels()), SERVICES),
    ) {
        let single = |entry: Entry| Entry { copies: 1, needed: entry.needed.min(entry.to.len()), ..entry };
        let entries = drawn.entries.into_iter().map(single).collect();
        let services = drawn.services.into_iter().zip(levels);
        let services = services.map(|(service, levels)| Service { levels, ..service }).collect();
        compare(&Drawn { services, entries }, 0)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    /// The model does not round at every departure as the engine does, so nothing should happen twice at one instant here.
    #[test]
    fn prop_places_are_held_as_in_the_model_where_the_cpu_is_shared(drawn in drawn(true)) {
        let single = |entry: Entry| Entry {
            copies: 1,
            attempts: 1,
            deadline: None,
            needed: entry.needed.min(entry.to.len()),
            ..entry
        };
        let entries = drawn.entries.into_iter().map(single).collect();
        let patient = |service: Service| Service {
            patience: service.patience.filter(|_| service.shared_cores.is_none()),
            attempts: 1,
            deadline: None,
            ..service
        };
        let services = drawn.services.into_iter().map(patient).collect();
        compare(&Drawn { services, entries }, 10_000)?;
    }
}
