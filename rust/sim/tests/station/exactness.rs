//! The lazily advanced stations do, bit for bit, what the event list does: random scripts of control events on both, and
//! of triggers and what is done when one is raised.
//!
//! `HOOKEAN_EXACTNESS_CASES` sets how many scripts are run (default 400).

mod scripts;

use crate::support::{Case, at, digest, rows};
use hookean_kernel::SimTime;
use hookean_sim::plan::EngineKind;
use hookean_sim::station::{
    ClassBook, Counts, Outcome, ReplicaId, ReplicaReading, ReplicaShape, RequestRow, Station,
    Trigger,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use scripts::scripts;
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
