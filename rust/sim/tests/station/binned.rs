//! The binned tier: requests stay whole under random control events, and its figures are near those of single requests.

use crate::support::{Case, SECOND, Traffic, at, digest, shape};
use hookean_kernel::Distribution;
use hookean_sim::plan::{Discipline, EngineKind, QueuePlan, Routing, WhenFull};
use hookean_sim::station::{ReplicaId, ReplicaReading, ReplicaShape, Station};
use proptest::prelude::*;

const EXPONENTIAL: Distribution = Distribution::Exponential { mean_ns: SECOND };
/// Of mean one second and coefficient of variation 2: sigma^2 = ln 5, median 1 / sqrt 5.
const LOGNORMAL: Distribution = Distribution::Lognormal {
    median_ns: 447_213_595,
    sigma: 1.268_636_2,
};

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
            when_full: WhenFull::Reject,
            timeout_ns,
            total_timeout_ns: None,
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

impl Live {
    fn serves(&self) -> bool {
        !self.draining && !self.paused
    }
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

/// Two stations under one script; the second is advanced in more steps.
struct Trial {
    stations: [Box<dyn Station>; 2],
    live: Vec<Live>,
    next: u32,
    /// What replicas that are gone had completed.
    gone: u64,
    now: u64,
    central: bool,
}

impl Trial {
    fn new(script: &Script) -> Self {
        Self {
            stations: [0, 1].map(|_| script.case.build_binned(script.bin_ns)),
            live: Vec::new(),
            next: 0,
            gone: 0,
            now: 0,
            central: script.case.queue.discipline == Discipline::CentralFifo,
        }
    }

    fn advance(&mut self, until: u64, cuts: &[u64]) {
        let cuts = cuts.iter().enumerate();
        for (nth, cut) in cuts.filter(|(_, cut)| (self.now..until).contains(*cut)) {
            if nth % 2 == 0 {
                self.stations[1].advance(at(*cut));
            } else {
                self.stations[1].advance_to_read(at(*cut));
            }
        }
        for station in &mut self.stations {
            station.advance(at(until));
        }
        self.now = until;
    }

    /// Does the same to both stations; what comes back must be the same.
    fn both<T: PartialEq>(&mut self, act: impl Fn(&mut dyn Station) -> T) -> T {
        let [a, b] = &mut self.stations;
        let (found, other) = (act(a.as_mut()), act(b.as_mut()));
        assert!(found == other, "the stations differ");
        found
    }

    fn add(&mut self, shape: ReplicaShape) {
        let (id, now) = (ReplicaId(self.next), self.now);
        self.next += 1;
        self.both(|s| s.add(at(now), id, shape));
        self.live.push(Live {
            id,
            added: now,
            most_cores: shape.cpu_millicores as f64 / 1000.0,
            draining: false,
            paused: false,
        });
    }

    /// Takes a replica away; returns it and what `end` returns.
    fn end(&mut self, of: usize, end: impl Fn(&mut dyn Station, ReplicaId) -> u64) -> (Live, u64) {
        let replica = self.live.remove(of);
        self.gone += self.stations[0].read(at(self.now), replica.id).completed;
        let count = self.both(|s| end(s, replica.id));
        (replica, count)
    }

    fn act(&mut self, action: &Action) -> Result<(), TestCaseError> {
        let now = at(self.now);
        let (Action::Drain(of)
        | Action::Kill(of)
        | Action::Speed(of, _)
        | Action::Requeue(of)
        | Action::Resize(of, _)
        | Action::Pause(of)
        | Action::Resume(of)) = action
        else {
            if let Action::Add(shape) = action {
                self.add(*shape);
            }
            return Ok(());
        };
        if self.live.is_empty() {
            return Ok(());
        }
        let of = of % self.live.len();
        let id = self.live[of].id;
        match action {
            Action::Add(_) => {}
            Action::Drain(_) => {
                prop_assert_eq!(self.both(|s| s.drain(now, id)), now);
                self.live[of].draining = true;
            }
            Action::Kill(_) => {
                let (replica, lost) = self.end(of, |s, id| s.kill(now, id));
                prop_assert!(replica.serves() || lost == 0);
            }
            Action::Requeue(_) => {
                let inside = self.stations[0].in_system(now);
                self.end(of, |s, id| s.requeue(now, id));
                prop_assert_eq!(self.stations[0].in_system(now), inside);
            }
            Action::Speed(_, speed) => self.both(|s| s.set_speed(now, id, *speed)),
            Action::Resize(_, cpu) => {
                self.both(|s| s.resize(now, id, *cpu));
                let most = &mut self.live[of].most_cores;
                *most = most.max(*cpu as f64 / 1000.0);
            }
            Action::Pause(_) => {
                self.both(|s| s.pause(now, id));
                self.live[of].paused = true;
            }
            Action::Resume(_) => {
                self.both(|s| s.resume(now, id));
                self.live[of].paused = false;
            }
        }
        Ok(())
    }

    /// Checks that both stations agree, and that requests are whole.
    fn check(&self) -> Result<(), TestCaseError> {
        let now = at(self.now);
        let [a, b] = &self.stations;
        let (ledger, other) = (a.ledger(), b.ledger());
        prop_assert_eq!(ledger.counts(), other.counts(), "counts at {}", now);
        prop_assert_eq!(digest(ledger), digest(other), "digest at {}", now);
        prop_assert_eq!(ledger.latency_sum_ns(), other.latency_sum_ns());
        let (counts, inside) = (ledger.counts(), a.in_system(now));
        prop_assert_eq!(counts.arrivals, counts.ended() + inside, "at {}", now);
        prop_assert_eq!(counts.completed, ledger.latencies());
        self.check_replicas(counts.completed, inside)
    }

    /// Checks that what the replicas have is what the station has, and that none uses more CPU than there is.
    fn check_replicas(&self, all_completed: u64, inside: u64) -> Result<(), TestCaseError> {
        let now = at(self.now);
        let [a, b] = &self.stations;
        let (mut completed, mut in_service, mut waiting) = (self.gone, 0, 0);
        let ids: Vec<ReplicaId> = self.live.iter().map(|replica| replica.id).collect();
        let mut used = vec![0.0; ids.len()];
        b.read_cpu(now, &ids, &mut used);
        for (replica, used) in self.live.iter().zip(used) {
            let reading = a.read(now, replica.id);
            prop_assert_eq!(used.to_bits(), reading.cpu_core_ns.to_bits());
            prop_assert_eq!(figures(reading), figures(b.read(now, replica.id)));
            let offered = (self.now - replica.added) as f64 * replica.most_cores;
            let possible = 0.0..=offered * (1.0 + 1e-9) + 1.0;
            prop_assert!(
                possible.contains(&reading.cpu_core_ns),
                "{:?} of {}",
                reading,
                offered
            );
            completed += reading.completed;
            in_service += u64::from(reading.in_service);
            waiting += u64::from(reading.waiting);
            prop_assert!(replica.serves() || (reading.in_service, reading.waiting) == (0, 0));
        }
        prop_assert_eq!(completed, all_completed, "by replicas at {}", now);
        if self.live.iter().any(Live::serves) {
            let in_queues = if self.central { 0 } else { a.waiting(now) };
            prop_assert_eq!((in_service, waiting), (inside - a.waiting(now), in_queues));
        }
        Ok(())
    }
}

fn run(script: &Script) -> Result<(), TestCaseError> {
    let mut trial = Trial::new(script);
    for (now, action) in &script.actions {
        trial.advance(*now, &script.cuts);
        trial.check()?;
        trial.act(action)?;
        trial.check()?;
    }
    trial.advance(END, &script.cuts);
    trial.check()
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
        let quantile = |q| {
            ledger
                .latency_quantiles([q])
                .map_or(0.0, |[found]| found as f64)
        };
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

/// An hour at 70 % with ten minutes at 250 % in it: conservation. The queue, a random walk for an hour, makes the mean wait of
/// one run differ from that of another by several per cent: both are means over many.
#[test]
fn an_overload_waits_as_single_requests_do() {
    const RUNS: u64 = 16;
    let mut rates = [14.0; 90];
    rates[10..20].fill(50.0);
    for discipline in [Discipline::CentralFifo, Discipline::Fifo] {
        let mut case = Case::new(discipline, minutes(&rates, EXPONENTIAL));
        case.queue.routing = Routing::LeastOutstanding;
        let mut sums = [[0.0; 6]; 2];
        for seed in 1..=RUNS {
            case.seed = seed;
            let run = both(&case, &crew(20), 5_400 * SECOND);
            for (sum, value) in sums.iter_mut().flatten().zip(run.iter().flatten()) {
                *sum += value;
            }
        }
        let [exact, binned] = sums;
        within("wait", binned[0], exact[0], 0.05);
        within("latency", binned[1], exact[1], 0.05);
        within("p99", binned[3], exact[3], 0.05);
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

/// Whom a request meets at its replica makes the law of latencies: also with unequal work, and with even gaps.
#[test]
fn sharing_has_the_spread_of_single_requests() {
    for (routing, rate) in [(Routing::Random, 12.0), (Routing::RoundRobin, 16.0)] {
        for work in [EXPONENTIAL, LOGNORMAL] {
            let mut case = Case::new(
                Discipline::ProcessorSharing,
                minutes(&[rate; 600], work.clone()),
            );
            case.queue.routing = routing;
            let replicas = vec![(0, shape(1000, None, 1.0)); 20];
            let [exact, binned] = both(&case, &replicas, 36_000 * SECOND);
            let name = format!("{routing:?}, {work:?}");
            within(&format!("{name}: mean"), binned[1], exact[1], 0.06);
            within(&format!("{name}: median"), binned[2], exact[2], 0.13);
            within(&format!("{name}: p99"), binned[3], exact[3], 0.16);
        }
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
