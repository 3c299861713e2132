//! The table of classes: one row per service and class.

use super::Table;
use super::summary::{QUANTILES, mean};
use crate::plan::{ClassPlan, ServicePlan};
use crate::station::{ClassBook, Counts, Ledger};
use hookean_kernel::SimDuration;

struct Row<'a> {
    service: u32,
    plan: &'a ClassPlan,
    book: &'a ClassBook,
}

/// The `classes` table; `None` when no service has classes.
pub(crate) fn classes_table(services: &[ServicePlan], ledgers: &[&Ledger]) -> Option<Table> {
    let rows = rows(services, ledgers);
    if rows.is_empty() {
        return None;
    }
    let names: Vec<String> = services.iter().map(|s| s.name.clone()).collect();
    let mut table = Table::default();
    table.names("service", rows.iter().map(|r| r.service).collect(), &names);
    table.texts("class", rows.iter().map(|r| Some(r.plan.name.as_str())));
    table.u32s("level", rows.iter().map(|r| Some(r.plan.level)));
    table.f64s("share_ratio", rows.iter().map(|r| Some(r.plan.share)));
    let count = |pick: fn(&Counts) -> u64| rows.iter().map(move |r| Some(pick(&r.book.counts())));
    table.u64s("arrivals", count(|c| c.arrivals));
    table.u64s("completed", count(|c| c.completed));
    table.u64s("rejected", count(|c| c.rejected));
    table.u64s("timed_out", count(|c| c.timed_out));
    table.u64s("expired", count(|c| c.expired));
    table.u64s("lost", count(|c| c.lost));
    table.u64s("unanswered", count(|c| c.unanswered));
    table.u64s("in_system", rows.iter().map(|r| Some(r.book.in_system)));
    latency_columns(&mut table, &rows);
    Some(table)
}

fn latency_columns(table: &mut Table, rows: &[Row<'_>]) {
    let wait = rows
        .iter()
        .map(|r| mean(r.book.wait_sum_ns, r.book.started));
    table.durations("wait_mean", wait);
    let latency = |b: &ClassBook| mean(b.latency_sum_ns, b.latency.count());
    table.durations("latency_mean", rows.iter().map(|r| latency(r.book)));
    for (name, q) in QUANTILES {
        let quantile = |b: &ClassBook| b.latency.quantile(q).map(SimDuration::from_nanos);
        table.durations(name, rows.iter().map(|r| quantile(r.book)));
    }
    let largest = |b: &ClassBook| b.latency.max().map(SimDuration::from_nanos);
    table.durations("latency_max", rows.iter().map(|r| largest(r.book)));
}

fn rows<'a>(services: &'a [ServicePlan], ledgers: &[&'a Ledger]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for (service, (plan, ledger)) in services.iter().zip(ledgers).enumerate() {
        let books = ledger.classes().map_or(&[][..], |(_, books)| books);
        rows.extend(plan.classes.iter().zip(books).map(|(plan, book)| Row {
            service: service as u32,
            plan,
            book,
        }));
    }
    rows
}
