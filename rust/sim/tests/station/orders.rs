//! Orders of service worked out by hand, on both engines, to the nanosecond.

use crate::support::{Case, Traffic, at, rows, shape};
use Outcome::{Completed, Lost, Rejected, TimedOut};
use hookean_kernel::Distribution;
use hookean_sim::plan::{
    BackoffPlan, ClassPlan, ClientsPlan, Discipline, EngineKind, Jitter, RequestLog, RetryPlan,
    Routing, WhenFull,
};
use hookean_sim::station::{Outcome, ReplicaId, Station};
use hookean_sim::workload::Classes;

const NEWEST_FIRST: [Discipline; 2] = [Discipline::CentralLifo, Discipline::Lifo];
const BY_LEVEL: [Discipline; 2] = [Discipline::CentralPriority, Discipline::Priority];
const ONLY: ReplicaId = ReplicaId(0);

fn case(discipline: Discipline, requests: &[(u64, u64)]) -> Case {
    let mut case = Case::new(discipline, Traffic::Table(requests.to_vec()));
    case.requests = RequestLog::Full;
    case
}

fn classes() -> Vec<ClassPlan> {
    let class = |name: &str, level| ClassPlan {
        name: name.into(),
        share: 0.5,
        level,
        work_factor: 1.0,
    };
    vec![class("high", 0), class("low", 1)]
}

/// A case whose requests are of these levels: the seed is one that draws them.
fn case_of_levels(discipline: Discipline, requests: &[(usize, u64, u64)]) -> Case {
    let table: Vec<_> = requests
        .iter()
        .map(|(_, time, work)| (*time, *work))
        .collect();
    let mut case = case(discipline, &table);
    case.classes = classes();
    let draws = |seed: &u64| {
        let drawn = Classes::new(&case.classes, *seed, "web");
        let levels = requests.iter().enumerate();
        levels
            .into_iter()
            .all(|(i, (level, ..))| drawn.level(i as u64) == *level)
    };
    case.seed = (0..100_000).find(draws).expect("each seed has its chance");
    case
}

/// How requests end on one slot, with control events.
fn ends(case: &Case, control: impl Fn(&mut dyn Station)) -> Vec<(u64, Outcome)> {
    let [lazy, reference] = [EngineKind::Lazy, EngineKind::Reference].map(|engine| {
        let mut station = case.build(engine);
        station.add(at(0), ONLY, shape(1000, Some(1), 1.0));
        control(&mut *station);
        station.advance(at(100_000));
        rows(&mut *station, at(100_000))
    });
    assert_eq!(lazy, reference);
    let end = |row: &hookean_sim::station::RequestRow| {
        let ended = "every request has ended";
        (row.end.expect(ended).as_nanos(), row.outcome.expect(ended))
    };
    lazy.iter().map(end).collect()
}

#[test]
fn the_newest_is_served_next_and_nobody_is_interrupted() {
    for discipline in NEWEST_FIRST {
        let case = case(discipline, &[(0, 10), (1, 10), (2, 10), (12, 10), (20, 10)]);
        // The last comes at the instant at which the slot is taken again, and is too late for it.
        let expected = [10, 50, 20, 30, 40].map(|end| (end, Completed));
        assert_eq!(ends(&case, |_| {}), expected, "{discipline:?}");
    }
}

#[test]
fn the_oldest_gives_up_first_and_leaves_its_place() {
    for discipline in NEWEST_FIRST {
        let requests = [(0, 30), (1, 10), (2, 10), (3, 10), (21, 10), (22, 10)];
        let mut case = case(discipline, &requests);
        (case.queue.limit, case.queue.timeout_ns) = (Some(2), Some(20));
        // The fourth finds two waiting; those give up at 21 and 22, and arrivals of these instants have their places.
        let expected = [
            (30, Completed),
            (21, TimedOut),
            (22, TimedOut),
            (3, Rejected),
            (50, Completed),
            (40, Completed),
        ];
        assert_eq!(ends(&case, |_| {}), expected, "{discipline:?}");
    }
}

#[test]
fn an_earlier_level_is_served_first_and_in_turn() {
    for discipline in BY_LEVEL {
        let requests = [(1, 0, 10), (1, 1, 10), (0, 2, 10), (0, 3, 10), (0, 35, 10)];
        let case = case_of_levels(discipline, &requests);
        let expected = [10, 40, 20, 30, 50].map(|end| (end, Completed));
        assert_eq!(ends(&case, |_| {}), expected, "{discipline:?}");
    }
}

#[test]
fn a_full_queue_rejects_whoever_comes_unless_it_pushes_out() {
    let requests = [
        (1, 0, 10),
        (1, 1, 10),
        (1, 2, 10),
        (0, 3, 10),
        (1, 4, 10),
        (0, 5, 10),
        (0, 6, 10),
    ];
    for discipline in BY_LEVEL {
        let mut case = case_of_levels(discipline, &requests);
        case.queue.limit = Some(2);
        let rejected = |end| (end, Rejected);
        let expected = [(10, Completed), (20, Completed), (30, Completed)];
        let expected = [&expected[..], &[3, 4, 5, 6].map(rejected)].concat();
        assert_eq!(ends(&case, |_| {}), expected, "{discipline:?}");

        case.queue.when_full = WhenFull::PushOut;
        // The first of level 0 pushes out the newest of level 1, the second the other; then there is none to push out.
        let expected = [
            (10, Completed),
            rejected(5),
            rejected(3),
            (20, Completed),
            rejected(4),
            (30, Completed),
            rejected(6),
        ];
        assert_eq!(ends(&case, |_| {}), expected, "{discipline:?}");
    }
}

#[test]
fn of_all_levels_the_oldest_gives_up_first() {
    for discipline in BY_LEVEL {
        let requests = [(0, 0, 40), (1, 1, 10), (0, 5, 10), (1, 6, 10), (1, 30, 10)];
        let mut case = case_of_levels(discipline, &requests);
        case.queue.timeout_ns = Some(20);
        let expected = [
            (40, Completed),
            (21, TimedOut),
            (25, TimedOut),
            (26, TimedOut),
            (50, Completed),
        ];
        assert_eq!(ends(&case, |_| {}), expected, "{discipline:?}");
    }
}

#[test]
fn what_waits_outlives_a_replica_only_in_the_central_queue() {
    let requests = [(0, 10), (1, 10), (2, 10)];
    let kill = |station: &mut dyn Station| {
        station.advance(at(5));
        station.kill(at(5), ONLY);
        station.advance(at(7));
        station.add(at(7), ReplicaId(1), shape(1000, Some(1), 0.5));
    };
    let central = ends(&case(Discipline::CentralLifo, &requests), kill);
    assert_eq!(central, [(5, Lost), (47, Completed), (27, Completed)]);
    let own = ends(&case(Discipline::Lifo, &requests), kill);
    assert_eq!(own, [5; 3].map(|end| (end, Lost)));
}

/// Callers who try again at once what was lost with a replica.
const AT_ONCE: RetryPlan = RetryPlan {
    after_rejected: false,
    after_timed_out: false,
    after_lost: true,
    after_unanswered: true,
    attempts_max: 2,
    backoff: BackoffPlan {
        initial_ns: 0,
        factor: 1.0,
        maximum_ns: 0,
        jitter: Jitter::None,
    },
    budget: None,
};

#[test]
fn who_comes_later_at_one_instant_is_later_whatever_its_number() {
    for (discipline, last_end) in [
        (Discipline::Fifo, 45),
        (Discipline::Priority, 45),
        (Discipline::Lifo, 25),
    ] {
        let mut case = case(discipline, &[(0, 20), (5, 20), (6, 1)]);
        case.queue.routing = Routing::RoundRobin;
        case.classes = classes()[..1].to_vec();
        case.classes[0].share = 1.0;
        case.retry = Some(AT_ONCE);
        case.clients = Some(ClientsPlan {
            count: 1,
            think: Distribution::Constant { value_ns: 0 },
            duration_ns: Some(11),
        });
        // The first open request and the client's are lost at 10 and sent again. The former waits on replica 1; the latter
        // needs no work, is done on replica 2, and the client sends its next at the same instant: a first attempt, which
        // waits on replica 1 behind a second one, whose number is higher.
        let control = |station: &mut dyn Station| {
            station.advance(at(1));
            station.add(at(1), ReplicaId(1), shape(1000, Some(1), 1.0));
            station.add(at(1), ReplicaId(2), shape(1000, Some(1), 1.0));
            station.advance(at(10));
            station.kill(at(10), ONLY);
        };
        let open = [(10, Lost), (45, Completed), (25, Completed), (7, Completed)];
        let client = [(10, Lost), (10, Completed), (last_end, Completed)];
        let expected = [&open[..], &client].concat();
        assert_eq!(ends(&case, control), expected, "{discipline:?}");
    }
}

#[test]
fn classes_have_books_of_their_own_and_work_of_their_own() {
    let requests = [(0, 0, 10), (1, 1, 10), (0, 2, 10), (1, 3, 10)];
    let mut case = case_of_levels(Discipline::CentralFifo, &requests);
    case.classes[1].work_factor = 2.5;
    case.queue.limit = Some(2);
    for engine in [EngineKind::Lazy, EngineKind::Reference] {
        let mut station = case.build(engine);
        station.add(at(0), ONLY, shape(1000, Some(1), 1.0));
        station.advance(at(40));
        let works: Vec<u64> = rows(&mut *station, at(40))
            .iter()
            .map(|row| row.work_ns)
            .collect();
        assert_eq!(works, [10, 25, 10, 25]);
        let (_, books) = station.ledger().classes().unwrap();
        // High: served 0 to 10, and from 35 on. Low: served 10 to 35; rejected.
        let [high, low] = books else {
            panic!("{books:?}")
        };
        assert_eq!(
            (high.counts().arrivals, high.started, high.in_system),
            (2, 2, 1)
        );
        assert_eq!((high.wait_sum_ns, high.latency_sum_ns), (33, 10));
        assert_eq!(
            (low.counts().arrivals, low.started, low.counts().rejected),
            (2, 1, 1)
        );
        assert_eq!((low.wait_sum_ns, low.latency_sum_ns), (9, 34));
    }
}
