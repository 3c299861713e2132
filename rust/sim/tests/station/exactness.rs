//! The lazily advanced stations do, bit for bit, what the event list does: random scripts of control events on both, and
//! of triggers and what is done when one is raised.
//!
//! `HOOKEAN_EXACTNESS_CASES` sets how many scripts are run (default 400).

use crate::support::{Case, Traffic, at, digest, rows, shape};
use hookean_kernel::{Distribution, SimTime};
use hookean_sim::plan::{
    BackoffPlan, BatchPlan, BudgetPlan, ClassPlan, ClientsPlan, Discipline, EngineKind, Jitter,
    QuotaPlan, RequestLog, RetryPlan, Routing, WhenFull,
};
use hookean_sim::station::{
    ClassBook, Counts, Outcome, ReplicaId, ReplicaReading, ReplicaShape, RequestRow, Station,
    Trigger,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Action {
    Add(ReplicaShape),
    Drain(usize),
    Kill(usize),
    Requeue(usize),
    Speed(usize, f64),
    Resize(usize, u64),
    Pause(usize),
    Resume(usize),
}

#[derive(Debug, Clone)]
struct Script {
    case: Case,
    /// Ascending.
    actions: Vec<(u64, Action)>,
    /// What is done when a trigger is raised, and the triggers the station is then armed with, in turn; none arms nothing.
    reactions: Vec<(Action, Vec<Trigger>)>,
    lazy_cuts: Vec<u64>,
    reference_cuts: Vec<u64>,
    end: u64,
}

/// A replica that has been added, by number; draining or not.
type Live = Vec<(ReplicaId, bool)>;

/// Advances to `until` with stops at the cuts on the way, or to a trigger, and says when that was raised.
fn advance(station: &mut dyn Station, from: u64, until: u64, cuts: &[u64]) -> Option<u64> {
    let cuts = cuts.iter().filter(|cut| (from..until).contains(cut));
    for stop in cuts.chain([&until]) {
        if let Some(raised) = station.run_to_trigger(at(*stop)) {
            return Some(raised.as_nanos());
        }
        station.advance(at(*stop));
    }
    None
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-6 * a.abs().max(b.abs()).max(1e-3)
}

fn same_reading(a: ReplicaReading, b: ReplicaReading) -> bool {
    let counts = |r: ReplicaReading| {
        (
            r.completed,
            r.in_service,
            r.waiting,
            r.throttled_periods,
            r.throttled_ns,
        )
    };
    counts(a) == counts(b) && close(a.cpu_cores, b.cpu_cores) && close(a.cpu_core_ns, b.cpu_core_ns)
}

fn compare(
    now: u64,
    lazy: &dyn Station,
    reference: &dyn Station,
    live: &Live,
) -> Result<(), TestCaseError> {
    let now = at(now);
    let (a, b) = (lazy.ledger(), reference.ledger());
    prop_assert_eq!(a.counts(), b.counts(), "counts at {}", now);
    prop_assert_eq!(
        (a.started(), a.wait_sum_ns(), a.work_ns()),
        (b.started(), b.wait_sum_ns(), b.work_ns())
    );
    prop_assert_eq!(
        (a.latency_sum_ns(), a.slo_good()),
        (b.latency_sum_ns(), b.slo_good())
    );
    prop_assert_eq!(a.request_latency_sum_ns(), b.request_latency_sum_ns());
    prop_assert!(a.request_latency() == b.request_latency(), "at {}", now);
    prop_assert_eq!(a.clients(), b.clients(), "clients at {}", now);
    prop_assert_eq!(a.backing_off(), b.backing_off(), "retries at {}", now);
    prop_assert_eq!(digest(a), digest(b), "digest at {}", now);
    prop_assert!(a.latency() == b.latency(), "histogram at {}", now);
    prop_assert_eq!(lazy.in_system(now), reference.in_system(now));
    prop_assert_eq!(lazy.waiting(now), reference.waiting(now));
    prop_assert_eq!(
        a.counts().arrivals,
        a.counts().ended() + lazy.in_system(now),
        "conservation at {}",
        now
    );
    let counts = a.counts();
    prop_assert_eq!(
        counts.arrivals - counts.retries,
        counts.completed + counts.given_up + lazy.in_system(now) + a.backing_off(),
        "conservation of requests at {}",
        now
    );
    if let Some(clients) = a.clients() {
        prop_assert_eq!(
            clients.count,
            clients.thinking + clients.waiting + clients.gone
        );
    }
    compare_replicas(now, lazy, reference, live)
}

fn compare_replicas(
    now: SimTime,
    lazy: &dyn Station,
    reference: &dyn Station,
    live: &Live,
) -> Result<(), TestCaseError> {
    for (id, draining) in live {
        let (a, b) = (lazy.read(now, *id), reference.read(now, *id));
        prop_assert!(
            same_reading(a, b),
            "replica {} at {}: {:?} and {:?}",
            id.0,
            now,
            a,
            b
        );
        prop_assert_eq!(
            lazy.idle_since(now, *id),
            reference.idle_since(now, *id),
            "replica {} at {}",
            id.0,
            now
        );
        if *draining {
            prop_assert_eq!(
                lazy.drained_at(now, *id),
                reference.drained_at(now, *id),
                "replica {} at {}",
                id.0,
                now
            );
        }
    }
    Ok(())
}

fn act(
    now: u64,
    action: &Action,
    stations: &mut [Box<dyn Station>; 2],
    live: &mut Live,
    next: &mut u32,
) -> [u64; 2] {
    let now = at(now);
    let count = live.len();
    let pick = |selector: usize| (count > 0).then(|| selector % count);
    match action {
        Action::Add(shape) => {
            for station in stations.iter_mut() {
                station.add(now, ReplicaId(*next), *shape);
            }
            live.push((ReplicaId(*next), false));
            *next += 1;
        }
        Action::Drain(selector) => {
            if let Some(of) = pick(*selector).map(|i| &mut live[i]) {
                of.1 = true;
                let id = of.0;
                return stations.each_mut().map(|s| s.drain(now, id).as_nanos());
            }
        }
        Action::Kill(selector) => {
            if let Some(i) = pick(*selector) {
                let (id, _) = live.remove(i);
                return stations.each_mut().map(|s| s.kill(now, id));
            }
        }
        Action::Requeue(selector) => {
            if let Some(i) = pick(*selector) {
                let (id, _) = live.remove(i);
                return stations.each_mut().map(|s| s.requeue(now, id));
            }
        }
        Action::Speed(selector, _)
        | Action::Resize(selector, _)
        | Action::Pause(selector)
        | Action::Resume(selector) => {
            if let Some(i) = pick(*selector) {
                for station in stations.iter_mut() {
                    change(&mut **station, now, live[i].0, action);
                }
            }
        }
    }
    [0, 0]
}

/// Does to a replica what changes nothing of who is there.
fn change(station: &mut dyn Station, now: SimTime, id: ReplicaId, action: &Action) {
    match action {
        Action::Speed(_, speed) => station.set_speed(now, id, *speed),
        Action::Resize(_, cpu) => station.resize(now, id, *cpu),
        Action::Pause(_) => station.pause(now, id),
        Action::Resume(_) => station.resume(now, id),
        Action::Add(_) | Action::Drain(_) | Action::Kill(_) | Action::Requeue(_) => {}
    }
}

/// Most reactions of a script; each may add a replica, and the event list searches them all.
const REACTIONS_MAX: usize = 24;

/// A script on both engines.
struct Play<'a> {
    script: &'a Script,
    stations: [Box<dyn Station>; 2],
    live: Live,
    next: u32,
    now: u64,
    raised: usize,
}

impl Play<'_> {
    fn compare(&self) -> Result<(), TestCaseError> {
        compare(self.now, &*self.stations[0], &*self.stations[1], &self.live)
    }

    fn act(&mut self, action: &Action) -> Result<(), TestCaseError> {
        self.compare()?;
        let (stations, live, next) = (&mut self.stations, &mut self.live, &mut self.next);
        let [a, b] = act(self.now, action, stations, live, next);
        prop_assert_eq!(a, b, "answer to {:?} at {}", action, self.now);
        self.compare()
    }

    /// Advances both to `until`, and reacts to the triggers on the way.
    fn advance(&mut self, until: u64) -> Result<(), TestCaseError> {
        loop {
            let Self {
                script, stations, ..
            } = self;
            let [lazy, reference] = stations;
            let a = armed(&mut **lazy, self.now, until, &script.lazy_cuts, script);
            let b = armed(
                &mut **reference,
                self.now,
                until,
                &script.reference_cuts,
                script,
            );
            prop_assert_eq!(a, b, "trigger after {}", self.now);
            let Some(raised) = a else { break };
            self.now = raised;
            self.react()?;
        }
        self.now = until;
        self.compare()
    }

    fn react(&mut self) -> Result<(), TestCaseError> {
        let reactions = &self.script.reactions;
        let (action, triggers) = &reactions[self.raised % reactions.len()];
        self.raised += 1;
        if self.raised > REACTIONS_MAX {
            return Ok(()); // nothing new: stations stay disarmed until the next control event
        }
        self.act(action)?;
        for station in &mut self.stations {
            station.arm(triggers);
        }
        self.compare()
    }
}

/// Advances a station that may be armed; one that never is is advanced as such.
fn armed(
    station: &mut dyn Station,
    from: u64,
    until: u64,
    cuts: &[u64],
    script: &Script,
) -> Option<u64> {
    if script.reactions.is_empty() {
        for cut in cuts.iter().filter(|cut| (from..until).contains(cut)) {
            station.advance(at(*cut));
        }
        station.advance(at(until));
        return None;
    }
    advance(station, from, until, cuts)
}

fn run(script: &Script) -> Result<(), TestCaseError> {
    let mut play = Play {
        script,
        stations: [
            script.case.build(EngineKind::Lazy),
            script.case.build(EngineKind::Reference),
        ],
        live: Live::new(),
        next: 0,
        now: 0,
        raised: 0,
    };
    let triggers = script.reactions.last().map(|(_, triggers)| triggers);
    for (time, action) in &script.actions {
        play.advance(*time)?;
        play.act(action)?;
        // Armed for the first time at some control event.
        if let Some(triggers) = triggers.filter(|_| time % 3 == 0) {
            play.stations.iter_mut().for_each(|s| s.arm(triggers));
        }
    }
    play.advance(script.end)?;
    let [a, b] = play
        .stations
        .each_mut()
        .map(|s| rows(&mut **s, at(script.end)));
    prop_assert_eq!(&a, &b);
    nobody_outlives_its_deadline(script.case.deadline_ns, &a, script.end)?;
    let [a, b] = play.stations.each_ref().map(|s| books(&**s));
    prop_assert_eq!(a, b);
    Ok(())
}

/// All attempts of a request end at its deadline at the latest, and have then expired, or were done at that very instant.
fn nobody_outlives_its_deadline(
    deadline_ns: Option<u64>,
    rows: &[RequestRow],
    end: u64,
) -> Result<(), TestCaseError> {
    let number = |row: &RequestRow| row.index & ((1 << 48) - 1);
    let mut firsts = BTreeMap::new();
    for row in rows {
        let first = firsts.entry(number(row)).or_insert(row.arrival);
        *first = row.arrival.min(*first);
    }
    for row in rows {
        let due = deadline_ns.map_or(u64::MAX, |ns| firsts[&number(row)].as_nanos() + ns);
        let ended = row.end.map_or(end, SimTime::as_nanos);
        let expired = row.outcome == Some(Outcome::Expired);
        prop_assert!(ended <= due, "{:?} at its deadline {}", row, due);
        prop_assert!(!expired || ended == due, "{:?} before {}", row, due);
        let gave_up = row.outcome == Some(Outcome::TimedOut);
        prop_assert!(!gave_up || ended < due, "{:?} at {}", row, due);
    }
    Ok(())
}

/// What happened to each class.
fn books(station: &dyn Station) -> Vec<(Counts, [u128; 4])> {
    let books = station.ledger().classes().map_or(&[][..], |of| of.1);
    let book = |b: &ClassBook| {
        let (started, inside) = (u128::from(b.started), u128::from(b.in_system));
        (
            b.counts(),
            [b.wait_sum_ns, b.latency_sum_ns, started, inside],
        )
    };
    books.iter().map(book).collect()
}

/// Few different instants and lengths, so that everything happens at once; or times of a real system.
#[derive(Debug, Clone, Copy)]
struct Scale {
    span: u64,
    work: u64,
}

const TIES: Scale = Scale {
    span: 400,
    work: 12,
};
const REAL: Scale = Scale {
    span: 20_000_000_000,
    work: 800_000_000,
};

fn shapes(discipline: Discipline) -> impl Strategy<Value = ReplicaShape> {
    let sharing = discipline == Discipline::ProcessorSharing;
    let concurrency = prop_oneof![3 => (1_u32..4).prop_map(Some), 1 => (5_u32..12).prop_map(Some), 1 => Just(None)];
    (sizes(), concurrency, speeds()).prop_map(move |(cpu, concurrency, speed)| {
        shape(
            cpu,
            concurrency.or(if sharing { None } else { Some(1) }),
            speed,
        )
    })
}

fn sizes() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![250_u64, 500, 1000, 1000, 1500, 2000, 3000])
}

fn speeds() -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(1.0), 1 => Just(0.5), 1 => Just(2.0), 1 => 0.3..3.0_f64]
}

fn action(discipline: Discipline) -> impl Strategy<Value = Action> {
    prop_oneof![
        5 => shapes(discipline).prop_map(Action::Add),
        2 => any::<usize>().prop_map(Action::Drain),
        2 => any::<usize>().prop_map(Action::Kill),
        2 => any::<usize>().prop_map(Action::Requeue),
        2 => (any::<usize>(), speeds()).prop_map(|(of, speed)| Action::Speed(of, speed)),
        2 => (any::<usize>(), sizes()).prop_map(|(of, cpu)| Action::Resize(of, cpu)),
        2 => any::<usize>().prop_map(Action::Pause),
        3 => any::<usize>().prop_map(Action::Resume),
    ]
}

fn triggers() -> impl Strategy<Value = Vec<Trigger>> {
    let trigger = prop_oneof![
        3 => Just(Trigger::Waits),
        3 => Just(Trigger::Leaves),
        1 => (1..12_u64).prop_map(Trigger::InSystemRisesTo),
        1 => (0..8_u64).prop_map(Trigger::InSystemFallsTo),
        1 => (1..8_u64).prop_map(Trigger::WaitingRisesTo),
        1 => (0..6_u64).prop_map(Trigger::WaitingFallsTo),
    ];
    prop::collection::vec(trigger, 0..4)
}

/// None for half of the scripts.
fn reactions(discipline: Discipline) -> impl Strategy<Value = Vec<(Action, Vec<Trigger>)>> {
    let some = prop::collection::vec((action(discipline), triggers()), 1..12);
    prop_oneof![Just(Vec::new()), some]
}

fn actions(discipline: Discipline, span: u64) -> impl Strategy<Value = Vec<(u64, Action)>> {
    prop::collection::vec((0..span, action(discipline)), 1..60).prop_map(|mut actions| {
        actions.sort_by_key(|(time, _)| *time);
        // The first replica is there from the start in most scripts.
        if actions.len() % 4 != 0 {
            actions[0].0 = 0;
        }
        actions
    })
}

fn traffic(scale: Scale) -> impl Strategy<Value = Traffic> {
    let Scale { span, work } = scale;
    let table = prop::collection::vec((0..span, 0..=work), 0..150).prop_map(|mut rows| {
        rows.sort_by_key(|(time, _)| *time);
        Traffic::Table(rows)
    });
    let poisson = prop::collection::vec(prop_oneof![1 => Just(0.0), 3 => 0.0..40.0], 1..12)
        .prop_map(move |counts| {
            let step = span / counts.len() as u64;
            Traffic::Poisson(
                counts,
                step,
                Distribution::Exponential { mean_ns: work / 2 },
            )
        });
    prop_oneof![2 => table, 1 => poisson]
}

/// What callers do with their requests.
#[derive(Debug, Clone)]
struct Calls {
    total_timeout_ns: Option<u64>,
    batch: Option<BatchPlan>,
    deadline_ns: Option<u64>,
    retry: Option<RetryPlan>,
    clients: Option<ClientsPlan>,
}

fn calls(scale: Scale) -> impl Strategy<Value = Calls> {
    let batch = prop_oneof![
        (1..5_u64).prop_map(|size| BatchPlan::Fixed { size }),
        (1.0..4.0_f64).prop_map(|mean| BatchPlan::Geometric { mean }),
    ];
    let deadline = 1..=4 * scale.work;
    (
        prop::option::weighted(0.3, batch),
        prop::option::of(0..=3 * scale.work),
        prop::option::of(deadline),
        prop::option::of(retries(scale)),
        prop::option::weighted(0.3, clients(scale)),
    )
        .prop_map(
            |(batch, total_timeout_ns, deadline_ns, retry, clients)| Calls {
                total_timeout_ns,
                batch,
                deadline_ns,
                retry,
                clients,
            },
        )
}

fn retries(scale: Scale) -> impl Strategy<Value = RetryPlan> {
    let jitter = prop::sample::select(vec![Jitter::None, Jitter::Full, Jitter::Equal]);
    let backoff = (0..=scale.work, 1.0..3.0_f64, 0..=4 * scale.work, jitter).prop_map(
        |(initial_ns, factor, maximum_ns, jitter)| BackoffPlan {
            initial_ns,
            factor,
            maximum_ns,
            jitter,
        },
    );
    let window = scale.span / 10;
    let per_second = 5e9 / window as f64;
    let budget =
        (0.0..1.0_f64, 0.0..per_second).prop_map(move |(ratio, per_second_min)| BudgetPlan {
            ratio,
            per_second_min,
            window_ns: window,
        });
    let after = (any::<bool>(), any::<bool>(), any::<bool>());
    (after, 1..5_u32, backoff, prop::option::of(budget)).prop_map(
        |((after_rejected, after_timed_out, after_lost), attempts_max, backoff, budget)| {
            RetryPlan {
                after_rejected,
                after_timed_out,
                after_lost,
                after_unanswered: true,
                attempts_max,
                backoff,
                budget,
            }
        },
    )
}

/// Few clients that think about as long as a request takes, or not at all.
fn clients(scale: Scale) -> impl Strategy<Value = ClientsPlan> {
    let short = Distribution::Uniform {
        low_ns: 0,
        high_ns: scale.work,
    };
    let long = Distribution::Exponential {
        mean_ns: scale.span / 20,
    };
    let think = prop::sample::select(vec![short, long]);
    let duration = prop::option::of(0..scale.span);
    (1..8_u64, think, duration).prop_map(|(count, think, duration_ns)| ClientsPlan {
        count,
        think,
        duration_ns,
    })
}

fn routings() -> impl Strategy<Value = Routing> {
    let sessions = prop_oneof![1..4_u64, 4..10_000_u64];
    let exponent = prop_oneof![1 => Just(0.0), 1 => Just(1.0), 2 => 0.1..3.0_f64];
    let sticky = (sessions, exponent).prop_map(|(sessions, zipf_exponent)| Routing::Sticky {
        sessions,
        zipf_exponent,
    });
    prop_oneof![
        Just(Routing::Random),
        Just(Routing::RoundRobin),
        Just(Routing::LeastOutstanding),
        (1..6_u32).prop_map(|choices| Routing::PowerOfChoices { choices }),
        Just(Routing::Weighted),
        sticky,
        Just(Routing::Packing),
        Just(Routing::Newest),
    ]
}

/// Up to six classes on up to four levels; some of them may have no requests.
fn classes(discipline: Discipline) -> impl Strategy<Value = Vec<ClassPlan>> {
    let least = usize::from(discipline.has_levels());
    let work_factor = prop_oneof![2 => Just(1.0), 1 => 0.1..3.0_f64];
    let class = (0..10_u32, 0..4_u32, work_factor);
    prop::collection::vec(class, least..6).prop_map(|classes| {
        let all = classes.iter().map(|class| class.0).sum::<u32>();
        let shares = classes.iter().enumerate();
        let plan = |(at, (part, level, work_factor)): (usize, &(u32, u32, f64))| ClassPlan {
            name: format!("class {at}"),
            share: f64::from(*part) / f64::from(all.max(1)),
            level: *level,
            work_factor: *work_factor,
        };
        shares.map(plan).collect()
    })
}

fn when_full(discipline: Discipline) -> impl Strategy<Value = WhenFull> {
    let pushes_out = discipline.has_levels();
    any::<bool>().prop_map(move |drawn| {
        if drawn && pushes_out {
            WhenFull::PushOut
        } else {
            WhenFull::Reject
        }
    })
}

/// A CPU limit, of replicas with queues of their own only.
fn quotas(discipline: Discipline, scale: Scale) -> impl Strategy<Value = Option<QuotaPlan>> {
    let cores = prop::sample::select(vec![500_u64, 1000, 1500, 2000, 4000]);
    let period = 1..=4 * scale.work;
    (any::<bool>(), period, 0.0..2.0_f64, cores).prop_map(
        move |(limited, period_ns, ratio, cores_millicores)| {
            (limited && !discipline.is_central()).then(|| QuotaPlan {
                quota_ns: 1 + (ratio * period_ns as f64) as u64,
                period_ns,
                cores_millicores,
            })
        },
    )
}

const DISCIPLINES: [Discipline; 7] = [
    Discipline::CentralFifo,
    Discipline::CentralLifo,
    Discipline::CentralPriority,
    Discipline::Fifo,
    Discipline::Lifo,
    Discipline::Priority,
    Discipline::ProcessorSharing,
];

/// Where an advance is cut in two.
fn cuts(span: u64) -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(0..span, 0..30).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts
    })
}

fn scripts() -> impl Strategy<Value = Script> {
    let discipline = prop::sample::select(&DISCIPLINES[..]);
    let scale = prop::sample::select(vec![TIES, REAL]);
    (discipline, scale).prop_flat_map(|(discipline, scale)| {
        let limit = prop::option::of(prop_oneof![0..6_u64, 6..60_u64]);
        let timeout = prop::option::of(0..=2 * scale.work);
        let cuts = || cuts(scale.span);
        let end = scale.span / 2..2 * scale.span;
        let parts = (
            traffic(scale),
            (actions(discipline, scale.span), reactions(discipline)),
            any::<u64>(),
            0..=2 * scale.work,
            calls(scale),
            classes(discipline),
            (when_full(discipline), quotas(discipline, scale)),
        );
        (routings(), limit, timeout, cuts(), cuts(), end, parts).prop_map(
            move |(
                routing,
                limit,
                timeout_ns,
                lazy_cuts,
                reference_cuts,
                end,
                (
                    traffic,
                    (mut actions, reactions),
                    seed,
                    slo_ns,
                    calls,
                    classes,
                    (when_full, cpu_quota),
                ),
            )| {
                let mut case = Case::new(discipline, traffic);
                case.queue.routing = routing;
                case.classes = classes;
                case.queue.when_full = when_full;
                case.cpu_quota = cpu_quota;
                case.queue.limit = limit;
                case.queue.timeout_ns = timeout_ns;
                case.queue.total_timeout_ns = calls.total_timeout_ns;
                (case.seed, case.slo_ns, case.requests) = (seed, slo_ns, RequestLog::Full);
                case.batch = calls.batch;
                case.deadline_ns = calls.deadline_ns;
                case.retry = calls.retry;
                case.clients = calls.clients;
                actions.retain(|(time, _)| *time <= end);
                Script {
                    case,
                    actions,
                    reactions,
                    lazy_cuts,
                    reference_cuts,
                    end,
                }
            },
        )
    })
}

fn cases() -> u32 {
    std::env::var("HOOKEAN_EXACTNESS_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("proptest-regressions"))), max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn prop_lazy_stations_do_what_the_event_list_does(script in scripts()) {
        run(&script)?;
    }
}
