//! The tables of replicas and nodes.

use super::Table;
use crate::cost::{billed, price_nanousd};
use crate::platform::{Node, Platform};
use crate::replica::{Ending, Replica, ReplicaState, Replicas, STAGES};
use hookean_kernel::{SimDuration, SimTime};

const NANOUSD_PER_USD: f64 = 1e9;

/// The `replicas` table: `replicas` holds every replica of each service, in the order of services and their names.
pub(crate) fn replicas_table(names: &[String], replicas: &[Replicas], end: SimTime) -> Table {
    let owners = replicas
        .iter()
        .enumerate()
        .flat_map(|(s, of)| std::iter::repeat_n(s as u32, of.len()))
        .collect();
    // Each column looks at all of them anew: most are packed, and would take much room together.
    let all = || replicas.iter().flat_map(Replicas::iter);
    let mut table = Table::default();
    table.u32s("replica", all().map(|r| Some(r.id.0)));
    table.names("service", owners, names);
    table.u32s("node", all().map(|r| r.node.map(|n| n.0)));
    table.times("created", all().map(|r| Some(r.created)));
    table.times("placed", all().map(|r| r.placed));
    table.times("ready", all().map(|r| r.first_ready));
    table.times("drained", all().map(|r| r.drained));
    table.times("ended", all().map(|r| r.ended));
    for (index, stage) in STAGES.iter().enumerate() {
        table.durations(stage, all().map(|r| r.stage_by(index, end)));
    }
    table.u64s("completed", all().map(|r| Some(r.last_reading.completed)));
    table.u32s("restarts", all().map(|r| Some(r.restarts)));
    table.f64s(
        "cpu_core_seconds",
        all().map(|r| Some(r.last_reading.cpu_core_ns / 1e9)),
    );
    table.u64s(
        "throttled_periods",
        all().map(|r| Some(r.last_reading.throttled_periods)),
    );
    table.durations(
        "throttled",
        all().map(|r| Some(SimDuration::from_nanos(r.last_reading.throttled_ns))),
    );
    table.texts("outcome", all().map(|r| Some(outcome(&r))));
    table.texts("reason", all().map(|r| reason(&r).map(str::to_owned)));
    table
}

fn outcome(replica: &Replica) -> &'static str {
    match (replica.state, replica.ending) {
        (ReplicaState::Pending, _) => "pending",
        (ReplicaState::Starting, _) => "starting",
        (_, Some(Ending::Drained)) => "drained",
        (_, Some(Ending::Killed)) => "killed",
        (_, Some(Ending::Failed)) => "failed",
        (_, Some(Ending::Cancelled)) => "cancelled",
        (ReplicaState::Ready | ReplicaState::Draining | ReplicaState::Ended, None) => "ready",
    }
}

fn reason(replica: &Replica) -> Option<&str> {
    let still = match replica.state {
        ReplicaState::Starting => Some("still starting at the end"),
        ReplicaState::Draining => Some("still draining at the end"),
        ReplicaState::Pending | ReplicaState::Ready | ReplicaState::Ended => None,
    };
    replica.reason.as_deref().or(still)
}

/// Billed time and price of a node whose run ended at `end`.
pub(crate) fn bill(platform: &Platform, node: &Node, end: SimTime) -> (SimDuration, u128) {
    let rule = &platform.pools()[node.pool].billing;
    let time = billed(
        rule,
        node.ended.unwrap_or(end).saturating_since(node.bought),
    );
    (time, price_nanousd(rule, time))
}

/// The `nodes` table.
pub(crate) fn nodes_table(platform: &Platform, end: SimTime) -> Table {
    let nodes = platform.nodes();
    let pools = platform.pools();
    let cores = |millicores: u64| Some(millicores as f64 / 1000.0);
    let bills: Vec<(SimDuration, u128)> = nodes.iter().map(|n| bill(platform, n, end)).collect();
    let mut table = Table::default();
    table.u32s("node", (0..nodes.len()).map(|i| Some(i as u32)));
    table.texts(
        "pool",
        nodes.iter().map(|n| Some(pools[n.pool].name.as_str())),
    );
    table.texts(
        "instance",
        nodes.iter().map(|n| Some(pools[n.pool].instance.as_str())),
    );
    table.times("bought", nodes.iter().map(|n| Some(n.bought)));
    table.times(
        "ready",
        nodes
            .iter()
            .map(|n| n.ready.filter(|at| *at <= n.ended.unwrap_or(end))),
    );
    table.times("drained", nodes.iter().map(|n| n.drained));
    table.times("ended", nodes.iter().map(|n| n.ended));
    table.f64s(
        "cpu_cores",
        nodes.iter().map(|n| cores(pools[n.pool].cpu_millicores)),
    );
    table.u64s(
        "memory_bytes",
        nodes.iter().map(|n| Some(pools[n.pool].memory_bytes)),
    );
    table.f64s(
        "allocatable_cpu_cores",
        nodes
            .iter()
            .map(|n| cores(n.resources.allocatable_cpu_millicores)),
    );
    table.u64s(
        "allocatable_memory_bytes",
        nodes
            .iter()
            .map(|n| Some(n.resources.allocatable_memory_bytes)),
    );
    table.u32s("failures", nodes.iter().map(|n| Some(n.failures)));
    table.u32s("replicas_max", nodes.iter().map(|n| Some(n.replicas_max)));
    table.f64s(
        "cpu_requested_ratio",
        nodes.iter().map(|n| requested_ratio(n, end)),
    );
    table.durations("billed", bills.iter().map(|b| Some(b.0)));
    table.f64s(
        "cost_usd",
        bills.iter().map(|b| Some(b.1 as f64 / NANOUSD_PER_USD)),
    );
    table
}

fn requested_ratio(node: &Node, end: SimTime) -> Option<f64> {
    let mean = node.cpu_requested.mean(node.ended.unwrap_or(end))?;
    let allocatable = node.resources.allocatable_cpu_millicores;
    (allocatable > 0).then(|| mean / allocatable as f64)
}
