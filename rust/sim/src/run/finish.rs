//! The end of a run: last rows, checks, tables, digest.

use super::check::{self, Check};
use super::control_loop::Loop;
use super::graph::Graph;
use super::nodes::NodeLoop;
use super::requested::Requested;
use super::world::World;
use crate::control::external::Failure;
use crate::error::SimError;
use crate::plan::{Plan, RequestLog};
use crate::record::{
    self, Decided, DecisionNames, LazyTable, ServiceTotals, decisions_table, digest_resizes,
    resizes_table, series_table,
};
use crate::replica::{Replica, Replicas};
use crate::station::Ledger;
use hookean_kernel::{Digest, SimTime, stable_hash};
use std::sync::Arc;

const NANOUSD_PER_USD: f64 = 1e9;

/// What a run leaves behind.
#[derive(Debug)]
pub struct RunOutput {
    /// Tables by name: `summary`, `series`, `decisions`, `replicas`, `nodes`, `faults`; `requests` when they are kept, `classes` when a
    /// service has some, `latencies` when the plan asks for it, `end_to_end` and `critical_path` when services call each other.
    /// Those whose rows went to an outlet are not among them.
    pub tables: Vec<(&'static str, LazyTable)>,
    /// Digest of everything that happened: equal for equal plans and versions, whatever the number of threads.
    pub digest: String,
    /// Whether the run was stopped before its horizon.
    pub interrupted: bool,
    /// Why policies outside of the engine or the outlet ended the run, if they did; it is then interrupted too.
    pub failure: Option<Failure>,
    /// End of simulated time.
    pub end: SimTime,
    /// Requests that arrived.
    pub requests: u64,
    /// What was checked.
    pub checks: Vec<Check>,
}

/// Closes the books at the present instant, checks them and writes them out.
pub(super) fn finish(mut world: World, interrupted: bool) -> Result<RunOutput, SimError> {
    let end = world.now;
    world.close();
    let bills = bills_nanousd(&world);
    let totals = totals(&world, &bills);
    let checks = check::all(&world, bills.iter().sum(), &totals)?;
    let digest = digest(&world);
    let requests = world.requests_seen();
    world.hand_over_rest();
    let failure = world.failure.take();
    Ok(RunOutput {
        tables: tables(world, &totals),
        digest,
        interrupted,
        failure,
        end,
        requests,
        checks,
    })
}

/// The sums over the rows of the nodes table, by pool.
pub(super) fn bills_nanousd(world: &World) -> Vec<u128> {
    let mut bills = vec![0; world.platform.pools().len()];
    for node in world.platform.nodes() {
        bills[node.pool] += record::bill(&world.platform, node, world.now).1;
    }
    bills
}

impl World {
    /// Brings every record up to the present instant.
    pub(super) fn close(&mut self) {
        self.advance_all(self.now);
        if self.services.iter().any(|s| s.series.last_at() < self.now) {
            self.write_series_rows(|_| true);
        }
        self.close_readings();
        for station in &mut self.stations {
            station.close_log(self.now);
        }
    }

    /// Reads the replicas that are still serving once more, for their row.
    fn close_readings(&mut self) {
        for service in 0..self.services.len() {
            for id in self.services[service].live.clone() {
                let replica = self.services[service].get(id);
                if replica.is_serving() {
                    let reading = self.reading(service, &replica);
                    self.services[service].get_mut(id).last_reading = reading;
                }
            }
        }
    }
}

/// What controllers have left of their decisions since they were last asked, by number: those of nodes come last.
pub(super) fn take_decided(loops: &mut [Loop], of_nodes: &mut [NodeLoop]) -> Vec<Decided> {
    let taken = loops.iter_mut().map(Loop::take_decided);
    let of_nodes = of_nodes.iter_mut().map(NodeLoop::take_decided);
    taken.chain(of_nodes).collect()
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
            .for_each(|replica| replica_digest(&replica, &mut digest));
    }
    world.loops.iter().for_each(|of| of.log.digest(&mut digest));
    world.digest_nodes(&mut digest);
    world.faults.log.digest(&mut digest);
    digest_resizes(&world.resizes, &mut digest);
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

/// All tables; those that may be large are made when somebody asks for them. What they do not need is given back before they
/// are made: of very many services it is much.
fn tables(world: World, totals: &[ServiceTotals]) -> Vec<(&'static str, LazyTable)> {
    let end = world.now;
    let World {
        plan,
        mut stations,
        services,
        platform,
        faults,
        resizes,
        series,
        outlet,
        graph,
        mut loops,
        mut node_loops,
        ..
    } = world;
    let decided = outlet
        .is_none()
        .then(|| take_decided(&mut loops, &mut node_loops));
    drop((loops, node_loops));
    let rows_and_replicas = services
        .into_iter()
        .map(|mut s| (s.series.take(), s.replicas));
    let (rows, replicas): (Vec<_>, Vec<Replicas>) = rows_and_replicas.unzip();
    let plan = Arc::new(plan);
    let mut tables = vec![
        ("nodes", record::nodes_table(&platform, end).into()),
        (
            "faults",
            faults.log.into_table(&plan.faults, &plan.services).into(),
        ),
    ];
    if !plan.resizes.is_empty() {
        let resizes = resizes_table(&resizes, &plan.services);
        tables.push(("resizes", resizes.into()));
    }
    let ledgers: Vec<&Ledger> = stations.iter().map(|s| s.ledger()).collect();
    of_ledgers(&plan, &ledgers, totals, &mut tables);
    if let Some(graph) = &graph {
        of_graph(&plan, graph, &mut tables);
    }
    if let Some(decided) = decided {
        let names = DecisionNames::of(&plan);
        let decisions = LazyTable::new(move || decisions_table(&names, &decided));
        let of = Arc::clone(&plan);
        let series = LazyTable::new(move || series_table(&of.services, &series, &rows));
        tables.push(("series", series));
        tables.push(("decisions", decisions));
    }
    let names: Vec<String> = plan.services.iter().map(|s| s.name.clone()).collect();
    let replicas = LazyTable::new(move || record::replicas_table(&names, &replicas, end));
    tables.push(("replicas", replicas));
    if outlet.is_none() && plan.record.requests != RequestLog::Off {
        let ledgers = stations.iter_mut().map(|s| s.ledger_mut().take());
        tables.push(("requests", requests(plan, ledgers.collect(), graph)));
    }
    tables
}

/// The log of requests.
fn requests(plan: Arc<Plan>, mut ledgers: Vec<Ledger>, graph: Option<Graph>) -> LazyTable {
    LazyTable::new(move || {
        let logs: Vec<_> = ledgers.iter_mut().map(Ledger::take_requests).collect();
        let (logs, numbering) = (record::whole(&logs), graph.as_ref().map(Graph::numbering));
        let ledgers: Vec<&Ledger> = ledgers.iter().collect();
        record::requests_table(&plan.services, &ledgers, &logs, numbering)
    })
}

/// The tables that tell of requests with all that they have called.
fn of_graph(plan: &Plan, graph: &Graph, tables: &mut Vec<(&'static str, LazyTable)>) {
    let heads: Vec<_> = graph.heads().collect();
    let end_to_end = record::end_to_end_table(&plan.services, &heads);
    let critical_path = record::critical_path_table(&plan.services, &heads);
    tables.push(("end_to_end", end_to_end.into()));
    tables.push(("critical_path", critical_path.into()));
}

/// The tables that tell what the books of all services say.
fn of_ledgers(
    plan: &Plan,
    ledgers: &[&Ledger],
    totals: &[ServiceTotals],
    tables: &mut Vec<(&'static str, LazyTable)>,
) {
    let services = &plan.services;
    let summary = record::summary_table(services, ledgers, totals);
    tables.push(("summary", summary.into()));
    if let Some(classes) = record::classes_table(services, ledgers) {
        tables.push(("classes", classes.into()));
    }
    if plan.record.latencies {
        let latencies = record::latencies_table(services, ledgers);
        tables.push(("latencies", latencies.into()));
    }
}

/// Each service's part of the bills: that of a pool is split by the core-time requested on its nodes; pools that nobody has
/// used are split by what was requested in all, equally when nothing ever ran.
fn costs_usd(world: &World, bills_nanousd: &[u128]) -> Vec<f64> {
    let bills: Vec<f64> = bills_nanousd
        .iter()
        .map(|bill| *bill as f64 / NANOUSD_PER_USD)
        .collect();
    let requested = world.services.iter().map(|service| &service.requested);
    let mut by_pool = vec![0.0; bills.len()];
    for (pool, sum) in requested.clone().flat_map(|of| of.by_pool(world.now)) {
        by_pool[pool] += sum;
    }
    let all: f64 = by_pool.iter().sum();
    let used = |pool: usize| by_pool[pool] > 0.0;
    let unused: f64 = (0..bills.len())
        .filter(|p| !used(*p))
        .map(|p| bills[p])
        .sum();
    let of = |requested: &Requested| {
        let mine: f64 = requested.by_pool(world.now).map(|(_, sum)| sum).sum();
        let share = if all > 0.0 {
            mine / all
        } else {
            1.0 / world.services.len() as f64
        };
        let of_used = requested
            .by_pool(world.now)
            .filter(|(pool, _)| used(*pool))
            .map(|(pool, sum)| bills[pool] * (sum / by_pool[pool]));
        of_used.sum::<f64>() + unused * share
    };
    requested.map(of).collect()
}

/// Totals per service.
pub(super) fn totals(world: &World, bills_nanousd: &[u128]) -> Vec<ServiceTotals> {
    let end = world.now;
    let costs = costs_usd(world, bills_nanousd);
    let of = |index: usize| {
        let (state, plan) = (&world.services[index], &world.plan.services[index]);
        let ready_ns = state.ready.integral(end) as f64;
        ServiceTotals {
            life: end.saturating_since(SimTime::from_nanos(plan.created_at_ns)),
            in_system: world.stations[index].in_system(end),
            cpu_core_ns: world.cpu_core_ns(index),
            ready_core_ns: state.ready_core_ns(end),
            ready_ns,
            ready_max: state.ready_max,
            created: state.replicas.len() as u64,
            scale_outs: state.scale_outs,
            scale_ins: state.scale_ins,
            cost_usd: costs[index],
        }
    };
    (0..world.services.len()).map(of).collect()
}
