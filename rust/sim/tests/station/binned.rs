//! The binned tier: requests stay whole under random control events, and its figures are near those of single requests.

use crate::support::{Case, SECOND, Traffic, at, digest, shape};
use hookean_kernel::Distribution;
use hookean_sim::plan::{Discipline, EngineKind, QueuePlan, Routing};
use hookean_sim::station::{ReplicaId, ReplicaReading, ReplicaShape, Station};
use proptest::prelude::*;

const EXPONENTIAL: Distribution = Distribution::Exponential { mean_ns: SECOND };

#[derive(Debug, Clone)]
enum Action {
    Add(ReplicaShape),
    Drain(usize),
    Kill(usize),
    Speed(usize, f64),
    Requeue(usize),
    Resize(usize, u64),
    Pause(usize),
    Resume(usize),
}

#[derive(Debug, Clone)]
struct Script {
    case: Case,
    bin_ns: u64,
    /// Ascending.
    actions: Vec<(u64, Action)>,
    cuts: Vec<u64>,
}

const END: u64 = 100 * SECOND;

fn queue() -> impl Strategy<Value = QueuePlan> {
    let discipline = prop::sample::select(vec![
        Discipline::CentralFifo,
        Discipline::Fifo,
        Discipline::ProcessorSharing,
    ]);
    let routing = prop::sample::select(vec![
        Routing::Random,
        Routing::RoundRobin,
        Routing::LeastOutstanding,
        Routing::Weighted,
    ]);
    let limit = prop::option::of(0..20_u64);
    let timeout = prop::option::of(0..20 * SECOND);
    (discipline, routing, limit, timeout).prop_map(|(discipline, routing, limit, timeout_ns)| {
        QueuePlan {
            discipline,
            routing,
            limit,
            timeout_ns,
        }
    })
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let law = prop::sample::select(vec![
        EXPONENTIAL,
        Distribution::Constant { value_ns: 0 },
        Distribution::Constant {
            value_ns: SECOND / 3,
        },
        Distribution::Gamma {
            mean_ns: SECOND / 10,
            shape: 0.3,
        },
    ]);
    let poisson = (prop::collection::vec(0.0..400.0, 1..8), 1..30 * SECOND, law)
        .prop_map(|(counts, step, law)| Traffic::Poisson(counts, step, law));
    let row = (0..END, 0..3 * SECOND);
    let table = prop::collection::vec(row, 0..200).prop_map(|mut rows| {
        rows.sort_unstable();
        Traffic::Table(rows)
    });
    prop_oneof![3 => poisson, 1 => table]
}

fn action() -> impl Strategy<Value = Action> {
    let shapes = (100..4000_u64, 1..5_u32, 0.5..2.0)
        .prop_map(|(cpu, slots, speed)| Action::Add(shape(cpu, Some(slots), speed)));
    prop_oneof![
        4 => shapes,
        1 => any::<usize>().prop_map(Action::Drain),
        1 => any::<usize>().prop_map(Action::Kill),
        1 => (any::<usize>(), 0.3..3.0).prop_map(|(of, speed)| Action::Speed(of, speed)),
        1 => any::<usize>().prop_map(Action::Requeue),
        1 => (any::<usize>(), 100..4000_u64).prop_map(|(of, cpu)| Action::Resize(of, cpu)),
        1 => any::<usize>().prop_map(Action::Pause),
        1 => any::<usize>().prop_map(Action::Resume),
    ]
}

prop_compose! {
    fn script()(
        queue in queue(),
        traffic in traffic(),
        bin_ns in prop_oneof![Just(SECOND), SECOND / 7..40 * SECOND],
        mut times in prop::collection::vec(0..END, 1..40),
        actions in prop::collection::vec(action(), 40),
        cuts in prop::collection::vec(0..END, 0..40),
        seed in any::<u64>(),
    ) -> Script {
        times.sort_unstable();
        let mut cuts = cuts;
        cuts.sort_unstable();
        let case = Case { queue, seed, ..Case::new(queue.discipline, traffic) };
        Script { case, bin_ns, actions: times.into_iter().zip(actions).collect(), cuts }
    }
}

/// A replica under test: where it stands, and how much CPU it has been offered.
struct Live {
    id: ReplicaId,
    added: u64,
    most_cores: f64,
    draining: bool,
    paused: bool,
}

/// Everything the control plane sees of a replica.
fn figures(r: ReplicaReading) -> (u64, u64, u64, u32, u32) {
    (
        r.cpu_core_ns.to_bits(),
        r.cpu_cores.to_bits(),
        r.completed,
        r.in_service,
        r.waiting,
    )
}

/// Checks one instant of both stations; `gone` is what replicas that are gone had completed.
fn check(
    now: u64,
    stations: &[Box<dyn Station>; 2],
    live: &[Live],
    gone: u64,
    central: bool,
) -> Result<(), TestCaseError> {
    let [a, b] = stations;
    prop_assert_eq!(
        a.ledger().counts(),
        b.ledger().counts(),
        "counts at {}",
        now
    );
    prop_assert_eq!(digest(a.ledger()), digest(b.ledger()), "digest at {}", now);
    prop_assert_eq!(a.ledger().latency_sum_ns(), b.ledger().latency_sum_ns());
    let (counts, inside) = (a.ledger().counts(), a.in_system(at(now)));
    prop_assert_eq!(
        counts.arrivals,
        counts.ended() + inside,
        "conservation at {}",
        now
    );
    prop_assert_eq!(counts.completed, a.ledger().latencies());
    let (mut completed, mut in_service, mut waiting) = (gone, 0, 0);
    for replica in live {
        let reading = a.read(at(now), replica.id);
        prop_assert_eq!(figures(reading), figures(b.read(at(now), replica.id)));
        let offered = (now - replica.added) as f64 * replica.most_cores;
        prop_assert!(
            (0.0..=offered * (1.0 + 1e-9) + 1.0).contains(&reading.cpu_core_ns),
            "{:?} of {} at {}",
            reading,
            offered,
            now
        );
        completed += reading.completed;
        in_service += u64::from(reading.in_service);
        waiting += u64::from(reading.waiting);
        if replica.draining || replica.paused {
            prop_assert_eq!((reading.in_service, reading.waiting), (0, 0));
        }
    }
    prop_assert_eq!(
        completed,
        counts.completed,
        "completed by replicas at {}",
        now
    );
    if live
        .iter()
        .any(|replica| !replica.draining && !replica.paused)
    {
        let in_queues = if central { 0 } else { a.waiting(at(now)) };
        prop_assert_eq!(
            (in_service, waiting),
            (inside - a.waiting(at(now)), in_queues)
        );
    }
    Ok(())
}

fn run(script: &Script) -> Result<(), TestCaseError> {
    let mut stations = [0, 1].map(|_| script.case.build_binned(script.bin_ns));
    let (mut live, mut next, mut gone): (Vec<Live>, u32, u64) = (Vec::new(), 0, 0);
    let mut from = 0;
    let last = (END, Action::Drain(0));
    for (now, action) in script.actions.iter().chain([&last]) {
        for cut in script.cuts.iter().filter(|cut| (from..*now).contains(*cut)) {
            stations[1].advance(at(*cut));
        }
        stations
            .iter_mut()
            .for_each(|station| station.advance(at(*now)));
        from = *now;
        let central = script.case.queue.discipline == Discipline::CentralFifo;
        check(*now, &stations, &live, gone, central)?;
        let pick = |of: usize| (!live.is_empty()).then(|| of % live.len());
        match action {
            Action::Add(shape) => {
                let id = ReplicaId(next);
                next += 1;
                stations
                    .iter_mut()
                    .for_each(|s| s.add(at(*now), id, *shape));
                let most_cores = shape.cpu_millicores as f64 / 1000.0;
                live.push(Live {
                    id,
                    added: *now,
                    most_cores,
                    draining: false,
                    paused: false,
                });
            }
            Action::Drain(of) => {
                if let Some(i) = pick(*of).filter(|i| !live[*i].draining) {
                    let id = live[i].id;
                    stations
                        .iter_mut()
                        .for_each(|s| assert_eq!(s.drain(at(*now), id), at(*now)));
                    live[i].draining = true;
                }
            }
            Action::Kill(of) => {
                if let Some(i) = pick(*of) {
                    let replica = live.remove(i);
                    gone += stations[0].read(at(*now), replica.id).completed;
                    let lost = stations.each_mut().map(|s| s.kill(at(*now), replica.id));
                    prop_assert_eq!(lost[0], lost[1]);
                    prop_assert!(!(replica.draining || replica.paused) || lost[0] == 0);
                }
            }
            Action::Requeue(of) => {
                if let Some(i) = pick(*of) {
                    let replica = live.remove(i);
                    gone += stations[0].read(at(*now), replica.id).completed;
                    let inside = stations[0].in_system(at(*now));
                    let back = stations.each_mut().map(|s| s.requeue(at(*now), replica.id));
                    prop_assert_eq!(back[0], back[1]);
                    prop_assert_eq!(stations[0].in_system(at(*now)), inside);
                }
            }
            Action::Resize(of, cpu) => {
                if let Some(i) = pick(*of) {
                    let replica = &mut live[i];
                    stations
                        .iter_mut()
                        .for_each(|s| s.resize(at(*now), replica.id, *cpu));
                    replica.most_cores = replica.most_cores.max(*cpu as f64 / 1000.0);
                }
            }
            Action::Pause(of) => {
                if let Some(i) = pick(*of) {
                    live[i].paused = true;
                    stations
                        .iter_mut()
                        .for_each(|s| s.pause(at(*now), live[i].id));
                }
            }
            Action::Resume(of) => {
                if let Some(i) = pick(*of) {
                    live[i].paused = false;
                    stations
                        .iter_mut()
                        .for_each(|s| s.resume(at(*now), live[i].id));
                }
            }
            Action::Speed(of, speed) => {
                if let Some(i) = pick(*of) {
                    let id = live[i].id;
                    stations
                        .iter_mut()
                        .for_each(|s| s.set_speed(at(*now), id, *speed));
                }
            }
        }
        check(*now, &stations, &live, gone, central)?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Requests are conserved at every instant, each completion has its replica, nobody uses more CPU than there is, and
    /// it does not matter where advances end.
    #[test]
    fn prop_requests_stay_whole_wherever_an_advance_ends(script in script()) {
        run(&script)?;
    }
}

/// Rates in requests per second, one for each minute.
fn minutes(rates: &[f64], law: Distribution) -> Traffic {
    Traffic::Poisson(
        rates.iter().map(|rate| rate * 60.0).collect(),
        60 * SECOND,
        law,
    )
}

/// (wait mean, latency mean, latency p50, p99, CPU used, completed) of both tiers after the same time, in seconds.
fn both(case: &Case, replicas: &[(u64, ReplicaShape)], end: u64) -> [[f64; 6]; 2] {
    let tiers = [case.build(EngineKind::Lazy), case.build_binned(15 * SECOND)];
    tiers.map(|mut station| {
        for (number, (added, shape)) in replicas.iter().enumerate() {
            station.advance(at(*added));
            station.add(at(*added), ReplicaId(number as u32), *shape);
        }
        station.advance(at(end));
        let cpu =
            (0..replicas.len()).map(|n| station.read(at(end), ReplicaId(n as u32)).cpu_core_ns);
        let ledger = station.ledger();
        let quantile = |q| ledger.latency_quantile(q).unwrap_or(0) as f64;
        let completed = ledger.counts().completed as f64;
        let waits = ledger.wait_sum_ns() as f64 / ledger.started() as f64;
        let latencies = ledger.latency_sum_ns() as f64 / completed;
        let nanos = [
            waits,
            latencies,
            quantile(0.5),
            quantile(0.99),
            cpu.sum::<f64>(),
        ];
        let [w, l, p50, p99, cpu] = nanos.map(|n| n / SECOND as f64);
        [w, l, p50, p99, cpu, completed]
    })
}

fn within(name: &str, found: f64, exact: f64, share: f64) {
    assert!(
        (found / exact - 1.0).abs() < share,
        "{name}: {found} for {exact}"
    );
}

fn crew(count: usize) -> Vec<(u64, ReplicaShape)> {
    vec![(0, shape(1000, Some(1), 1.0)); count]
}

/// Ten hours at a steady load of 80 %: formulas.
#[test]
fn a_steady_load_waits_as_single_requests_do() {
    let rates = [8.0; 600];
    let case = Case::new(Discipline::CentralFifo, minutes(&rates, EXPONENTIAL));
    let [exact, binned] = both(&case, &crew(10), 36_000 * SECOND);
    within("wait", binned[0], exact[0], 0.10);
    within("latency", binned[1], exact[1], 0.03);
    within("median", binned[2], exact[2], 0.05);
    within("p99", binned[3], exact[3], 0.08);
    within("cpu", binned[4], exact[4], 0.01);
    within("completed", binned[5], exact[5], 0.01);
}

/// An hour at 70 % with ten minutes at 250 % in it: conservation.
#[test]
fn an_overload_waits_as_single_requests_do() {
    let mut rates = [14.0; 90];
    rates[10..20].fill(50.0);
    for discipline in [Discipline::CentralFifo, Discipline::Fifo] {
        let mut case = Case::new(discipline, minutes(&rates, EXPONENTIAL));
        case.queue.routing = Routing::LeastOutstanding;
        let [exact, binned] = both(&case, &crew(20), 5_400 * SECOND);
        within("wait", binned[0], exact[0], 0.05);
        within("latency", binned[1], exact[1], 0.05);
        within("p99", binned[3], exact[3], 0.10);
        within("completed", binned[5], exact[5], 0.01);
    }
}

#[test]
fn sharing_is_slowed_down_as_single_requests_are() {
    let mut rates = [14.0; 300];
    for overload in [false, true] {
        if overload {
            rates[10..15].fill(40.0);
        }
        let case = Case::new(Discipline::ProcessorSharing, minutes(&rates, EXPONENTIAL));
        let replicas = vec![(0, shape(1000, None, 1.0)); 20];
        let [exact, binned] = both(&case, &replicas, 18_000 * SECOND);
        let name = if overload { "overload" } else { "steady" };
        within(
            name,
            binned[1],
            exact[1],
            if overload { 0.10 } else { 0.05 },
        );
        within(name, binned[4], exact[4], 0.01);
    }
}

/// Replicas that come late: the backlog of the first minutes is worked off at the new rate.
#[test]
fn a_backlog_ends_when_replicas_come() {
    let case = Case::new(Discipline::CentralFifo, minutes(&[160.0; 60], EXPONENTIAL));
    let mut replicas = crew(80);
    replicas.extend(vec![(305 * SECOND, shape(1000, Some(1), 1.0)); 160]);
    let [exact, binned] = both(&case, &replicas, 3_600 * SECOND);
    within("wait", binned[0], exact[0], 0.05);
    within("latency", binned[1], exact[1], 0.05);
}

#[test]
fn what_exceeds_limit_and_timeout_is_lost() {
    let mut rates = [14.0; 60];
    rates[10..20].fill(50.0);
    for (limit, timeout_ns) in [(Some(30), None), (None, Some(5 * SECOND))] {
        let mut case = Case::new(Discipline::CentralFifo, minutes(&rates, EXPONENTIAL));
        (case.queue.limit, case.queue.timeout_ns) = (limit, timeout_ns);
        let [exact, binned] =
            [case.build(EngineKind::Lazy), case.build_binned(15 * SECOND)].map(|mut station| {
                (0..20).for_each(|n| station.add(at(0), ReplicaId(n), shape(1000, Some(1), 1.0)));
                station.advance(at(3_600 * SECOND));
                let counts = station.ledger().counts();
                let wait =
                    station.ledger().wait_sum_ns() as f64 / station.ledger().started() as f64;
                (counts.rejected as f64, counts.timed_out as f64, wait)
            });
        if limit.is_some() {
            within("rejected", binned.0, exact.0, 0.03);
        } else {
            within("timed out", binned.1, exact.1, 0.03);
        }
        within("wait", binned.2, exact.2, 0.10);
    }
}
