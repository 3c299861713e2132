//! Conservation checks at the end of every run. A failure is a bug of the engine.
//!
//! Each compares two records that are kept apart: the books of the stations, the control plane's records of replicas, and
//! the platform's records of nodes.

mod nodes;
#[cfg(test)]
pub(super) mod tests;

use super::graph::Graph;
use super::world::World;
use crate::error::SimError;
use crate::plan::ReplicaPlan;
use crate::record::{self, ServiceTotals};
use crate::replica::{Ending, Replica, ReplicaState};
use crate::station::{ClassBook, Counts};
use hookean_kernel::{SimDuration, SimTime};
use std::borrow::Cow;

/// How far sums of floating-point numbers may differ that are added up in different orders.
const ROUNDING: f64 = 1e-9;

/// A check and what it compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Name of the check.
    pub check: &'static str,
    /// The figures that agree.
    pub detail: String,
}

type Checked = Result<Check, SimError>;

/// Passes unless some entity is `off`.
fn holds(check: &'static str, off: Option<String>, detail: String) -> Checked {
    match off {
        None => Ok(Check { check, detail }),
        Some(off) => Err(SimError::Broken {
            check,
            detail: format!("{detail}; but {off}"),
        }),
    }
}

/// Runs every check at the end of the run; `bill_nanousd` is the sum over the rows of the nodes table.
pub(super) fn all(
    world: &World,
    bill_nanousd: u128,
    totals: &[ServiceTotals],
) -> Result<Vec<Check>, SimError> {
    let checks = [
        attempts(world),
        requests(world),
        clients(world),
        classes(world),
        series(world),
        latencies(world),
        work_of_replicas(world),
        cpu(world, totals),
        replicas(world),
        startups(world),
        nodes::capacity(world),
        nodes::lives(world),
        bills(world, bill_nanousd, totals),
    ];
    let of_pools = (!world.node_loops.is_empty()).then(|| nodes::pools(world));
    let of_faults = (!world.plan.faults.is_empty()).then(|| faults(world));
    let of_calls = world
        .graph
        .as_ref()
        .map(|graph| critical_paths(world, graph));
    let joined = world
        .graph
        .as_ref()
        .filter(|graph| graph.joined().count() > 0);
    let of_joined = joined.map(|graph| held(world, graph));
    let checks = checks.into_iter().chain(of_pools).chain(of_faults);
    checks.chain(of_calls).chain(of_joined).collect()
}

fn name(world: &World, service: usize) -> &str {
    &world.plan.services[service].name
}

/// The first service for which `problem` finds something.
fn first(world: &World, problem: impl Fn(usize) -> Option<String>) -> Option<String> {
    let found =
        |service| problem(service).map(|text| format!("`{}` has {text}", name(world, service)));
    (0..world.services.len()).find_map(found)
}

/// Arrivals = completed + rejected + timed out + expired + lost + unanswered + in the system.
fn attempts(world: &World) -> Checked {
    let arrivals = world.requests_seen();
    let off = first(world, |service| {
        let station = &world.stations[service];
        let (counts, inside) = (station.ledger().counts(), station.in_system(world.now));
        let (arrived, ended) = (counts.arrivals, counts.ended());
        (arrived != ended + inside)
            .then(|| format!("{arrived} arrived, {ended} ended, {inside} inside"))
    });
    let detail = format!(
        "{arrivals} arrivals = completed + rejected + timed out + expired + lost + unanswered + in the system"
    );
    holds("arrivals are conserved", off, detail)
}

/// Requests that were sent = completed + given up + in the system + waiting to be tried again.
fn requests(world: &World) -> Checked {
    let sent = |service: usize| {
        let counts = world.stations[service].ledger().counts();
        counts.arrivals - counts.retries
    };
    let off = first(world, |service| {
        let (station, sent) = (&world.stations[service], sent(service));
        let (counts, inside) = (station.ledger().counts(), station.in_system(world.now));
        let ended = counts.completed + counts.given_up;
        let back = station.ledger().backing_off();
        (sent != ended + inside + back)
            .then(|| format!("{sent} sent, {ended} ended, {inside} inside, {back} backing off"))
    });
    let sum: u64 = (0..world.services.len()).map(sent).sum();
    let detail = format!("{sum} requests = completed + given up + in the system + backing off");
    holds("requests are conserved", off, detail)
}

/// Every client of a closed loop thinks, waits for its request, or has stopped.
fn clients(world: &World) -> Checked {
    let of = |service: usize| world.stations[service].ledger().clients();
    let off = first(world, |service| {
        let c = of(service)?;
        (c.count != c.thinking + c.waiting + c.gone).then(|| format!("{c:?}"))
    });
    let count: u64 = (0..world.services.len())
        .filter_map(of)
        .map(|c| c.count)
        .sum();
    let detail = format!("{count} clients = thinking + waiting for a request + gone");
    holds("clients are conserved", off, detail)
}

/// The classes of each service's requests add up to all of them.
fn classes(world: &World) -> Checked {
    let mut count = 0;
    let mut off = None;
    for (service, station) in world.stations.iter().enumerate() {
        let ledger = station.ledger();
        let Some((_, books)) = ledger.classes() else {
            continue;
        };
        count += books.len();
        let of_classes = books.iter().map(ClassBook::counts);
        let of_classes = of_classes.fold(Counts::default(), Counts::plus);
        let ends = |c: Counts| {
            let failed = (c.rejected, c.timed_out, c.expired, c.lost, c.unanswered);
            (c.arrivals, c.completed, failed)
        };
        if ends(of_classes) != ends(ledger.counts()) {
            off = Some(format!(
                "those of `{}` make {of_classes:?}, not {:?}",
                name(world, service),
                ledger.counts()
            ));
        }
    }
    holds(
        "classes add up",
        off,
        format!("{count} classes of requests"),
    )
}

/// The times on the critical paths of answered requests are their latencies from end to end.
fn critical_paths(world: &World, graph: &Graph) -> Checked {
    let off = graph.heads().find(|(_, book)| !book.adds_up());
    let off = off.map(|(service, book)| format!("`{}` has {book:?}", name(world, service)));
    let answered: u64 = graph.heads().map(|(_, book)| book.latency.count()).sum();
    let detail = format!("{answered} latencies = times in services + times between them");
    holds("critical paths add up", off, detail)
}

/// Every request that holds its place for synchronous calls waits for an answer.
fn held(world: &World, graph: &Graph) -> Checked {
    let (mut sum, mut off) = (0, None);
    for unit in graph.joined() {
        let stations = unit
            .services()
            .iter()
            .map(|of| (*of, world.stations[*of].joined()));
        let stations: Vec<_> = stations.filter_map(|(of, at)| Some((of, at?))).collect();
        // What control calls have done at the very end has not been heard of.
        for (service, station) in stations {
            let (held, waiting) = (station.held(), unit.held(service));
            sum += held;
            if held != waiting && !station.has_news() {
                let name = name(world, service);
                off = Some(format!("`{name}` holds {held}, of which {waiting} wait"));
            }
        }
    }
    let detail = format!("{sum} requests are held = {sum} wait for answers");
    holds("held requests wait for answers", off, detail)
}

/// The rows of the series add up to the totals.
fn series(world: &World) -> Checked {
    let off = first(world, |service| {
        let total = world.stations[service].ledger().counts();
        let sum = world.services[service].series.total();
        (sum != total).then(|| {
            format!(
                "{} arrivals in rows, {} in all",
                sum.arrivals, total.arrivals
            )
        })
    });
    holds(
        "the series adds up",
        off,
        "sums of the series' intervals = totals".into(),
    )
}

/// Every completed request has a latency.
fn latencies(world: &World) -> Checked {
    let off = first(world, |service| {
        let ledger = world.stations[service].ledger();
        let (completed, latencies) = (ledger.counts().completed, ledger.latencies());
        (completed != latencies).then(|| format!("{completed} completed, {latencies} latencies"))
    });
    holds(
        "every completion has a latency",
        off,
        "completed requests = latencies in the histogram".into(),
    )
}

/// Every completed request was completed by a replica, and every lost one was on a replica that was killed or failed.
fn work_of_replicas(world: &World) -> Checked {
    let off = first(world, |service| {
        let (counts, of) = (
            world.stations[service].ledger().counts(),
            &world.services[service].replicas,
        );
        let completed: u64 = of.iter().map(|r| r.last_reading.completed).sum();
        let lost: u64 = of.iter().map(|r| r.lost).sum();
        let same = (completed, lost) == (counts.completed, counts.lost);
        (!same).then(|| {
            format!(
                "{} completed and {} lost, its replicas {completed} and {lost}",
                counts.completed, counts.lost
            )
        })
    });
    let detail = "completed = sum over replicas, lost = sum over lost replicas".into();
    holds("every request has its replica", off, detail)
}

/// No replica used more CPU than it had, and what the replicas used is what the service used.
fn cpu(world: &World, totals: &[ServiceTotals]) -> Checked {
    let off = first(world, |service| {
        let shape = &world.plan.services[service].replica;
        let mut sum = 0.0;
        for replica in world.services[service].replicas.iter() {
            let used = replica.last_reading.cpu_core_ns;
            let served = served_for(&replica, world.now);
            let most = world.services[service].cpu_largest();
            let offered = cpu_offered(shape, most, &replica, served);
            if !(0.0..=offered * (1.0 + ROUNDING) + 1.0).contains(&used) {
                return Some(format!(
                    "replica {} that used {used} core-ns of {offered}",
                    replica.id.0
                ));
            }
            sum += used;
        }
        let total = totals[service].cpu_core_ns;
        let same = (sum - total).abs() <= ROUNDING * sum.max(1.0);
        (!same).then(|| format!("{total} core-ns used, its replicas {sum}"))
    });
    let detail = "CPU used by replicas = CPU used by services, within what they had".into();
    holds("no replica uses more CPU than it has", off, detail)
}

/// CPU that a replica could use in the time it served if it had its largest size all the time, in core-nanoseconds. A quota lasts to the end of the nanosecond in
/// which it is used up; periods are cut at both ends of a life, and where a container was restarted.
fn cpu_offered(
    shape: &ReplicaPlan,
    most_millicores: u64,
    replica: &Replica,
    served: SimDuration,
) -> f64 {
    let (served, per_core) = (served.as_nanos() as f64, 1000.0);
    let Some(quota) = shape.cpu_quota else {
        return served * most_millicores as f64 / per_core;
    };
    let cores = quota.cores_millicores as f64 / per_core;
    let periods = served / quota.period_ns as f64 + 2.0 + f64::from(replica.restarts);
    // A quota follows the size, but for its floor.
    let larger = (most_millicores as f64 / shape.cpu_millicores as f64).max(1.0);
    (served * cores).min(periods * (quota.quota_ns as f64 * larger + cores))
}

/// How long a replica could use its CPU, up to the nanosecond in which its exit is noticed.
fn served_for(replica: &Replica, end: SimTime) -> SimDuration {
    replica.first_ready.map_or(SimDuration::ZERO, |ready| {
        replica.ended.unwrap_or(end).saturating_since(ready)
    })
}

/// Every replica became ready, or has a reason why not; states and counts agree.
fn replicas(world: &World) -> Checked {
    let (mut created, mut ready) = (0u64, 0u64);
    for replica in world
        .services
        .iter()
        .flat_map(|service| service.replicas.iter())
    {
        created += 1;
        ready += u64::from(replica.was_ready());
    }
    let off = first(world, |service| {
        let state = &world.services[service];
        let unexcused = |r: &Cow<'_, Replica>| {
            !r.was_ready() && r.reason.is_none() && r.state != ReplicaState::Starting
        };
        if let Some(replica) = state.replicas.iter().find(unexcused) {
            return Some(format!(
                "replica {} without a reason why it is not ready",
                replica.id.0
            ));
        }
        let of = |wanted: ReplicaState| {
            state.replicas.iter().filter(|r| r.state == wanted).count() as u32
        };
        let counted = [
            ReplicaState::Pending,
            ReplicaState::Starting,
            ReplicaState::Ready,
            ReplicaState::Draining,
        ]
        .map(of);
        let c = state.counts;
        let kept = [c.pending, c.starting, c.ready, c.draining];
        let same = counted == kept && state.desired == state.wanted();
        (!same).then(|| format!("{kept:?} replicas pending, starting, ready and draining of {} wanted, really {counted:?}", state.desired))
    });
    let excused = created - ready;
    let detail =
        format!("{created} replicas = {ready} that became ready + {excused} with a reason why not");
    holds("every scale-up is accounted for", off, detail)
}

/// A replica is ready when its stages are over.
fn startups(world: &World) -> Checked {
    let off = first(world, |service| {
        let of = world.services[service].replicas.iter();
        let mut started = of.filter(|r| r.was_ready() && !r.initial);
        started.find_map(|replica| {
            let over = replica
                .stages
                .iter()
                .flat_map(|stages| stages.lengths())
                .fold(replica.created, |at, length| at + length);
            (replica.first_ready != Some(over))
                .then(|| format!("replica {} whose stages end at {over}", replica.id.0))
        })
    });
    holds(
        "start-ups are the sum of their stages",
        off,
        "creation + stages = readiness".into(),
    )
}

/// What faults took from replicas is what replicas have lost, but for those that were killed otherwise.
fn faults(world: &World) -> Checked {
    let rows = &world.faults.log.rows;
    let (lost, requeued) = rows.iter().fold((0, 0), |sum, row| {
        (sum.0 + row.toll.lost, sum.1 + row.toll.requeued)
    });
    let replicas = || {
        world
            .services
            .iter()
            .flat_map(|service| service.replicas.iter())
    };
    let struck = |r: &Cow<'_, Replica>| r.ending == Some(Ending::Failed) || r.restarts > 0;
    let killed = |r: &Cow<'_, Replica>| r.ending == Some(Ending::Killed);
    let of_replicas: u64 = replicas().filter(struck).map(|r| r.lost).sum();
    let of_killed: u64 = replicas().filter(killed).map(|r| r.lost).sum();
    let same = (of_replicas.saturating_sub(of_killed)..=of_replicas).contains(&lost);
    let off = (!same).then(|| format!("their replicas lost {of_replicas}"));
    let detail = format!(
        "{} faults: {lost} requests lost, {requeued} sent back",
        rows.len()
    );
    holds("every fault is accounted for", off, detail)
}

/// The bill is the sum of billed intervals, each rounded by its rule, and the services' parts add up to it.
fn bills(world: &World, bill_nanousd: u128, totals: &[ServiceTotals]) -> Checked {
    let mut sum = 0_u128;
    let mut off = None;
    for (index, node) in world.platform.nodes().iter().enumerate() {
        let (billed, price) = record::bill(&world.platform, node, world.now);
        let rule = &world.platform.pools()[node.pool].billing;
        let used = node
            .ended
            .unwrap_or(world.now)
            .saturating_since(node.bought);
        let (least, most) = (
            used.as_nanos().max(rule.minimum_ns),
            rule.granularity_ns - 1,
        );
        if !(least..=least.saturating_add(most)).contains(&billed.as_nanos()) {
            off = Some(format!("node {index}, held for {used}, is billed {billed}"));
        }
        sum += price;
    }
    let parts: f64 = totals.iter().map(|t| t.cost_usd * 1e9).sum();
    let same = (parts - sum as f64).abs() <= ROUNDING * parts.max(1.0) && sum == bill_nanousd;
    let detail = format!("{sum} nano-USD over {} nodes", world.platform.nodes().len());
    let off = off.or_else(|| (!same).then(|| format!("{bill_nanousd} billed and {parts} split")));
    holds("cost is the sum of billed intervals", off, detail)
}
