//! Rows of the request log in few bytes each, for as long as nobody reads them.
//!
//! Numbers are written as differences that are small: index and arrival from the row before, start
//! from arrival, end from start, work from time in service.

use super::request_log::{RequestRow, RequestTable};
use super::{Outcome, ReplicaId};
use crate::small_numbers::{add, difference, read, write};
use hookean_kernel::SimTime;

/// Most bytes of a row: its flags and six numbers.
const ROW_MAX: usize = 1 + 6 * 10;
/// Bytes of a block, of the first and of the largest.
const BLOCK_BYTES: (usize, usize) = (1 << 8, 1 << 16);

const STARTED: u8 = 1 << 3;
const ENDED: u8 = 1 << 4;
const PLACED: u8 = 1 << 5;

const OUTCOMES: [Option<Outcome>; 7] = [
    None,
    Some(Outcome::Completed),
    Some(Outcome::Rejected),
    Some(Outcome::TimedOut),
    Some(Outcome::Lost),
    Some(Outcome::Unanswered),
    Some(Outcome::Expired),
];

const fn outcome_bits(outcome: Option<Outcome>) -> u8 {
    match outcome {
        None => 0,
        Some(Outcome::Completed) => 1,
        Some(Outcome::Rejected) => 2,
        Some(Outcome::TimedOut) => 3,
        Some(Outcome::Lost) => 4,
        Some(Outcome::Unanswered) => 5,
        Some(Outcome::Expired) => 6,
    }
}

/// Rows in the order in which they were pushed.
#[derive(Debug, Clone, Default)]
pub(super) struct PackedRows {
    /// Whole rows each; no block is moved, as one that grows would be, and little room stays empty.
    blocks: Vec<Vec<u8>>,
    rows: usize,
    /// Index and arrival of the last row.
    last: (u64, u64),
}

impl PackedRows {
    pub(super) const fn len(&self) -> usize {
        self.rows
    }

    pub(super) fn push(&mut self, row: &RequestRow) {
        let (arrival, last) = (row.arrival.as_nanos(), self.last);
        let (start, end) = (
            row.start.map(SimTime::as_nanos),
            row.end.map(SimTime::as_nanos),
        );
        self.last = (row.index, arrival);
        self.rows += 1;
        let bytes = self.room();
        let flag = |there: bool, bit: u8| if there { bit } else { 0 };
        bytes.push(
            outcome_bits(row.outcome)
                | flag(start.is_some(), STARTED)
                | flag(end.is_some(), ENDED)
                | flag(row.replica.is_some(), PLACED),
        );
        write(bytes, difference(row.index, last.0));
        write(bytes, difference(arrival, last.1));
        let begin = start.unwrap_or(arrival);
        if let Some(start) = start {
            write(bytes, difference(start, arrival));
        }
        if let Some(end) = end {
            write(bytes, difference(end, begin));
        }
        let served = end.map_or(0, |end| end.wrapping_sub(begin));
        write(bytes, difference(row.work_ns, served));
        if let Some(replica) = row.replica {
            write(bytes, replica.0.into());
        }
    }

    /// The block with room for a row.
    fn room(&mut self) -> &mut Vec<u8> {
        let full = |block: &Vec<u8>| block.len() + ROW_MAX > block.capacity();
        if self.blocks.last().is_none_or(full) {
            let size = self.blocks.last().map_or(0, |block| 2 * block.len());
            let block = Vec::with_capacity(size.clamp(BLOCK_BYTES.0, BLOCK_BYTES.1));
            self.blocks.push(block);
        }
        let last = self.blocks.len() - 1;
        &mut self.blocks[last]
    }

    /// The rows by request and attempt.
    pub(super) fn unpack(&self) -> RequestTable {
        let mut table = RequestTable::with_capacity(self.rows);
        let mut last = (0, 0);
        for block in &self.blocks {
            let mut bytes = block.iter();
            while let Some(flags) = bytes.next() {
                let row = read_row(*flags, &mut bytes, last);
                last = (row.index, row.arrival.as_nanos());
                table.push(&row);
            }
        }
        table.sort();
        table
    }
}

/// Reads what follows the flags of a row.
fn read_row(flags: u8, bytes: &mut std::slice::Iter<'_, u8>, last: (u64, u64)) -> RequestRow {
    let index = add(last.0, read(bytes));
    let arrival = add(last.1, read(bytes));
    let start = (flags & STARTED != 0).then(|| add(arrival, read(bytes)));
    let begin = start.unwrap_or(arrival);
    let end = (flags & ENDED != 0).then(|| add(begin, read(bytes)));
    let served = end.map_or(0, |end| end.wrapping_sub(begin));
    let work_ns = add(served, read(bytes));
    let replica = (flags & PLACED != 0).then(|| ReplicaId(read(bytes) as u32));
    RequestRow {
        index,
        arrival: SimTime::from_nanos(arrival),
        start: start.map(SimTime::from_nanos),
        end: end.map(SimTime::from_nanos),
        work_ns,
        replica,
        outcome: OUTCOMES[usize::from(flags & 7)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{attempt_of, number_of};
    use proptest::prelude::*;

    fn row() -> impl Strategy<Value = RequestRow> {
        // Small and large numbers alike; the largest time stands for none.
        let number = || any::<u64>().prop_flat_map(|n| (0..64_u32).prop_map(move |by| n >> by));
        let time = || number().prop_map(|n| SimTime::from_nanos(n.min(u64::MAX - 1)));
        let maybe = || proptest::option::of(time());
        let replica = proptest::option::of((0..u32::MAX).prop_map(ReplicaId));
        let row = (
            number(),
            time(),
            maybe(),
            maybe(),
            number(),
            replica,
            0..OUTCOMES.len(),
        );
        row.prop_map(
            |(index, arrival, start, end, work_ns, replica, outcome)| RequestRow {
                index,
                arrival,
                start,
                end,
                work_ns,
                replica,
                outcome: OUTCOMES[outcome],
            },
        )
    }

    proptest! {
        #[test]
        fn prop_rows_come_back_by_request_and_attempt(mut rows in proptest::collection::vec(row(), 0..300)) {
            let mut packed = PackedRows::default();
            for row in &rows {
                packed.push(row);
            }
            prop_assert_eq!(packed.len(), rows.len());
            let found: Vec<RequestRow> = packed.unpack().iter().collect();
            let key = |row: &RequestRow| (number_of(row.index), attempt_of(row.index));
            prop_assert!(found.is_sorted_by_key(key));
            let all = |row: &RequestRow| format!("{row:?}");
            rows.sort_by_key(all);
            let mut found = found;
            found.sort_by_key(all);
            prop_assert_eq!(found, rows);
        }
    }

    #[test]
    fn a_row_of_a_sampled_log_takes_some_sixteen_bytes() {
        let mut packed = PackedRows::default();
        for nth in 0..100_000_u64 {
            // One request in a thousand of 2,000 a second; half of them wait for some milliseconds.
            let (index, arrival) = (nth * 1000 + nth % 7, nth * 500_000_000 + nth % 977);
            let start = arrival + (nth % 2) * (3_000_000 + nth % 1009);
            let work_ns = 40_000_000 + nth * 7919 % 10_000_000;
            packed.push(&RequestRow {
                index,
                arrival: SimTime::from_nanos(arrival),
                start: Some(SimTime::from_nanos(start)),
                end: Some(SimTime::from_nanos(start + work_ns)),
                work_ns,
                replica: Some(ReplicaId((nth % 100) as u32)),
                outcome: Some(Outcome::Completed),
            });
        }
        let room: usize = packed.blocks.iter().map(Vec::capacity).sum();
        assert!(room <= 17 * packed.len(), "{room} bytes");
        assert!(room >= 12 * packed.len(), "{room} bytes");
    }
}
