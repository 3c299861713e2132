//! Control events on replicas with requests in hand, worked out by hand, on both engines.

use crate::by_hand::{FIRST, SECOND_REPLICA, case, end_secs, in_seconds, run};
use crate::support::{SECOND, at, shape};
use hookean_kernel::SimTime;
use hookean_sim::plan::Discipline;
use hookean_sim::station::{Outcome, ReplicaReading};

const ALL: [Discipline; 3] = [
    Discipline::CentralFifo,
    Discipline::Fifo,
    Discipline::ProcessorSharing,
];

/// CPU in use and used so far, in thousandths of cores and of core-seconds.
fn cpu(reading: ReplicaReading) -> [u64; 2] {
    [reading.cpu_cores * 1e3, reading.cpu_core_ns / 1e6].map(|x| x.round() as u64)
}

#[test]
fn what_goes_back_to_the_one_queue_goes_before_what_came_later() {
    let case = case(
        Discipline::CentralFifo,
        &in_seconds(&[(0, 4), (0, 4), (1, 2)]),
    );
    let one = shape(1000, Some(1), 1.0);
    let rows = run(&case, &[one, one], |station| {
        station.advance(at(2 * SECOND));
        assert_eq!(station.requeue(at(2 * SECOND), FIRST), 1);
        assert_eq!(station.waiting(at(2 * SECOND)), 2);
        assert_eq!(station.ledger().started(), 1, "one start is taken back");
    });
    assert_eq!(end_secs(&rows), [8, 4, 10]);
    assert_eq!(rows[0].start, Some(at(4 * SECOND)), "with its whole work");
}

#[test]
fn what_is_routed_again_goes_before_what_came_later_to_its_new_replica() {
    let requests = in_seconds(&[(0, 4), (0, 6), (1, 2), (2, 1)]);
    let one = shape(1000, Some(1), 1.0);
    for discipline in [Discipline::Fifo, Discipline::ProcessorSharing] {
        let rows = run(&case(discipline, &requests), &[one, one], |station| {
            station.advance(at(3 * SECOND));
            assert_eq!(station.requeue(at(3 * SECOND), FIRST), 2);
        });
        assert_eq!(end_secs(&rows), [10, 6, 12, 13], "{discipline:?}");
        assert!(rows.iter().all(|row| row.replica == Some(SECOND_REPLICA)));
    }
}

#[test]
fn replicas_that_go_at_one_instant_do_not_send_their_requests_to_each_other() {
    let one = shape(1000, Some(1), 1.0);
    let case = case(
        Discipline::Fifo,
        &in_seconds(&[(0, 9), (0, 9), (0, 9), (1, 5)]),
    );
    let rows = run(&case, &[one, one, one], |station| {
        station.advance(at(2 * SECOND));
        station.requeue(at(2 * SECOND), FIRST);
        station.requeue(at(2 * SECOND), SECOND_REPLICA);
    });
    assert_eq!(end_secs(&rows), [18, 27, 9, 32]);
}

#[test]
fn what_has_been_there_for_longer_than_the_longest_wait_gives_up_instead() {
    for discipline in ALL {
        let mut case = case(discipline, &in_seconds(&[(0, 9), (2, 1)]));
        case.queue.timeout_ns = Some(2 * SECOND);
        let rows = run(&case, &[shape(1000, Some(2), 1.0)], |station| {
            station.advance(at(3 * SECOND));
            let back = station.requeue(at(3 * SECOND), FIRST);
            assert!(back <= 1, "{discipline:?}");
            station.add(at(3 * SECOND), SECOND_REPLICA, shape(1000, Some(1), 1.0));
        });
        assert_eq!(
            (rows[0].outcome, rows[0].end, rows[0].start),
            (Some(Outcome::TimedOut), Some(at(3 * SECOND)), None)
        );
        assert_eq!(rows[1].outcome, Some(Outcome::Completed));
    }
}

#[test]
fn a_pause_keeps_progress_and_lets_nothing_start() {
    for discipline in ALL {
        // A core each, and a slot is free when the second comes in the pause.
        let case = case(discipline, &in_seconds(&[(0, 4), (2, 1)]));
        let rows = run(&case, &[shape(2000, Some(2), 1.0)], |station| {
            station.advance(at(SECOND));
            station.pause(at(SECOND), FIRST);
            station.pause(at(SECOND), FIRST);
            station.advance(at(3 * SECOND));
            let reading = station.read(at(3 * SECOND), FIRST);
            assert_eq!(cpu(reading), [0, 1000], "{discipline:?}");
            assert_eq!(station.waiting(at(3 * SECOND)), 1);
            station.resume(at(3 * SECOND), FIRST);
            station.resume(at(3 * SECOND), FIRST);
        });
        assert_eq!(end_secs(&rows), [6, 4], "{discipline:?}");
        assert_eq!(rows[1].start, Some(at(3 * SECOND)));
    }
}

#[test]
fn other_slots_of_one_queue_serve_what_a_paused_replica_would_not() {
    let one = shape(1000, Some(1), 1.0);
    let requests = in_seconds(&[(2, 3), (2, 3)]);
    let ends = |discipline| {
        let rows = run(&case(discipline, &requests), &[one, one], |station| {
            station.pause(at(0), FIRST);
            station.advance(at(20 * SECOND));
            station.resume(at(20 * SECOND), FIRST);
        });
        end_secs(&rows)
    };
    assert_eq!(ends(Discipline::CentralFifo), [5, 8]);
    assert_eq!(
        ends(Discipline::Fifo),
        [23, 5],
        "routing does not know of a pause"
    );
}

#[test]
fn a_paused_replica_that_drains_is_empty_some_time_after_it_goes_on() {
    for discipline in ALL {
        let case = case(discipline, &in_seconds(&[(0, 4)]));
        run(&case, &[shape(1000, Some(1), 1.0)], |station| {
            station.advance(at(SECOND));
            station.pause(at(SECOND), FIRST);
            assert_eq!(
                station.drain(at(SECOND), FIRST),
                SimTime::MAX,
                "{discipline:?}"
            );
            station.set_speed(at(SECOND), FIRST, 3.0);
            station.advance(at(5 * SECOND));
            station.resume(at(5 * SECOND), FIRST);
            assert_eq!(station.drained_at(at(5 * SECOND), FIRST), at(6 * SECOND));
        });
    }
}

#[test]
fn a_resized_replica_serves_what_is_left_with_its_new_cpu() {
    for discipline in ALL {
        // Two requests share a core for 2 s, then two cores for the second that is left of each.
        let case = case(discipline, &in_seconds(&[(0, 2), (0, 2)]));
        let rows = run(&case, &[shape(1000, Some(2), 1.0)], |station| {
            station.advance(at(2 * SECOND));
            station.resize(at(2 * SECOND), FIRST, 2000);
            assert_eq!(cpu(station.read(at(2 * SECOND), FIRST)), [2000, 2000]);
            station.advance(at(4 * SECOND));
            assert_eq!(cpu(station.read(at(4 * SECOND), FIRST)), [0, 4000]);
        });
        assert_eq!(end_secs(&rows), [3, 3], "{discipline:?}");
    }
}
