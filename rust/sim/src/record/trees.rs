//! The tables of trees of calls: latencies from end to end, and the services on critical paths.

use super::Table;
use super::summary::{QUANTILES, mean};
use crate::calls::HeadBook;
use crate::plan::ServicePlan;
use hookean_kernel::SimDuration;

/// Beyond every list of names: between services.
const BETWEEN: u32 = u32::MAX;

fn names(services: &[ServicePlan]) -> Vec<String> {
    services.iter().map(|s| s.name.clone()).collect()
}

/// The `end_to_end` table: one row per service at the head.
pub(crate) fn end_to_end_table(services: &[ServicePlan], heads: &[(usize, &HeadBook)]) -> Table {
    let mut table = Table::default();
    let owners = heads.iter().map(|(service, _)| *service as u32).collect();
    table.names("service", owners, &names(services));
    let books = || heads.iter().map(|(_, book)| *book);
    table.u64s("completed", books().map(|b| Some(b.completed)));
    table.u64s("answered", books().map(|b| Some(b.latency.count())));
    table.u64s("unanswered", books().map(|b| Some(b.unanswered)));
    let waiting = |b: &HeadBook| b.completed - b.latency.count() - b.unanswered;
    table.u64s("waiting", books().map(|b| Some(waiting(b))));
    let latency = |b: &HeadBook| mean(b.latency_sum_ns, b.latency.count());
    table.durations("latency_mean", books().map(latency));
    for (name, q) in QUANTILES {
        let quantile = |b: &HeadBook| b.latency.quantile(q).map(SimDuration::from_nanos);
        table.durations(name, books().map(quantile));
    }
    let largest = |b: &HeadBook| b.latency.max().map(SimDuration::from_nanos);
    table.durations("latency_max", books().map(largest));
    table
}

/// One row of the `critical_path` table.
struct Row {
    head: u32,
    service: u32,
    requests: u64,
    sum_ns: u128,
    /// All answered requests of the head, and the sum of their latencies.
    of: (u64, u128),
}

/// The `critical_path` table: one row per service at the head and service, and one for the time between services.
pub(crate) fn critical_path_table(services: &[ServicePlan], heads: &[(usize, &HeadBook)]) -> Table {
    let answered = heads.iter().filter(|(_, book)| book.latency.count() > 0);
    let rows: Vec<Row> = answered
        .flat_map(|(head, book)| rows(*head, book))
        .collect();
    let mut table = Table::default();
    let names = names(services);
    table.names("head", rows.iter().map(|r| r.head).collect(), &names);
    table.names("service", rows.iter().map(|r| r.service).collect(), &names);
    table.u64s("requests", rows.iter().map(|r| Some(r.requests)));
    table.durations("time_mean", rows.iter().map(|r| mean(r.sum_ns, r.of.0)));
    let share = |r: &Row| (r.of.1 > 0).then(|| r.sum_ns as f64 / r.of.1 as f64);
    table.f64s("share_ratio", rows.iter().map(share));
    table
}

fn rows(head: usize, book: &HeadBook) -> impl Iterator<Item = Row> {
    let answered = book.latency.count();
    let row = move |service, requests, sum_ns| Row {
        head: head as u32,
        service,
        requests,
        sum_ns,
        of: (answered, book.latency_sum_ns),
    };
    let parts = book.parts.iter();
    let parts = parts.map(move |(service, (requests, sum))| row(*service as u32, *requests, *sum));
    parts.chain(std::iter::once(row(BETWEEN, answered, book.between_ns)))
}
