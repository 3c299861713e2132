//! Requests that give up after a time in the station, in service too, on both engines.

use crate::by_hand::{FIRST, case, end_secs, in_seconds, run};
use crate::support::{SECOND, at, shape};
use hookean_sim::plan::Discipline;
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
