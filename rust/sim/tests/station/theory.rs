//! Stations against queueing theory.
//!
//! Means are taken over 40 batches of equal simulated time after a warm-up. A test passes when the value of theory lies in
//! the 99.9 % confidence interval of the batch means (Student, 39 degrees of freedom) and that interval is narrower than
//! the stated bound, so that it cannot pass for being vague. Seeds are fixed.

use crate::support::{Case, DISCIPLINES, SECOND, Traffic, at, rows, shape};
use hookean_kernel::Distribution;
use hookean_sim::plan::{ClassPlan, Discipline, EngineKind, RequestLog, Routing, WhenFull};
use hookean_sim::station::{Ledger, ReplicaId, ReplicaShape, RequestRow, Station};

const BATCHES: usize = 40;
/// Student's t, 39 degrees of freedom, two-sided 99.9 %.
const STUDENT: f64 = 3.558;
const EXPONENTIAL: Distribution = Distribution::Exponential { mean_ns: SECOND };

/// Offered load Poisson at `rate` per second, for `requests` requests in expectation.
struct Run {
    discipline: Discipline,
    rate: f64,
    work: Distribution,
    requests: f64,
    limit: Option<u64>,
    classes: Vec<ClassPlan>,
    replicas: Vec<ReplicaShape>,
}

impl Run {
    fn new(
        discipline: Discipline,
        rate: f64,
        work: Distribution,
        replicas: Vec<ReplicaShape>,
    ) -> Self {
        Self {
            discipline,
            rate,
            work,
            requests: 4e6,
            limit: None,
            classes: vec![],
            replicas,
        }
    }

    fn servers(count: usize, load: f64) -> Self {
        let replicas = vec![shape(1000, Some(1), 1.0); count];
        Self::new(
            Discipline::CentralFifo,
            load * count as f64,
            EXPONENTIAL,
            replicas,
        )
    }

    /// Mean of each batch: sum over count of what the ledger says, in seconds.
    fn batches(&self, mean: impl Fn(&Ledger) -> (u128, u64)) -> Vec<f64> {
        let span = (self.requests / self.rate) as u64 * SECOND;
        let mut case = Case::new(
            self.discipline,
            Traffic::Poisson(vec![1.1 * self.requests], span / 10 * 11, self.work.clone()),
        );
        case.queue.limit = self.limit;
        case.classes.clone_from(&self.classes);
        batch_means(&case, &self.replicas, span, mean)
    }

    fn waits(&self) -> Vec<f64> {
        seconds(&self.batches(|ledger| (ledger.wait_sum_ns(), ledger.started())))
    }

    fn latencies(&self) -> Vec<f64> {
        seconds(&self.batches(|ledger| (ledger.latency_sum_ns(), ledger.counts().completed)))
    }
}

/// Mean of each batch of a case on these replicas over a span, the first twentieth left out.
pub(crate) fn batch_means(
    case: &Case,
    replicas: &[ReplicaShape],
    span: u64,
    mean: impl Fn(&Ledger) -> (u128, u64),
) -> Vec<f64> {
    let mut station = case.build(EngineKind::Lazy);
    for (id, shape) in replicas.iter().enumerate() {
        station.add(at(0), ReplicaId(id as u32), *shape);
    }
    station.advance(at(span / 20));
    let mut before = mean(station.ledger());
    let step = (span - span / 20) / BATCHES as u64;
    let mut batch = |i: usize| {
        station.advance(at(span / 20 + step * (i as u64 + 1)));
        let now = mean(station.ledger());
        let value = (now.0 - before.0) as f64 / (now.1 - before.1) as f64;
        before = now;
        value
    };
    (0..BATCHES).map(&mut batch).collect()
}

pub(crate) fn seconds(nanos: &[f64]) -> Vec<f64> {
    nanos.iter().map(|value| value / SECOND as f64).collect()
}

/// Checks that `expected` lies in the confidence interval and that the interval's half width is at most `width` of it.
pub(crate) fn check(name: &str, batches: &[f64], expected: f64, width: f64) {
    let n = batches.len() as f64;
    let mean = batches.iter().sum::<f64>() / n;
    let variance = batches.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0);
    let half = STUDENT * (variance / n).sqrt();
    assert!(
        (mean - expected).abs() <= half,
        "{name}: {mean} +- {half}, expected {expected}"
    );
    assert!(
        half <= width * expected,
        "{name}: the interval {mean} +- {half} is wider than {width} of {expected}"
    );
}

/// Mean wait in M/M/c with mean service 1 (Erlang C, by the recursion of Erlang B).
fn erlang_c_wait(servers: usize, load: f64) -> f64 {
    let offered = load * servers as f64;
    let blocked = (1..=servers).fold(1.0, |b, k| offered * b / (k as f64 + offered * b));
    let waits = blocked / (1.0 - load * (1.0 - blocked));
    waits / (servers as f64 * (1.0 - load))
}

#[test]
fn one_server_waits_as_in_m_m_1() {
    check("M/M/1", &Run::servers(1, 0.7).waits(), 0.7 / 0.3, 0.03);
}

/// Last come, first served in M/M/1: the mean wait is that of first come, and the second moment is 1 / (1 - load) times
/// as large (Takacs 1963), here 2 load / (1 - load)^2 / (1 - load) = 8.
#[test]
fn last_come_first_served_waits_alike_but_less_evenly() {
    let mut run = Run::servers(1, 0.5);
    run.discipline = Discipline::CentralLifo;
    check("M/M/1-LCFS", &run.waits(), 1.0, 0.02);
    let traffic = Traffic::Poisson(vec![1e6], 2_000_000 * SECOND, EXPONENTIAL);
    let mut case = Case::new(run.discipline, traffic);
    case.requests = RequestLog::Full;
    let mut station = case.build(EngineKind::Lazy);
    station.add(at(0), ReplicaId(0), run.replicas[0]);
    station.advance(at(4_000_000 * SECOND));
    let wait = |row: &RequestRow| row.start.map(|start| start.saturating_since(row.arrival));
    let waits: Vec<f64> = rows(&mut *station, at(4_000_000 * SECOND))
        .iter()
        .map(|row| wait(row).expect("all are served").as_nanos() as f64 / SECOND as f64)
        .collect();
    let squares =
        |batch: &[f64]| batch.iter().map(|wait| wait * wait).sum::<f64>() / batch.len() as f64;
    let batches: Vec<f64> = waits[20_000..].chunks_exact(24_400).map(squares).collect();
    check("M/M/1-LCFS, second moment", &batches, 8.0, 0.12);
}

fn class(name: &str, share: f64, level: u32, work_factor: f64) -> ClassPlan {
    ClassPlan {
        name: name.into(),
        share,
        level,
        work_factor,
    }
}

/// Mean waits of non-preemptive priority (Cobham 1954): the mean wait `first` for a server to be free, over the shares of
/// the servers that earlier levels, and those with the own level, leave. `loads` are those of the levels.
fn cobham_waits(first: f64, loads: &[f64]) -> Vec<f64> {
    let left = |levels: usize| 1.0 - loads[..levels].iter().sum::<f64>();
    let wait = |level: usize| first / (left(level) * left(level + 1));
    (0..loads.len()).map(wait).collect()
}

fn check_classes(name: &str, run: &Run, waits: &[f64], width: f64) {
    for (class, expected) in waits.iter().enumerate() {
        let of_class = |ledger: &Ledger| {
            let book = &ledger.classes().expect("there are classes").1[class];
            (book.wait_sum_ns, book.started)
        };
        let name = format!("{name}, level {class}");
        check(&name, &seconds(&run.batches(of_class)), *expected, width);
    }
}

#[test]
fn levels_wait_as_cobham_says_in_m_m_c() {
    let (servers, load) = (4, 0.9);
    let mut run = Run::servers(servers, load);
    run.discipline = Discipline::CentralPriority;
    run.classes = vec![
        class("a", 0.2, 1, 1.0),
        class("b", 0.3, 2, 1.0),
        class("c", 0.5, 9, 1.0),
    ];
    let first = erlang_c_wait(servers, load) * (1.0 - load);
    let waits = cobham_waits(first, &[0.2 * load, 0.3 * load, 0.5 * load]);
    check_classes("M/M/4, priority", &run, &waits, 0.05);
}

#[test]
fn levels_of_different_work_wait_as_cobham_says_in_m_g_1() {
    // Gamma with shape 2: the second moment is 1.5 times the square of the mean. The mean work of both classes is 0.8.
    let work = Distribution::Gamma {
        mean_ns: SECOND,
        shape: 2.0,
    };
    let (rate, shares, factors) = (0.9, [0.4, 0.6], [0.5, 1.0]);
    let mut run = Run::new(
        Discipline::CentralPriority,
        rate,
        work,
        vec![shape(1000, Some(1), 1.0)],
    );
    run.classes = vec![
        class("short", shares[0], 0, factors[0]),
        class("whole", shares[1], 1, factors[1]),
    ];
    let parts = || shares.iter().zip(factors);
    let first: f64 = parts()
        .map(|(share, f)| rate * share * 1.5 * f * f / 2.0)
        .sum();
    let loads: Vec<f64> = parts().map(|(share, f)| rate * share * f).collect();
    check_classes("M/G/1, priority", &run, &cobham_waits(first, &loads), 0.03);
}

/// Pollaczek and Khinchine: the mean wait of M/G/1 is load x (1 + cv^2) / 2 / (1 - load) mean services.
#[test]
fn one_server_waits_as_in_m_g_1() {
    let mean_ns = SECOND;
    let gamma = |shape| Distribution::Gamma { mean_ns, shape };
    let weibull = |shape| Distribution::Weibull { mean_ns, shape };
    // Weibull: 1 + cv^2 = gamma(1 + 2/shape) / gamma(1 + 1/shape)^2, here 4! / 2!^2 and 1 / (sqrt(pi) / 2)^2.
    let cases = [
        (gamma(0.5), 3.0, 0.04),
        (gamma(4.0), 1.25, 0.03),
        (weibull(0.5), 6.0, 0.08),
        (weibull(2.0), 4.0 / std::f64::consts::PI, 0.03),
    ];
    for (work, square, width) in cases {
        let name = format!("M/G/1, {work:?}");
        let replicas = vec![shape(1000, Some(1), 1.0)];
        let run = Run::new(Discipline::CentralFifo, 0.6, work, replicas);
        check(&name, &run.waits(), 0.6 * square / 2.0 / 0.4, width);
    }
}

/// The bounded Pareto law of the specification: shape 1.5, largest 1,000 times the least, mean 1, cv^2 = 9.8848.
#[test]
fn one_server_waits_as_in_m_g_1_with_a_heavy_tail() {
    let (low_ns, high_ns) = (344_207_592, 344_207_592_000);
    let work = Distribution::Pareto {
        low_ns,
        high_ns,
        shape: 1.5,
    };
    assert!((work.mean_ns() / SECOND as f64 - 1.0).abs() < 1e-8);
    let replicas = vec![shape(1000, Some(1), 1.0)];
    let run = Run::new(Discipline::CentralFifo, 0.5, work, replicas);
    let expected = 0.5 * (1.0 + 9.884_799_792_761_825) / 2.0 / 0.5;
    check("M/G/1, Pareto", &run.waits(), expected, 0.1);
}

#[test]
fn servers_with_one_queue_wait_as_in_m_m_c() {
    for (servers, load, width) in [(2, 0.8, 0.04), (10, 0.85, 0.04), (100, 0.9, 0.1)] {
        let mut run = Run::servers(servers, load);
        run.requests = 6e6;
        check(
            &format!("M/M/{servers}"),
            &run.waits(),
            erlang_c_wait(servers, load),
            width,
        );
    }
}

#[test]
fn a_full_room_blocks_as_in_m_m_c_k() {
    // Ten servers, fifteen places, load 1.1: 0.152395224771188 by the steady state of the birth-death chain.
    let mut run = Run::servers(10, 1.1);
    run.limit = Some(5);
    let blocked = run.batches(|ledger| {
        (
            u128::from(ledger.counts().rejected),
            ledger.counts().arrivals,
        )
    });
    check("M/M/10/15", &blocked, 0.152_395_224_771_188, 0.015);
}

/// Mean sojourn of M/G/1 processor sharing is that of exponential work, whatever the law of work.
#[test]
fn sharing_one_core_is_insensitive_to_the_law_of_work() {
    // Lognormal with mean 1 s and squared coefficient of variation 2: sigma^2 = ln 3, median = 1 / sqrt(3).
    let lognormal = Distribution::Lognormal {
        median_ns: 577_350_269,
        sigma: 1.048_147_074,
    };
    for work in [
        Distribution::Constant { value_ns: SECOND },
        lognormal,
        EXPONENTIAL,
    ] {
        let name = format!("{work:?}");
        let run = Run::new(
            Discipline::ProcessorSharing,
            0.7,
            work,
            vec![shape(1000, None, 1.0)],
        );
        check(&name, &run.latencies(), 1.0 / 0.3, 0.03);
    }
}

/// Sharing c cores with at most one core for each request has the number in system of M/M/c for every law of work.
#[test]
fn sharing_many_cores_behaves_as_m_m_c() {
    let work = Distribution::Constant { value_ns: SECOND };
    let run = Run::new(
        Discipline::ProcessorSharing,
        9.0,
        work,
        vec![shape(10_000, None, 1.0)],
    );
    check(
        "M/D/10-PS",
        &run.latencies(),
        1.0 + erlang_c_wait(10, 0.9),
        0.03,
    );
}

/// Replicas chosen at random split a Poisson stream into Poisson streams: each is M/M/1.
#[test]
fn random_routing_splits_into_independent_queues() {
    for discipline in [Discipline::Fifo, Discipline::ProcessorSharing] {
        let replicas = vec![
            shape(
                1000,
                Some(if discipline == Discipline::Fifo {
                    1
                } else {
                    u32::MAX
                }),
                1.0
            );
            8
        ];
        let run = Run::new(discipline, 0.7 * 8.0, EXPONENTIAL, replicas);
        check(
            &format!("{discipline:?}"),
            &run.latencies(),
            1.0 / 0.3,
            0.03,
        );
    }
}

/// Little's law without tolerance: the integral of the number in system, kept by the event list on its own, is the sum of
/// the times that requests spent in the system.
#[test]
fn the_number_in_system_integrates_to_the_time_spent_there() {
    for discipline in DISCIPLINES {
        let traffic =
            Traffic::Poisson(vec![4_000.0, 9_000.0, 2_000.0], 1_000 * SECOND, EXPONENTIAL);
        let mut case = Case::new(discipline, traffic);
        case.requests = RequestLog::Full;
        case.classes = vec![class("a", 0.5, 0, 1.0), class("b", 0.5, 1, 1.0)];
        if discipline.has_levels() {
            case.queue.when_full = WhenFull::PushOut;
        }
        case.queue.routing = Routing::LeastOutstanding;
        (case.queue.limit, case.queue.timeout_ns) = (Some(3), Some(2 * SECOND));
        let mut station = case.build_reference();
        for id in 0..6 {
            station.add(at(0), ReplicaId(id), shape(1000, Some(1), 1.0));
        }
        for (secs, id) in [(1_200, 0), (1_500, 1), (2_500, 2)] {
            station.advance(at(secs * SECOND));
            station.kill(at(secs * SECOND), ReplicaId(id));
        }
        let end = at(10_000 * SECOND);
        station.advance(end);
        assert_eq!(station.in_system(end), 0, "{discipline:?}");
        let integral = station.number_in_system().integral(end);
        let counts = station.ledger().counts();
        assert!(
            counts.rejected > 0 && counts.timed_out > 0 && counts.lost > 0,
            "{discipline:?}: {counts:?}"
        );
        let spent = |row: &RequestRow| row.end.unwrap().as_nanos() - row.arrival.as_nanos();
        let spent: u128 = rows(&mut station, end)
            .iter()
            .map(|row| u128::from(spent(row)))
            .sum();
        assert_eq!(integral, spent, "{discipline:?}");
    }
}
