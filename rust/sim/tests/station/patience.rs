//! Requests that give up after a time in the station, in service too, on both engines.

use crate::by_hand::{FIRST, case, end_secs, in_seconds, run};
use crate::support::{SECOND, at, shape};
use hookean_sim::plan::{BackoffPlan, Discipline, Jitter, RetryPlan};
use hookean_sim::station::{Outcome, RequestRow, Station};

const FIRST_COME: [Discipline; 2] = [Discipline::CentralFifo, Discipline::Fifo];

fn outcomes(rows: &[RequestRow]) -> Vec<Outcome> {
    rows.iter().filter_map(|row| row.outcome).collect()
}

/// CPU used by the first replica, in seconds of a core.
fn cpu_secs(station: &dyn Station, secs: u64) -> f64 {
    station.read(at(secs * SECOND), FIRST).cpu_core_ns / SECOND as f64
}

#[test]
fn a_request_gives_up_in_service_and_frees_its_slot_then_what_was_worked_stays_used() {
    // The first is abandoned after 4 s of work, the second starts then and has 1 s left; the third is done at the very end of
    // its patience, which counts as completed.
    let requests = in_seconds(&[(0, 10), (1, 2), (2, 1)]);
    for discipline in FIRST_COME {
        let mut case = case(discipline, &requests);
        case.queue.total_timeout_ns = Some(4 * SECOND);
        let rows = run(&case, &[shape(1000, Some(1), 1.0)], |station| {
            station.advance(at(7 * SECOND));
            assert!((cpu_secs(station, 7) - 6.0).abs() < 1e-9);
            assert_eq!(station.read(at(7 * SECOND), FIRST).completed, 1);
        });
        assert_eq!(end_secs(&rows), [4, 5, 6], "{discipline:?}");
        assert_eq!(
            outcomes(&rows),
            [Outcome::TimedOut, Outcome::TimedOut, Outcome::Completed]
        );
        assert!(rows.iter().all(|row| row.replica == Some(FIRST)));
    }
}

#[test]
fn a_sharing_request_that_gives_up_leaves_its_share_to_the_others() {
    // The second has half a core for 1 s and a third for 3 s, so it is done at the very end of its patience; the first gives
    // up then, and the third has the core until it gives up 1 s later.
    let requests = [(0, 10 * SECOND), (0, 3 * SECOND / 2), (SECOND, 3 * SECOND)];
    let mut case = case(Discipline::ProcessorSharing, &requests);
    case.queue.total_timeout_ns = Some(4 * SECOND);
    let rows = run(&case, &[shape(1000, None, 1.0)], |station| {
        station.advance(at(6 * SECOND));
        assert!((cpu_secs(station, 6) - 5.0).abs() < 1e-6);
    });
    assert_eq!(
        outcomes(&rows),
        [Outcome::TimedOut, Outcome::Completed, Outcome::TimedOut]
    );
    let ends: Vec<u64> = rows.iter().map(|row| row.end.unwrap().as_nanos()).collect();
    assert_eq!(ends, [4 * SECOND, 4 * SECOND, 5 * SECOND]);
}

#[test]
fn patience_runs_on_while_a_replica_stands_still() {
    let requests = in_seconds(&[(0, 10), (5, 2)]);
    let all = [FIRST_COME.as_slice(), &[Discipline::ProcessorSharing]].concat();
    for discipline in all {
        let mut case = case(discipline, &requests);
        case.queue.total_timeout_ns = Some(4 * SECOND);
        let rows = run(&case, &[shape(1000, Some(1), 1.0)], |station| {
            station.advance(at(2 * SECOND));
            station.pause(at(2 * SECOND), FIRST);
            station.advance(at(6 * SECOND));
            assert!((cpu_secs(station, 6) - 2.0).abs() < 1e-9);
            station.resume(at(6 * SECOND), FIRST);
        });
        assert_eq!(end_secs(&rows), [4, 8], "{discipline:?}");
        assert_eq!(outcomes(&rows), [Outcome::TimedOut, Outcome::Completed]);
    }
}

/// Every discipline that serves requests as they come.
const IN_TURN: [Discipline; 3] = [
    Discipline::CentralFifo,
    Discipline::Fifo,
    Discipline::ProcessorSharing,
];

fn retry(attempts_max: u32) -> RetryPlan {
    RetryPlan {
        after_rejected: true,
        after_timed_out: true,
        after_lost: true,
        after_unanswered: true,
        attempts_max,
        backoff: BackoffPlan {
            initial_ns: SECOND,
            factor: 1.0,
            maximum_ns: SECOND,
            jitter: Jitter::None,
        },
        budget: None,
    }
}

/// The first attempt of each gives up after 3 s of its 10; the second begins 1 s later and is cut by the deadline, 6 s after
/// the first arrival, 2 s into its work.
#[test]
fn a_deadline_ends_the_attempt_that_is_under_way_and_what_was_worked_stays_used() {
    for discipline in IN_TURN {
        let mut case = case(discipline, &in_seconds(&[(0, 10), (10, 10)]));
        case.queue.total_timeout_ns = Some(3 * SECOND);
        case.deadline_ns = Some(6 * SECOND);
        case.retry = Some(retry(5));
        let rows = run(&case, &[shape(1000, Some(1), 1.0)], |station| {
            station.advance(at(20 * SECOND));
            assert!((cpu_secs(station, 20) - 10.0).abs() < 1e-6);
            let counts = station.ledger().counts();
            assert_eq!((counts.timed_out, counts.expired), (2, 2));
            assert_eq!((counts.retries, counts.given_up), (2, 2));
        });
        assert_eq!(end_secs(&rows), [3, 6, 13, 16], "{discipline:?}");
        let expected = [Outcome::TimedOut, Outcome::Expired].repeat(2);
        assert_eq!(outcomes(&rows), expected, "{discipline:?}");
    }
}

/// Without retries it is the longest stay of requests from outside; what is done at that very instant is in time.
#[test]
fn a_deadline_needs_no_retry_and_runs_on_while_a_replica_stands_still() {
    for discipline in IN_TURN {
        let mut case = case(discipline, &in_seconds(&[(0, 4), (5, 3), (12, 2)]));
        case.deadline_ns = Some(4 * SECOND);
        let rows = run(&case, &[shape(1000, Some(1), 1.0)], |station| {
            station.advance(at(6 * SECOND));
            station.pause(at(6 * SECOND), FIRST);
            station.advance(at(12 * SECOND));
            assert!((cpu_secs(station, 12) - 5.0).abs() < 1e-6);
            station.resume(at(12 * SECOND), FIRST);
        });
        assert_eq!(end_secs(&rows), [4, 9, 14], "{discipline:?}");
        let expected = [Outcome::Completed, Outcome::Expired, Outcome::Completed];
        assert_eq!(outcomes(&rows), expected, "{discipline:?}");
    }
}

/// The fourth finds the queue full each second from 3 s to 13 s. At 14 s it waits behind one that has come for the first time
/// at 13 s, and at 15 s its deadline is over, 8 s before that one is served: its place is free for who comes then.
#[test]
fn who_waits_may_give_up_before_those_in_front() {
    let requests = [(0, 20), (1, 1), (2, 1), (3, 1), (12, 9), (13, 1), (15, 1)];
    for discipline in IN_TURN {
        let mut case = case(discipline, &in_seconds(&requests));
        case.queue.limit = Some(2);
        case.deadline_ns = Some(12 * SECOND);
        case.retry = Some(retry(20));
        let rows = run(&case, &[shape(1000, Some(1), 1.0)], |_| {});
        let (ends, outcomes) = (end_secs(&rows), outcomes(&rows));
        assert_eq!(ends[..3], [12, 13, 14], "{discipline:?}");
        assert_eq!(ends[3..14], [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
        assert_eq!(ends[14..], [15, 23, 24, 25], "{discipline:?}");
        assert_eq!(
            (outcomes[0], outcomes[14]),
            (Outcome::Expired, Outcome::Expired)
        );
        assert_eq!(rows[14].start, None);
        assert_eq!(outcomes[15..], [Outcome::Completed; 3]);
    }
}
