//! Small cases worked out by hand, on both engines, to the nanosecond.

use crate::support::{Case, SECOND, Traffic, at, rows, shape};
use hookean_sim::plan::{Discipline, EngineKind, RequestLog, Routing};
use hookean_sim::station::{Outcome, ReplicaId, ReplicaShape, RequestRow, Station};

const ENGINES: [EngineKind; 2] = [EngineKind::Lazy, EngineKind::Reference];
pub(crate) const FIRST: ReplicaId = ReplicaId(0);
pub(crate) const SECOND_REPLICA: ReplicaId = ReplicaId(1);

pub(crate) fn case(discipline: Discipline, requests: &[(u64, u64)]) -> Case {
    let mut case = Case::new(discipline, Traffic::Table(requests.to_vec()));
    case.requests = RequestLog::Full;
    case.queue.routing = Routing::LeastOutstanding;
    case
}

pub(crate) fn in_seconds(requests: &[(u64, u64)]) -> Vec<(u64, u64)> {
    requests
        .iter()
        .map(|(time, work)| (time * SECOND, work * SECOND))
        .collect()
}

/// Runs both engines with replicas from time 0 and control events, and returns their common log.
pub(crate) fn run(
    case: &Case,
    replicas: &[ReplicaShape],
    mut control: impl FnMut(&mut dyn Station),
) -> Vec<RequestRow> {
    let [lazy, reference] = ENGINES.map(|engine| {
        let mut station = case.build(engine);
        for (id, shape) in replicas.iter().enumerate() {
            station.add(at(0), ReplicaId(id as u32), *shape);
        }
        control(&mut *station);
        station.advance(at(1_000_000 * SECOND));
        rows(&mut *station, at(1_000_000 * SECOND))
    });
    assert_eq!(lazy, reference);
    lazy
}

fn ends(rows: &[RequestRow]) -> Vec<u64> {
    rows.iter()
        .map(|row| row.end.expect("every request has ended").as_nanos())
        .collect()
}

pub(crate) fn end_secs(rows: &[RequestRow]) -> Vec<u64> {
    let ends = ends(rows);
    assert!(ends.iter().all(|end| end % SECOND == 0), "{ends:?}");
    ends.iter().map(|end| end / SECOND).collect()
}

#[test]
fn sharing_requests_end_at_the_published_instants() {
    let requests = in_seconds(&[(1, 10), (3, 10), (4, 2), (40, 5), (42, 5)]);
    let rows = run(
        &case(Discipline::ProcessorSharing, &requests),
        &[shape(1000, None, 1.0)],
        |_| {},
    );
    assert_eq!(end_secs(&rows), [21, 23, 10, 48, 50]);
}

#[test]
fn cutting_the_advance_anywhere_changes_no_bit() {
    let requests = in_seconds(&[(1, 10), (3, 10), (4, 2), (40, 5), (42, 5)]);
    let rows = run(
        &case(Discipline::ProcessorSharing, &requests),
        &[shape(1000, None, 1.0)],
        |station| {
            for cut in 0..7_000 {
                station.advance(at(cut * 7_123_457));
            }
        },
    );
    assert_eq!(end_secs(&rows), [21, 23, 10, 48, 50]);
}

/// Two cores: 0-2 s two requests run at full speed; from 2 s three share two cores at 2/3 each.
#[test]
fn several_cores_are_shared_only_when_there_are_more_requests_than_cores() {
    let requests = in_seconds(&[(0, 4), (0, 6), (2, 2)]);
    let rows = run(
        &case(Discipline::ProcessorSharing, &requests),
        &[shape(2000, None, 1.0)],
        |_| {},
    );
    // Left at 2 s: 2, 4, 2. The first and the third end at 2 + 2 * 3/2 = 5 s; the second has 2 left and ends at 7 s.
    assert_eq!(end_secs(&rows), [5, 7, 5]);
}

/// A limit of two in service: the third waits until the first leaves.
#[test]
fn a_concurrency_limit_makes_sharing_requests_wait() {
    let requests = in_seconds(&[(0, 2), (0, 4), (1, 1)]);
    let rows = run(
        &case(Discipline::ProcessorSharing, &requests),
        &[shape(1000, Some(2), 1.0)],
        |_| {},
    );
    // 0-4 s: two share; the first ends at 4 s. The third starts then; 2 left and 1: it ends at 6 s, the second at 7 s.
    assert_eq!(end_secs(&rows), [4, 7, 6]);
    assert_eq!(rows[2].start, Some(at(4 * SECOND)));
}

/// Thirds of a nanosecond: ends are rounded to the nearest, and rounding does not add up.
#[test]
fn thirds_round_to_the_nearest_nanosecond_and_do_not_add_up() {
    let requests: Vec<(u64, u64)> = (0..3).map(|_| (0, 1_000_000_000)).collect();
    let rows = run(
        &case(Discipline::ProcessorSharing, &requests),
        &[shape(1000, None, 3.0)],
        |_| {},
    );
    assert_eq!(ends(&rows), [SECOND, SECOND, SECOND]);

    // A busy period of 3,003 ns of work at speed 3 is 1,001 ns long, whatever the rounding inside.
    let requests: Vec<(u64, u64)> = (0..2_999).map(|i| (0, if i < 2 { 3 } else { 1 })).collect();
    for concurrency in [1, 2, 7] {
        let replica = shape(1000, Some(concurrency), 3.0);
        let rows = run(
            &case(Discipline::ProcessorSharing, &requests),
            &[replica],
            |_| {},
        );
        assert_eq!(
            ends(&rows).into_iter().max(),
            Some(1_001),
            "{concurrency} in service"
        );
    }
}

#[test]
fn a_change_of_speed_keeps_the_work_done() {
    for discipline in [
        Discipline::ProcessorSharing,
        Discipline::Fifo,
        Discipline::CentralFifo,
    ] {
        let requests = in_seconds(&[(0, 10)]);
        let rows = run(
            &case(discipline, &requests),
            &[shape(1000, Some(1), 1.0)],
            |station| {
                station.advance(at(4 * SECOND));
                station.set_speed(at(4 * SECOND), FIRST, 0.5);
                station.advance(at(8 * SECOND));
                station.set_speed(at(8 * SECOND), FIRST, 2.0);
            },
        );
        // 4 s at 1, 4 s at 1/2, the last 4 at 2: 4 + 4 + 2.
        assert_eq!(end_secs(&rows), [10], "{discipline:?}");
    }
}

#[test]
fn a_slot_of_a_shared_core_is_slower() {
    for discipline in [Discipline::Fifo, Discipline::CentralFifo] {
        let requests = in_seconds(&[(0, 1), (0, 2)]);
        let mut used = 0.0;
        let rows = run(
            &case(discipline, &requests),
            &[shape(1000, Some(2), 1.0)],
            |station| {
                station.advance(at(3 * SECOND));
                used = station.read(at(3 * SECOND), FIRST).cpu_core_ns;
            },
        );
        assert_eq!(end_secs(&rows), [2, 4], "{discipline:?}");
        assert!((used - 2.5e9).abs() < 1.0, "{used}");
    }
}

#[test]
fn a_request_may_start_exactly_at_its_timeout_and_not_later() {
    for discipline in [
        Discipline::ProcessorSharing,
        Discipline::Fifo,
        Discipline::CentralFifo,
    ] {
        let mut case = case(discipline, &in_seconds(&[(0, 5), (2, 1), (2, 1)]));
        case.queue.timeout_ns = Some(3 * SECOND);
        let rows = run(&case, &[shape(1000, Some(1), 1.0)], |_| {});
        assert_eq!(end_secs(&rows), [5, 6, 5], "{discipline:?}");
        let outcomes = [Outcome::Completed, Outcome::Completed, Outcome::TimedOut].map(Some);
        assert_eq!(
            rows.iter().map(|row| row.outcome).collect::<Vec<_>>(),
            outcomes
        );
    }
}

#[test]
fn a_full_queue_rejects_and_a_departure_makes_room_for_an_arrival_of_the_same_instant() {
    for discipline in [
        Discipline::ProcessorSharing,
        Discipline::Fifo,
        Discipline::CentralFifo,
    ] {
        let mut case = case(discipline, &in_seconds(&[(0, 5), (1, 1), (2, 1), (5, 1)]));
        case.queue.limit = Some(1);
        let rows = run(&case, &[shape(1000, Some(1), 1.0)], |_| {});
        assert_eq!(end_secs(&rows), [5, 6, 2, 7], "{discipline:?}");
        assert_eq!(rows[2].outcome, Some(Outcome::Rejected));
    }
}

#[test]
fn without_a_ready_replica_requests_wait_for_one() {
    for discipline in [
        Discipline::ProcessorSharing,
        Discipline::Fifo,
        Discipline::CentralFifo,
    ] {
        let case = case(discipline, &in_seconds(&[(1, 1), (2, 1)]));
        let rows = run(&case, &[], |station| {
            station.advance(at(10 * SECOND));
            assert_eq!(station.waiting(at(10 * SECOND)), 2);
            station.add(at(10 * SECOND), FIRST, shape(1000, Some(1), 1.0));
        });
        assert_eq!(end_secs(&rows), [11, 12], "{discipline:?}");
        assert_eq!(rows[0].start, Some(at(10 * SECOND)));
    }
}

#[test]
fn a_drained_replica_finishes_what_it_holds_and_takes_no_more() {
    for discipline in [Discipline::ProcessorSharing, Discipline::Fifo] {
        let case = case(discipline, &in_seconds(&[(0, 4), (0, 4), (1, 2), (3, 2)]));
        let rows = run(
            &case,
            &[shape(1000, Some(1), 1.0), shape(1000, Some(1), 1.0)],
            |station| {
                station.advance(at(2 * SECOND));
                // It serves the first request until 4 s and then the third until 6 s.
                assert_eq!(station.drain(at(2 * SECOND), FIRST), at(6 * SECOND));
                station.advance(at(5 * SECOND));
                assert_eq!(station.drained_at(at(5 * SECOND), FIRST), at(6 * SECOND));
            },
        );
        assert_eq!(end_secs(&rows), [4, 4, 6, 6], "{discipline:?}");
        assert_eq!(rows[3].replica, Some(SECOND_REPLICA));
    }
    let case = case(
        Discipline::CentralFifo,
        &in_seconds(&[(0, 4), (0, 3), (1, 2)]),
    );
    let rows = run(
        &case,
        &[shape(1000, Some(1), 1.0), shape(1000, Some(1), 1.0)],
        |station| {
            station.advance(at(2 * SECOND));
            assert_eq!(station.drain(at(2 * SECOND), FIRST), at(4 * SECOND));
        },
    );
    assert_eq!(end_secs(&rows), [4, 3, 5]);
}

#[test]
fn a_killed_replica_loses_what_it_holds() {
    for (discipline, lost) in [
        (Discipline::ProcessorSharing, 2),
        (Discipline::Fifo, 2),
        (Discipline::CentralFifo, 1),
    ] {
        let case = case(discipline, &in_seconds(&[(0, 4), (1, 2)]));
        let rows = run(&case, &[shape(1000, Some(1), 1.0)], |station| {
            // State is that just before: a request that would end at this instant is lost.
            station.advance(at(4 * SECOND));
            assert_eq!(station.kill(at(4 * SECOND), FIRST), lost, "{discipline:?}");
            station.add(at(4 * SECOND), SECOND_REPLICA, shape(1000, Some(1), 1.0));
        });
        assert_eq!(
            (rows[0].outcome, rows[0].end),
            (Some(Outcome::Lost), Some(at(4 * SECOND)))
        );
        let second = if lost == 2 {
            (Outcome::Lost, 4)
        } else {
            (Outcome::Completed, 6)
        };
        assert_eq!(
            (rows[1].outcome, rows[1].end),
            (Some(second.0), Some(at(second.1 * SECOND)))
        );
    }
}

#[test]
fn the_central_queue_takes_the_slot_that_has_been_free_longest() {
    let case = case(
        Discipline::CentralFifo,
        &in_seconds(&[(0, 3), (0, 1), (5, 1), (6, 1), (9, 1)]),
    );
    let rows = run(
        &case,
        &[shape(1000, Some(1), 1.0), shape(1000, Some(1), 1.0)],
        |_| {},
    );
    let replicas: Vec<u32> = rows.iter().map(|row| row.replica.unwrap().0).collect();
    // Free since: 3 s and 1 s; at 6 s: 3 s and 6 s; at 9 s: 7 s and 6 s.
    assert_eq!(replicas, [0, 1, 1, 0, 1]);
}

/// A year of sparse requests with jobs longer than the winner tree's keys, on 4,096 slots (47 bits of time: 39 hours).
#[test]
fn a_year_with_very_long_requests_neither_wraps_nor_loses_order() {
    let day = 86_400 * SECOND;
    let requests: Vec<(u64, u64)> = (0..365)
        .map(|i| (i * day, if i % 7 == 0 { 90 * day } else { SECOND }))
        .collect();
    for discipline in [
        Discipline::CentralFifo,
        Discipline::Fifo,
        Discipline::ProcessorSharing,
    ] {
        let [lazy, reference] = ENGINES.map(|engine| {
            let mut station = case(discipline, &requests).build(engine);
            let wide = if discipline == Discipline::CentralFifo {
                2_048
            } else {
                1
            };
            for id in 0..2 {
                station.add(
                    at(0),
                    ReplicaId(id),
                    shape(1000 * u64::from(wide), Some(wide), 1.0),
                );
            }
            station.advance(at(1_000 * day));
            rows(&mut *station, at(1_000 * day))
        });
        assert_eq!(lazy, reference, "{discipline:?}");
        if discipline == Discipline::CentralFifo {
            assert!(
                lazy.iter()
                    .zip(&requests)
                    .all(|(row, (time, work))| row.end == Some(at(time + work)))
            );
        }
    }
}
