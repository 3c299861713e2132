//! The end of a run: last rows, checks, tables, digest.

use super::check::{self, Check};
use super::world::World;
use crate::error::SimError;
use crate::record::{self, ServiceTotals, Table};
use crate::replica::Replica;
use crate::station::Ledger;
use hookean_kernel::{Digest, SimTime, stable_hash};

const NANOUSD_PER_USD: f64 = 1e9;

/// What a run leaves behind.
#[derive(Debug)]
pub struct RunOutput {
    /// Tables by name: `summary`, `series`, `decisions`, `replicas`, `nodes` and, when kept, `requests`.
    pub tables: Vec<(&'static str, Table)>,
    /// Digest of everything that happened: equal for equal plans and versions, whatever the number of threads.
    pub digest: String,
    /// Whether the run was stopped before its horizon.
    pub interrupted: bool,
    /// End of simulated time.
    pub end: SimTime,
    /// Requests that arrived.
    pub requests: u64,
    /// What was checked.
    pub checks: Vec<Check>,
}

pub(super) fn finish(
    mut world: World,
    end: SimTime,
    interrupted: bool,
) -> Result<RunOutput, SimError> {
    world.now = end;
    world.advance_all(end);
    if (0..world.services.len()).any(|s| world.series.last_at(s) < end) {
        world.write_series_rows();
    }
    world.close_readings();
    for station in &mut world.stations {
        station.close_log(end);
    }
    let bill: u64 = world
        .platform
        .nodes()
        .iter()
        .map(|n| record::bill(&world.platform, n, end).1)
        .sum();
    let checks = check::all(&world, end, bill)?;
    let digest = digest(&world);
    let requests = world.requests_seen();
    Ok(RunOutput {
        tables: tables(world, end, bill),
        digest,
        interrupted,
        end,
        requests,
        checks,
    })
}

impl World {
    /// Reads the replicas that are still serving once more, for their row.
    fn close_readings(&mut self) {
        for (service, state) in self.services.iter_mut().enumerate() {
            for id in state.live.clone() {
                if state.get(id).is_serving() {
                    state.get_mut(id).last_reading = self.stations[service].read(self.now, id);
                }
            }
        }
    }
}

fn digest(world: &World) -> String {
    let mut digest = Digest::new();
    for ((plan, station), service) in world
        .plan
        .services
        .iter()
        .zip(&world.stations)
        .zip(&world.services)
    {
        digest.word(stable_hash(&plan.name));
        station.ledger().digest(&mut digest);
        service
            .replicas
            .iter()
            .for_each(|replica| replica_digest(replica, &mut digest));
    }
    world.decisions.digest(&mut digest);
    for node in world.platform.nodes() {
        digest.word(node.bought.as_nanos());
        digest.word(node.ended.map_or(u64::MAX, SimTime::as_nanos));
    }
    digest.hex()
}

fn replica_digest(replica: &Replica, digest: &mut Digest) {
    digest.word(u64::from(replica.node.map_or(u32::MAX, |n| n.0)));
    for at in [Some(replica.created), replica.ready, replica.ended] {
        digest.word(at.map_or(u64::MAX, SimTime::as_nanos));
    }
    digest.word(replica.last_reading.completed);
}

fn tables(world: World, end: SimTime, bill_nanousd: u64) -> Vec<(&'static str, Table)> {
    let totals = totals(&world, end, bill_nanousd);
    let World {
        plan,
        stations,
        services,
        platform,
        series,
        decisions,
        ..
    } = world;
    let ledgers: Vec<&Ledger> = stations.iter().map(|s| s.ledger()).collect();
    let replicas: Vec<&[Replica]> = services.iter().map(|s| s.replicas.as_slice()).collect();
    let mut tables = vec![
        (
            "summary",
            record::summary_table(&plan.services, &ledgers, &totals),
        ),
        (
            "replicas",
            record::replicas_table(&plan.services, &replicas, end),
        ),
        ("nodes", record::nodes_table(&platform, end)),
        ("series", series.into_table(&plan.services)),
        (
            "decisions",
            decisions.into_table(&plan.controllers, &plan.services),
        ),
    ];
    if let Some(requests) = record::requests_table(&plan.services, &ledgers) {
        tables.push(("requests", requests));
    }
    tables
}

/// Totals per service; the bill is split by requested core-time (equally when nothing ever ran).
fn totals(world: &World, end: SimTime, bill_nanousd: u64) -> Vec<ServiceTotals> {
    let requested: Vec<f64> = world
        .services
        .iter()
        .map(|s| s.requested.integral(end) as f64)
        .collect();
    let all: f64 = requested.iter().sum();
    let of = |index: usize| {
        let (state, plan) = (&world.services[index], &world.plan.services[index]);
        let share = if all > 0.0 {
            requested[index] / all
        } else {
            1.0 / world.services.len() as f64
        };
        let ready_ns = state.ready.integral(end) as f64;
        ServiceTotals {
            life: end.saturating_since(SimTime::from_nanos(plan.created_at_ns)),
            in_system: world.stations[index].in_system(end),
            cpu_core_ns: world.cpu_core_ns(index),
            ready_core_ns: ready_ns * plan.replica.cpu_millicores as f64 / 1000.0,
            ready_ns,
            ready_max: state.ready_max,
            created: state.replicas.len() as u64,
            scale_outs: state.scale_outs,
            scale_ins: state.scale_ins,
            cost_usd: bill_nanousd as f64 / NANOUSD_PER_USD * share,
        }
    };
    (0..world.services.len()).map(of).collect()
}
