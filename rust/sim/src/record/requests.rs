//! The table of single requests.

use super::Table;
use crate::calls::Numbering;
use crate::plan::ServicePlan;
use crate::station::{Ledger, Outcome, RequestRow, RequestTable};
use crate::workload::{attempt_of, number_of};
use hookean_kernel::SimDuration;
use std::ops::Range;

/// Some rows of the request log of a service.
#[derive(Debug, Clone)]
pub(crate) struct LogPart<'a> {
    service: usize,
    log: &'a RequestTable,
    rows: Range<usize>,
}

impl LogPart<'_> {
    fn rows(&self) -> impl Iterator<Item = RequestRow> + '_ {
        self.rows.clone().map(|at| self.log.row(at))
    }
}

/// The logs of services that keep one, one after the other.
pub(crate) fn whole(logs: &[Option<RequestTable>]) -> Vec<LogPart<'_>> {
    let logs = logs.iter().enumerate();
    let kept = logs.filter_map(|(service, log)| Some((service, log.as_ref()?)));
    let part = |(service, log)| LogPart {
        service,
        log,
        rows: 0..log.len(),
    };
    kept.map(part).collect()
}

/// The same rows in as few lots of about equal size as there can be with `most` rows in each.
pub(crate) fn lots<'a>(parts: &[LogPart<'a>], most: usize) -> Vec<Vec<LogPart<'a>>> {
    let all: usize = parts.iter().map(|part| part.rows.len()).sum();
    let count = all.div_ceil(most.max(1)).max(1);
    (0..count)
        .map(|lot| cut(parts, all * lot / count..all * (lot + 1) / count))
        .collect()
}

/// The rows of a range of all rows.
fn cut<'a>(parts: &[LogPart<'a>], wanted: Range<usize>) -> Vec<LogPart<'a>> {
    let mut before = 0;
    let within = |part: &LogPart<'a>| {
        let begin = part.rows.start + wanted.start.saturating_sub(before).min(part.rows.len());
        let end = part.rows.start + wanted.end.saturating_sub(before).min(part.rows.len());
        before += part.rows.len();
        LogPart {
            rows: begin..end,
            ..part.clone()
        }
    };
    let parts = parts.iter().map(within);
    parts.filter(|part| !part.rows.is_empty()).collect()
}

/// Where each request comes from, column by column.
#[derive(Default)]
struct Origins {
    services: Vec<u32>,
    callers: Vec<u32>,
    heads: Vec<u32>,
    /// The request at the head: of clients, which of the requests of the client.
    numbers: Vec<Option<u64>>,
    clients: Vec<Option<u32>>,
}

impl Origins {
    fn of(ledgers: &[&Ledger], logs: &[LogPart<'_>], numbering: Option<&Numbering>) -> Self {
        let rows: usize = logs.iter().map(|part| part.rows.len()).sum();
        let mut all = Self {
            services: Vec::with_capacity(rows),
            callers: Vec::with_capacity(rows),
            heads: Vec::with_capacity(rows),
            numbers: Vec::with_capacity(rows),
            clients: Vec::with_capacity(rows),
        };
        for part in logs {
            for row in part.rows() {
                let origin = numbering.and_then(|ways| ways.origin(part.service, row.index));
                let head = origin.map_or((part.service, row.index), |origin| origin.head);
                let client = ledgers[head.0].client_of(head.1);
                all.services.push(part.service as u32);
                all.callers
                    .push(origin.map_or(NO_NAME, |of| of.caller as u32));
                all.heads
                    .push(origin.map_or(NO_NAME, |of| of.head.0 as u32));
                let number = client.map_or(number_of(head.1), |(_, nth)| nth);
                all.numbers.push(Some(number));
                all.clients.push(client.map(|(client, _)| client as u32));
            }
        }
        all
    }
}

/// The `requests` table of some rows.
pub(crate) fn requests_table(
    services: &[ServicePlan],
    ledgers: &[&Ledger],
    logs: &[LogPart<'_>],
    numbering: Option<&Numbering>,
) -> Table {
    let names: Vec<String> = services.iter().map(|s| s.name.clone()).collect();
    let rows = || logs.iter().flat_map(LogPart::rows);
    let origins = Origins::of(ledgers, logs, numbering);
    let mut table = Table::default();
    table.names("service", origins.services, &names);
    table.u64s("request", origins.numbers.into_iter());
    table.names("caller", origins.callers, &names);
    table.names("head", origins.heads, &names);
    table.u32s("attempt", rows().map(|r| Some(attempt_of(r.index) + 1)));
    table.u32s("client", origins.clients.into_iter());
    class_column(&mut table, services, ledgers, logs);
    table.times("arrival", rows().map(|r| Some(r.arrival)));
    table.times("start", rows().map(|r| r.start));
    table.times("end", rows().map(|r| r.end));
    table.durations(
        "work",
        rows().map(|r| Some(SimDuration::from_nanos(r.work_ns))),
    );
    table.u32s("replica", rows().map(|r| r.replica.map(|id| id.0)));
    let outcomes = rows().map(|r| outcome_index(r.outcome)).collect();
    table.names("outcome", outcomes, &OUTCOMES.map(str::to_owned));
    table
}

/// Beyond every list of names.
const NO_NAME: u32 = u32::MAX;

fn class_column(
    table: &mut Table,
    services: &[ServicePlan],
    ledgers: &[&Ledger],
    logs: &[LogPart<'_>],
) {
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    for part in logs {
        let (classes, first) = (ledgers[part.service].classes(), names.len() as u32);
        rows.extend(part.rows().map(|row| {
            classes.map_or(NO_NAME, |(classes, _)| first + classes.of(row.index) as u32)
        }));
        let of = services[part.service].classes.iter();
        names.extend(of.map(|class| class.name.clone()));
    }
    table.names("class", rows, &names);
}

const OUTCOMES: [&str; 7] = [
    "completed",
    "rejected",
    "timed_out",
    "expired",
    "lost",
    "unanswered",
    "in_system",
];

fn outcome_index(outcome: Option<Outcome>) -> u32 {
    match outcome {
        Some(Outcome::Completed) => 0,
        Some(Outcome::Rejected) => 1,
        Some(Outcome::TimedOut) => 2,
        Some(Outcome::Expired) => 3,
        Some(Outcome::Lost) => 4,
        Some(Outcome::Unanswered) => 5,
        None => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::{lots, whole};
    use crate::station::RequestTable;
    use hookean_kernel::SimTime;

    fn log(rows: u64) -> RequestTable {
        let mut log = RequestTable::default();
        for index in 0..rows {
            log.push(&crate::station::RequestRow {
                index,
                arrival: SimTime::ZERO,
                start: None,
                end: None,
                work_ns: 0,
                replica: None,
                outcome: None,
            });
        }
        log
    }

    #[test]
    fn lots_hold_every_row_once_in_order_and_are_about_equal() {
        let logs = [log(5), log(0), log(11), log(1)].map(Some);
        let parts = whole(&logs);
        let all: Vec<_> = lots(&parts, 100).remove(0);
        let ids = |lot: &[super::LogPart<'_>]| -> Vec<(usize, u64)> {
            let rows = |part: &super::LogPart<'_>| {
                let service = part.service;
                let rows = part.rows().map(move |row| (service, row.index));
                rows.collect::<Vec<_>>()
            };
            lot.iter().flat_map(rows).collect()
        };
        assert_eq!(ids(&all).len(), 17);
        for most in 1..20 {
            let found = lots(&parts, most);
            assert_eq!(found.len(), 17_usize.div_ceil(most));
            let sizes: Vec<usize> = found.iter().map(|lot| ids(lot).len()).collect();
            let (least, largest) = (sizes.iter().min(), sizes.iter().max());
            assert!(*largest.unwrap() <= most && largest.unwrap() - least.unwrap() <= 1);
            let rows: Vec<_> = found.iter().flat_map(|lot| ids(lot)).collect();
            assert_eq!(rows, ids(&all));
        }
        assert_eq!(lots(&[], 4).len(), 1);
    }
}
