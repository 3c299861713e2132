//! Conservation checks at the end of every run. A failure is a bug of the engine.

use super::world::World;
use crate::error::SimError;
use crate::record;
use crate::replica::ReplicaState;
use hookean_kernel::SimTime;

/// A check and what it compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Name of the check.
    pub check: &'static str,
    /// The figures that agree.
    pub detail: String,
}

type Checked = Result<Check, SimError>;

fn holds(check: &'static str, agrees: bool, detail: String) -> Checked {
    if agrees {
        Ok(Check { check, detail })
    } else {
        Err(SimError::Broken { check, detail })
    }
}

/// Runs every check; `bill_nanousd` is the sum over the rows of the nodes table.
pub(super) fn all(world: &World, end: SimTime, bill_nanousd: u64) -> Result<Vec<Check>, SimError> {
    let checks = [
        requests(world, end),
        series(world),
        latencies(world),
        replicas(world),
        capacity(world),
        bills(world, end, bill_nanousd),
    ];
    checks.into_iter().collect()
}

/// Arrivals = completed + rejected + timed out + lost + in the system.
fn requests(world: &World, end: SimTime) -> Checked {
    let (mut arrivals, mut agrees, mut off) = (0, true, String::new());
    for (index, station) in world.stations.iter().enumerate() {
        let c = station.ledger().counts();
        let ended = c.completed + c.rejected + c.timed_out + c.lost;
        let inside = station.in_system(end);
        arrivals += c.arrivals;
        if c.arrivals != ended + inside {
            agrees = false;
            off = format!(
                " (`{}`: {} arrived, {ended} ended, {inside} inside)",
                world.plan.services[index].name, c.arrivals
            );
        }
    }
    holds(
        "requests are conserved",
        agrees,
        format!(
            "{arrivals} arrivals = completed + rejected + timed out + lost + in the system{off}"
        ),
    )
}

/// The rows of the series add up to the totals.
fn series(world: &World) -> Checked {
    let of = |i: usize| world.series.total(i) == world.stations[i].ledger().counts();
    let agrees = (0..world.stations.len()).all(of);
    holds(
        "the series adds up",
        agrees,
        "sums of the series' intervals = totals".into(),
    )
}

/// Every completed request has a latency.
fn latencies(world: &World) -> Checked {
    let of = |(c, h): (u64, u64)| c == h;
    let agrees = world
        .stations
        .iter()
        .map(|s| (s.ledger().counts().completed, s.ledger().latency().count()))
        .all(of);
    holds(
        "every completion has a latency",
        agrees,
        "completed requests = latencies in the histogram".into(),
    )
}

/// Every replica became ready, or has a reason why not; states and counts agree.
fn replicas(world: &World) -> Checked {
    let (mut created, mut ready, mut excused, mut agrees) = (0u64, 0u64, 0u64, true);
    for service in &world.services {
        for replica in &service.replicas {
            created += 1;
            let served = replica.is_serving()
                || (replica.state == ReplicaState::Ended && replica.drained.is_some());
            ready += u64::from(served);
            excused += u64::from(
                !served && (replica.reason.is_some() || replica.state == ReplicaState::Starting),
            );
        }
        agrees &= service.live.len() as u32 == service.wanted() + service.counts.draining;
    }
    agrees &= created == ready + excused;
    holds(
        "every scale-up is accounted for",
        agrees,
        format!("{created} replicas = {ready} that became ready + {excused} with a reason why not"),
    )
}

/// What nodes have given away is what their replicas hold, and within capacity.
fn capacity(world: &World) -> Checked {
    let mut held = vec![(0u64, 0u64, 0u32); world.platform.nodes().len()];
    for (service, plan) in world.services.iter().zip(&world.plan.services) {
        for node in service.live.iter().filter_map(|id| service.get(*id).node) {
            let of = &mut held[node.index()];
            *of = (
                of.0 + plan.replica.cpu_millicores,
                of.1 + plan.replica.memory_bytes,
                of.2 + 1,
            );
        }
    }
    let agrees = world
        .platform
        .nodes()
        .iter()
        .zip(&held)
        .all(|(node, (cpu, memory, replicas))| {
            let r = &node.resources;
            let same = (r.used_cpu_millicores, r.used_memory_bytes, r.replicas)
                == (*cpu, *memory, *replicas);
            same && *cpu <= r.allocatable_cpu_millicores
                && *memory <= r.allocatable_memory_bytes
                && *replicas <= r.max_replicas
        });
    holds(
        "no node is overfull",
        agrees,
        format!(
            "{} nodes hold what their replicas request, within capacity",
            held.len()
        ),
    )
}

/// The bill is the sum of billed intervals, and no interval is billed shorter than it was.
fn bills(world: &World, end: SimTime, bill_nanousd: u64) -> Checked {
    let (mut sum, mut agrees) = (0u64, true);
    for node in world.platform.nodes() {
        let (billed, price) = record::bill(&world.platform, node, end);
        agrees &= billed >= node.ended.unwrap_or(end).saturating_since(node.bought);
        sum += price;
    }
    agrees &= sum == bill_nanousd;
    holds(
        "cost is the sum of billed intervals",
        agrees,
        format!(
            "{} nano-USD over {} nodes",
            sum,
            world.platform.nodes().len()
        ),
    )
}
