//! Rows that leave a run while it goes on: the same rows as without, in parts that do not depend on threads.

use super::outsider::Outsider;
use super::run::hpa;
use super::support::{Read, Scene, cluster, constant, ns, service, stage};
use hookean_kernel::SimTime;
use hookean_sim::control::external::Failure;
use hookean_sim::record::{Column, Table};
use hookean_sim::run::{Heartbeat, Outlet, RunOptions, RunOutput, Sink, simulate};
use serde_json::{Value, json};
use std::sync::mpsc::{Sender, channel};

type Part = (&'static str, Table);

/// Passes parts on, until there have been too many.
struct Pipe {
    parts: Sender<Part>,
    left: usize,
}

impl Sink for Pipe {
    fn take(&mut self, table: &'static str, rows: Table) -> Result<(), Failure> {
        self.left = self.left.checked_sub(1).ok_or("the disk is full")?;
        Ok(self.parts.send((table, rows))?)
    }
}

impl Scene {
    fn streamed(
        &self,
        threads: usize,
        part_rows: usize,
        parts_max: usize,
    ) -> (RunOutput, Vec<Part>) {
        self.streamed_until(u64::MAX, threads, part_rows, parts_max)
    }

    fn streamed_until(
        &self,
        end_ns: u64,
        threads: usize,
        part_rows: usize,
        parts_max: usize,
    ) -> (RunOutput, Vec<Part>) {
        let (parts, received) = channel();
        let sink = Box::new(Pipe {
            parts,
            left: parts_max,
        });
        let mut options = RunOptions {
            threads,
            in_order: false,
            heartbeat: &mut |now, _| {
                if now.as_nanos() < end_ns {
                    Heartbeat::Continue
                } else {
                    Heartbeat::Stop
                }
            },
            policies: Some(Outsider::boxed(SimTime::MAX)),
            outlet: Some(Outlet::new(sink, part_rows)),
        };
        let plan = self.plan().expect("a sound plan");
        let output = simulate(plan, &self.arrays, &mut options).expect("a sound run");
        drop(options);
        (output, received.iter().collect())
    }
}

/// Two services with an autoscaler each and one that the first calls, with classes, retries and a kept log.
fn busy(requests: &Value) -> Scene {
    let services = ["a", "b", "c"].iter().map(|name| {
        let mut one = service(name, 2);
        one["work"] = json!({"distribution": "exponential", "mean_ns": ns(0.3)});
        one["startup"] = json!([stage("init", 3.0)]);
        one["queue"]["timeout_ns"] = json!(ns(2.0));
        one["classes"] = json!([
            {"name": "gold", "share": 0.25, "level": 0, "work_factor": 1.0},
            {"name": "rest", "share": 0.75, "level": 1, "work_factor": 1.0},
        ]);
        one
    });
    let counts: Vec<f64> = (0..20).map(|bin| f64::from(bin * 7 % 20) * 40.0).collect();
    let mut scene = Scene::new(1190.0, cluster(8, 3), services.collect())
        .poisson(0, &counts, 60.0)
        .poisson(1, &counts, 60.0)
        .controller(hpa(0))
        .controller(hpa(1))
        .calls(vec![
            json!({"service": 0, "to": [2], "probability": 0.5, "copies": 1, "hold": false, "delay": constant(0.0),
            "wait_for": {"wait": "all"}, "deadline_ns": null, "retry": null}),
        ]);
    scene.document["record"] = json!({"series_step_ns": ns(7.0), "requests": requests, "decisions": {"keep": "all"}, "latencies": true});
    scene
}

/// The rows of a table as text, in order.
fn rows(table: &Table) -> Vec<String> {
    let columns: Vec<Vec<String>> = table.columns.iter().map(|(_, c)| cells(c)).collect();
    let height = columns.first().map_or(0, Vec::len);
    (0..height)
        .map(|at| {
            columns
                .iter()
                .map(|c| c[at].as_str())
                .collect::<Vec<_>>()
                .join("|")
        })
        .collect()
}

fn cells(column: &Column) -> Vec<String> {
    fn shown<T: std::fmt::Debug>(values: &[T]) -> Vec<String> {
        values.iter().map(|v| format!("{v:?}")).collect()
    }
    match column {
        Column::Duration(values) | Column::U64(values) => shown(values),
        Column::U32(values) => shown(values),
        Column::F64(values) => shown(values),
        Column::Text(strings) => shown(&strings.iter().collect::<Vec<_>>()),
        Column::Names(rows, names) => {
            let names = rows.iter().map(|row| names.get(*row as usize));
            shown(&names.collect::<Vec<_>>())
        }
    }
}

fn of<'a>(parts: &'a [Part], table: &str) -> Vec<&'a Table> {
    let parts = parts.iter().filter(|(name, _)| *name == table);
    parts.map(|(_, part)| part).collect()
}

const STREAMED: [&str; 3] = ["series", "decisions", "requests"];

/// Runs a scene with an outlet; its parts hold the rows of the `whole` run in memory.
pub(super) fn assert_same_rows(
    scene: &Scene,
    whole: &RunOutput,
    part_rows: usize,
) -> (RunOutput, Vec<Part>) {
    let (output, parts) = scene.streamed(1, part_rows, usize::MAX);
    assert_eq!((&output.digest, output.interrupted), (&whole.digest, false));
    for name in STREAMED {
        let tables = of(&parts, name);
        let mut found: Vec<String> = tables.iter().flat_map(|t| rows(t)).collect();
        let mut wanted = rows(whole.table(name));
        if name == "requests" && part_rows < 1_000_000 {
            found.sort();
            wanted.sort();
        }
        assert_eq!(found, wanted, "{name} in parts of {part_rows}");
    }
    (output, parts)
}

#[test]
fn parts_hold_the_same_rows_as_tables_in_memory_however_large_they_are() {
    for requests in [
        json!({"keep": "full"}),
        json!({"keep": "sampled", "one_in": 3}),
    ] {
        // The second time the first service waits for the answers of the third.
        let (mut scene, hold) = (busy(&requests), requests["keep"] == json!("sampled"));
        scene.document["calls"][0]["hold"] = json!(hold);
        let whole = scene.run();
        for part_rows in [1, 50, 700, 1_000_000] {
            let (output, parts) = assert_same_rows(&scene, &whole, part_rows);
            for name in STREAMED {
                let (tables, wanted) = (of(&parts, name), rows(whole.table(name)));
                assert!(wanted.len() > 100, "{name} has {} rows", wanted.len());
                assert!(tables.len() > 1 || wanted.len() < 2 * part_rows, "{name}");
                assert!(tables.len() == 1 || wanted.len() > part_rows, "{name}");
            }
            let rest = whole.tables.iter();
            let rest: Vec<_> = rest.filter(|(name, _)| !STREAMED.contains(name)).collect();
            let tables: Vec<_> = output.tables.iter().collect();
            assert_eq!(tables, rest, "the other tables");
        }
    }
}

#[test]
fn requests_come_as_they_end_and_no_part_is_larger_than_asked_for() {
    let (_, parts) = busy(&json!({"keep": "full"})).streamed(1, 1000, usize::MAX);
    let ends: Vec<Vec<u64>> = of(&parts, "requests")
        .iter()
        .map(|part| match part.column("end") {
            Some(Column::Duration(ends)) => ends.iter().map(|e| e.unwrap_or(u64::MAX)).collect(),
            other => panic!("end is {other:?}"),
        })
        .collect();
    assert!(ends.len() > 10, "{} parts", ends.len());
    assert!(ends.iter().all(|part| (1..=1000).contains(&part.len())));
    // A minute of this load, after which requests are handed over at the latest, makes no more than three parts.
    for (part, later) in ends.iter().zip(&ends[3..]) {
        assert!(part.iter().max() <= later.iter().min());
    }
}

#[test]
fn parts_are_the_same_for_any_number_of_threads() {
    for hold in [false, true] {
        let mut scene = busy(&json!({"keep": "full"}));
        scene.document["calls"][0]["hold"] = json!(hold);
        let (_, one) = scene.streamed(1, 300, usize::MAX);
        for threads in [2, 3] {
            let (_, more) = scene.streamed(threads, 300, usize::MAX);
            assert_eq!(one, more);
        }
    }
}

#[test]
fn a_table_without_rows_comes_once() {
    let mut scene = busy(&json!({"keep": "full"}));
    scene.document["horizon_ns"] = json!(1);
    scene.document["controllers"] = json!([]);
    let (output, parts) = scene.streamed(1, 300, usize::MAX);
    for name in ["decisions", "requests"] {
        assert_eq!(of(&parts, name).len(), 1, "{name}");
        assert_eq!(rows(of(&parts, name)[0]).len(), 0, "{name}");
    }
    assert!(output.failure.is_none());
    scene.document["record"]["requests"] = json!({"keep": "off"});
    let (_, parts) = scene.streamed(1, 300, usize::MAX);
    assert_eq!(of(&parts, "requests").len(), 0);
}

#[test]
fn a_stopped_run_hands_over_what_there_was() {
    let scene = busy(&json!({"keep": "full"}));
    let (output, parts) = scene.streamed_until(ns(300.0), 1, 300, usize::MAX);
    assert!(output.interrupted && output.failure.is_none());
    let arrivals: u64 = output.counts("summary", "arrivals").iter().sum();
    let logged: usize = of(&parts, "requests").iter().map(|t| rows(t).len()).sum();
    assert_eq!(logged as u64, arrivals);
}

#[test]
fn an_outlet_that_fails_ends_the_run_and_is_left_alone() {
    let scene = busy(&json!({"keep": "full"}));
    for taken in [0, 1, 5] {
        let (output, parts) = scene.streamed(1, 300, taken);
        let failure = output.failure.as_ref().expect("a failure").to_string();
        assert_eq!(failure, "the disk is full");
        assert!(output.interrupted);
        assert_eq!(parts.len(), taken);
        assert!(output.end.as_nanos() < ns(1190.0), "it ends early");
    }
}
