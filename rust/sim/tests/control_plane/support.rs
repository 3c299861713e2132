//! Small plans for tests of the control plane, and a way to read the tables of their runs.
#![expect(
    clippy::panic,
    reason = "a test that cannot read its result has failed"
)]

use super::outsider::Outsider;
use hookean_kernel::SimTime;
use hookean_sim::SimError;
use hookean_sim::plan::{Plan, PlanError};
use hookean_sim::record::{Column, Table};
use hookean_sim::run::{Heartbeat, RunOptions, RunOutput, simulate};
use hookean_sim::workload::WorkloadArrays;
use serde_json::{Value, json};

pub(crate) const SECOND: u64 = 1_000_000_000;
const KEEP_ALL: u64 = 1 << 53;

/// A plan in the making; `document` is its JSON.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) document: Value,
    pub(crate) arrays: WorkloadArrays,
}

/// Seconds as the nanoseconds of a plan; fractions are allowed.
pub(crate) fn ns(secs: f64) -> u64 {
    (secs * SECOND as f64).round() as u64
}

pub(crate) fn constant(secs: f64) -> Value {
    json!({"distribution": "constant", "value_ns": ns(secs)})
}

pub(crate) fn stage(name: &str, secs: f64) -> Value {
    json!({"stage": name, "duration": constant(secs)})
}

/// A service of one-core replicas that serve one request at a time.
pub(crate) fn service(name: &str, initial_replicas: u32) -> Value {
    json!({
        "name": name,
        "created_at_ns": 0,
        "work": constant(1.0),
        "classes": [],
        "replica": {
            "cpu_millicores": 1000, "memory_bytes": 1000, "concurrency": 1,
            "image_bytes": 0, "memory_idle_bytes": 0, "memory_per_request_bytes": 0,
        },
        "initial_replicas": initial_replicas,
        "warm_start": true,
        "queue": {"discipline": "fifo", "routing": "round_robin", "limit": null, "when_full": "reject", "timeout_ns": null},
        "fidelity": {"tier": "exact"},
        "slo": null,
        "startup": [],
        "warmup": [],
        "termination_grace_ns": ns(30.0),
    })
}

fn pool(name: &str, cores: u64, nodes: u32) -> Value {
    json!({
        "name": name, "instance": "test/large",
        "cpu_millicores": cores * 1000, "memory_bytes": 1_000_000,
        "allocatable_cpu_millicores": cores * 1000, "allocatable_memory_bytes": 1_000_000,
        "max_replicas": 100, "speed_ratio": 1.0, "owned": true, "nodes": nodes,
        "billing": {"nanousd_per_hour": 3_600_000_000_u64, "granularity_ns": SECOND, "minimum_ns": 60 * SECOND},
        "startup": [],
    })
}

/// Nodes of `cores` cores each, bought at time 0.
pub(crate) fn cluster(cores: u64, nodes: u32) -> Value {
    json!({"kind": "cluster", "preset": "test", "pools": [pool("general", cores, nodes)], "pull": null})
}

/// One-core machines that are ready after `boot` seconds.
pub(crate) fn fleet(boot: f64) -> Value {
    let mut pool = pool("fleet", 1, 0);
    pool["startup"] = json!([stage("boot", boot)]);
    json!({"kind": "fleet", "preset": "test", "pools": [pool]})
}

/// Sets a number of replicas, from `first` seconds on.
pub(crate) fn fixed(service: usize, replicas: u32, first: f64) -> Value {
    json!({
        "kind": "static", "service": service, "period_ns": ns(1e6), "phase_ns": ns(first),
        "metrics": {"pipeline": "ideal", "window_ns": 0}, "config": {"replicas": replicas},
    })
}

impl Scene {
    #[expect(clippy::needless_pass_by_value, reason = "scenes are written inline")]
    pub(crate) fn new(horizon: f64, platform: Value, services: Vec<Value>) -> Self {
        let document = json!({
            "plan_version": 1, "name": "test", "seed": 1, "horizon_ns": ns(horizon), "engine": "lazy",
            "services": services, "workloads": [], "calls": [], "platform": platform, "controllers": [], "node_controllers": [], "faults": [], "resizes": [],
            "record": {"series_step_ns": ns(60.0), "requests": {"keep": "off"}, "decisions": {"keep": "all"}, "latencies": false},
        });
        Self {
            document,
            arrays: WorkloadArrays::default(),
        }
    }

    pub(crate) fn controller(mut self, controller: Value) -> Self {
        self.list("controllers").push(controller);
        self
    }

    fn list(&mut self, name: &str) -> &mut Vec<Value> {
        self.document[name].as_array_mut().expect("a list")
    }

    /// Requests given as (arrival, work) in seconds.
    pub(crate) fn requests(mut self, service: usize, requests: &[(f64, f64)]) -> Self {
        let at = self.arrays.u64s.len();
        self.arrays
            .u64s
            .push(requests.iter().map(|r| ns(r.0)).collect());
        self.arrays
            .u64s
            .push(requests.iter().map(|r| ns(r.1)).collect());
        let source = json!({"source": "table", "times": at, "work": at + 1, "keep_2_53": KEEP_ALL});
        self.list("workloads")
            .push(json!({"service": service, "start_ns": 0, "source": source}));
        self
    }

    /// Poisson arrivals: `count` expected in each bin of `step` seconds.
    pub(crate) fn poisson(mut self, service: usize, counts: &[f64], step: f64) -> Self {
        let at = self.arrays.f64s.len();
        self.arrays.f64s.push(counts.into());
        let source = json!({"source": "counts", "counts": at, "step_ns": ns(step), "arrivals": "poisson", "keep_2_53": KEEP_ALL, "batch": null});
        self.list("workloads")
            .push(json!({"service": service, "start_ns": 0, "source": source}));
        self
    }

    /// A fluid load: (cores, seconds) one after the other.
    pub(crate) fn load(mut self, service: usize, steps: &[(f64, f64)]) -> Self {
        let step = |s: &(f64, f64)| json!({"millicores": (s.0 * 1000.0).round() as u64, "duration_ns": ns(s.1)});
        let steps: Vec<Value> = steps.iter().map(step).collect();
        let source = json!({"source": "load", "steps": steps, "cycle": false});
        self.list("workloads")
            .push(json!({"service": service, "start_ns": 0, "source": source}));
        self
    }

    pub(crate) fn plan(&self) -> Result<Plan, PlanError> {
        Plan::from_json(self.document.to_string().as_bytes())
    }

    pub(crate) fn run(&self) -> RunOutput {
        self.run_with(1, &mut |_, _| Heartbeat::Continue)
    }

    /// Why the plan is refused, before or at the start of a run.
    pub(crate) fn refusal(&self) -> String {
        let heartbeat = &mut |_, _| Heartbeat::Continue;
        let mut options = RunOptions {
            threads: 1,
            in_order: false,
            heartbeat,
            policies: None,
            outlet: None,
        };
        let refused = self.plan().map_err(SimError::from);
        let refused = refused.and_then(|plan| simulate(plan, &self.arrays, &mut options).map(drop));
        match refused {
            Err(SimError::Plan(error)) => error.to_string(),
            other => panic!("not refused: {other:?}"),
        }
    }

    pub(crate) fn run_with(
        &self,
        threads: usize,
        heartbeat: &mut dyn FnMut(SimTime, u64) -> Heartbeat,
    ) -> RunOutput {
        self.run_as(threads, false, heartbeat)
    }

    pub(crate) fn run_as(
        &self,
        threads: usize,
        in_order: bool,
        heartbeat: &mut dyn FnMut(SimTime, u64) -> Heartbeat,
    ) -> RunOutput {
        self.run_failing(SimTime::MAX, threads, in_order, heartbeat)
    }

    /// The same, with policies outside of the engine, if the plan has some, that fail from an instant on.
    pub(crate) fn run_failing(
        &self,
        fails_from: SimTime,
        threads: usize,
        in_order: bool,
        heartbeat: &mut dyn FnMut(SimTime, u64) -> Heartbeat,
    ) -> RunOutput {
        let plan = self.plan().expect("a sound plan");
        let mut options = RunOptions {
            threads,
            in_order,
            heartbeat,
            policies: Some(Outsider::boxed(fails_from)),
            outlet: None,
        };
        simulate(plan, &self.arrays, &mut options).expect("a sound run")
    }
}

/// Reading tables; instants and lengths are in seconds.
pub(crate) trait Read {
    fn table(&self, name: &str) -> &Table;

    fn column(&self, table: &str, name: &str) -> &Column {
        self.table(table)
            .column(name)
            .unwrap_or_else(|| panic!("{table} has no {name}"))
    }

    fn secs(&self, table: &str, name: &str) -> Vec<Option<f64>> {
        match self.column(table, name) {
            Column::Duration(rows) => rows
                .iter()
                .map(|r| r.map(|n| n as f64 / SECOND as f64))
                .collect(),
            other => panic!("{name} is {other:?}"),
        }
    }

    fn counts(&self, table: &str, name: &str) -> Vec<u64> {
        match self.column(table, name) {
            Column::U32(rows) => rows
                .iter()
                .map(|r| u64::from(r.expect("no null")))
                .collect(),
            Column::U64(rows) => rows.iter().map(|r| r.expect("no null")).collect(),
            other => panic!("{name} is {other:?}"),
        }
    }

    fn reals(&self, table: &str, name: &str) -> Vec<Option<f64>> {
        match self.column(table, name) {
            Column::F64(rows) => rows.clone(),
            other => panic!("{name} is {other:?}"),
        }
    }

    fn texts(&self, table: &str, name: &str) -> Vec<Option<String>> {
        match self.column(table, name) {
            Column::Text(rows) => rows.iter().map(|r| r.map(str::to_owned)).collect(),
            Column::Names(rows, names) => rows
                .iter()
                .map(|r| names.get(*r as usize).cloned())
                .collect(),
            other => panic!("{name} is {other:?}"),
        }
    }
}

impl Read for RunOutput {
    fn table(&self, name: &str) -> &Table {
        &self
            .tables
            .iter()
            .find(|t| t.0 == name)
            .unwrap_or_else(|| panic!("no table {name}"))
            .1
    }
}

/// (time, desired) of the decisions that changed something.
pub(crate) fn changes(output: &RunOutput) -> Vec<(f64, u64)> {
    let times = output.secs("decisions", "time");
    let (current, desired) = (
        output.counts("decisions", "current"),
        output.counts("decisions", "desired"),
    );
    let rows = times.iter().zip(current.iter().zip(&desired));
    rows.filter(|(_, (c, d))| c != d)
        .map(|(t, (_, d))| (t.expect("a time"), *d))
        .collect()
}
