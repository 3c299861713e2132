//! Services that advance together: their stations run on event lists, instant by instant.
//!
//! At every instant requests leave first: in the services that are called, then in their callers, so that an answer frees a
//! place before somebody else asks for it. Then requests arrive: in callers, then in those they call. What follows at the same
//! instant, since an answer took no time, comes after all that in the same order, again and again until nothing is left.

use crate::calls::{Call, Held, Numbering, Released, Units};
use crate::plan::CallPlan;
use crate::station::reference::Reference;
use crate::station::{ReplicaId, Station};
use hookean_kernel::SimTime;

/// One unit of services that advance together.
#[derive(Debug)]
pub(super) struct Joined {
    /// Its services, in the order of calls.
    services: Vec<usize>,
    held: Held,
    /// Room for what one service tells at an instant.
    calls: Vec<(usize, Call)>,
    released: Vec<Released>,
}

/// Stations of a unit while they advance, in the order of its services.
type Stations<'a> = [&'a mut Reference];

impl Joined {
    /// A unit; `None` when it is a service alone.
    pub(super) fn new(calls: &[CallPlan], units: &Units, unit: usize) -> Option<Self> {
        let services = units.members(unit);
        (services.len() > 1).then(|| Self {
            services: services.to_vec(),
            held: Held::new(calls, units, unit),
            calls: Vec::new(),
            released: Vec::new(),
        })
    }

    /// The services, in the order of calls.
    pub(super) fn services(&self) -> &[usize] {
        &self.services
    }

    /// How many attempts are held in a service.
    pub(super) fn held(&self, service: usize) -> u64 {
        self.held.count(service)
    }

    /// Forgets all who wait, as a faulty engine might.
    #[cfg(test)]
    pub(super) fn forget_held(&mut self) {
        self.held.forget();
    }

    /// Lets everything happen that happens at `t < until`. The stations are those of the services, in any order, and know
    /// of all calls of others that arrive before `until`.
    pub(super) fn advance<'a>(
        &mut self,
        numbering: &Numbering,
        stations: impl Iterator<Item = (usize, &'a mut Box<dyn Station>)>,
        until: SimTime,
    ) {
        let joined = stations.filter_map(|(service, station)| {
            let place = self.services.iter().position(|of| *of == service)?;
            Some((place, station.joined_mut()?))
        });
        let mut joined: Vec<(usize, &mut Reference)> = joined.collect();
        joined.sort_unstable_by_key(|(place, _)| *place);
        let mut stations: Vec<&mut Reference> = joined.into_iter().map(|(_, of)| of).collect();
        debug_assert_eq!(
            stations.len(),
            self.services.len(),
            "Invariant: all stations of a unit advance together"
        );
        let until = until.as_nanos();
        let now = stations.first().map_or(until, |station| station.now());
        if until <= now {
            return;
        }
        self.go_on(numbering, &mut stations, now);
        while let Some(next) = stations.iter().map(|station| station.next_time()).min()
            && next < until
        {
            self.happen(numbering, &mut stations, next);
        }
        for station in stations {
            station.move_to(until);
        }
    }

    /// Lets happen what control calls have made possible at the present instant.
    fn go_on(&mut self, numbering: &Numbering, stations: &mut Stations<'_>, now: u64) {
        for at in 0..stations.len() {
            self.hear(numbering, stations, at, now);
        }
        for at in (0..stations.len()).rev() {
            stations[at].depart_at(now);
            self.hear(numbering, stations, at, now);
        }
        self.happen(numbering, stations, now);
    }

    /// Lets everything happen that happens at an instant.
    fn happen(&mut self, numbering: &Numbering, stations: &mut Stations<'_>, now: u64) {
        while stations.iter().any(|station| station.next_time() <= now) {
            for at in (0..stations.len()).rev() {
                if stations[at].next_departure() <= now {
                    stations[at].depart_at(now);
                    self.hear(numbering, stations, at, now);
                }
            }
            for at in 0..stations.len() {
                if stations[at].next_time() <= now {
                    stations[at].arrive_at(now);
                    self.hear(numbering, stations, at, now);
                }
            }
        }
    }

    /// Takes the calls of one station to others of the unit, and answers to those who are held for them.
    fn hear(&mut self, numbering: &Numbering, stations: &mut Stations<'_>, at: usize, now: u64) {
        let services = &self.services;
        let place = |service: usize| services.iter().position(|of| *of == service);
        let Some(outbox) = stations[at].ledger_mut().outbox() else {
            return;
        };
        outbox.deliver(
            |to| place(to).is_some(),
            |to, calls| {
                self.calls.extend(calls.drain(..).map(|call| (to, call)));
            },
        );
        for news in outbox.take_news() {
            self.held
                .hear(numbering, services[at], news, &mut self.released);
        }
        for (to, call) in self.calls.drain(..) {
            if let Some(to) = place(to) {
                stations[to].take_call(call);
            }
        }
        for of in self.released.drain(..) {
            if let Some(caller) = place(of.service) {
                let held = (ReplicaId(of.replica), of.index);
                stations[caller].release_at(now, held, of.answered);
            }
        }
    }
}
