//! Services that advance together: their stations run on event lists, instant by instant.
//!
//! At every instant requests leave first: in the services that are called, then in their callers, so that an answer frees a
//! place before somebody else asks for it. Then requests arrive: in callers, then in those they call. What follows at the same
//! instant, since an answer took no time, comes after all that in the same order, again and again until nothing is left.
//!
//! Where a trigger is raised they all stop, inside of the instant, and go on later from that very step.

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
    /// The next step of the present instant, which a trigger has interrupted; 0 before the first. In a round of steps
    /// requests leave each station, in reverse order, then they arrive at each.
    step: usize,
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
            step: 0,
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
        let mut stations = self.in_order(stations);
        let until = until.as_nanos();
        if until <= stations.first().map_or(until, |station| station.now()) {
            return;
        }
        let raised = self.run(numbering, &mut stations, until);
        debug_assert_eq!(
            raised, None,
            "Invariant: triggers are heard before stations are brought beyond them"
        );
        for station in stations {
            station.move_to(until);
        }
    }

    /// The same, but stops where a trigger is raised: returns when, and of which service. The stations are left at the last
    /// instant at which something happened.
    pub(super) fn run_to_trigger<'a>(
        &mut self,
        numbering: &Numbering,
        stations: impl Iterator<Item = (usize, &'a mut Box<dyn Station>)>,
        until: SimTime,
    ) -> Option<(SimTime, usize)> {
        let mut stations = self.in_order(stations);
        let at = self.run(numbering, &mut stations, until.as_nanos())?;
        let now = stations.first().map_or(0, |station| station.now());
        Some((SimTime::from_nanos(now), self.services[at]))
    }

    /// The next instant at which something may happen, which is the present one when that is not over.
    pub(super) fn next_event<'a>(&self, stations: impl Iterator<Item = &'a Reference>) -> SimTime {
        let next = stations.map(|station| {
            if self.step > 0 {
                station.now()
            } else {
                station.next_pending()
            }
        });
        SimTime::from_nanos(next.min().unwrap_or(u64::MAX))
    }

    /// The stations in the order of the services.
    fn in_order<'a>(
        &self,
        stations: impl Iterator<Item = (usize, &'a mut Box<dyn Station>)>,
    ) -> Vec<&'a mut Reference> {
        let joined = stations.filter_map(|(service, station)| {
            let place = self.services.iter().position(|of| *of == service)?;
            Some((place, station.joined_mut()?))
        });
        let mut joined: Vec<(usize, &mut Reference)> = joined.collect();
        joined.sort_unstable_by_key(|(place, _)| *place);
        debug_assert_eq!(
            joined.len(),
            self.services.len(),
            "Invariant: all stations of a unit advance together"
        );
        joined.into_iter().map(|(_, of)| of).collect()
    }

    /// Lets everything happen before `until`, or up to the first trigger: the place of the station that raises it.
    fn run(
        &mut self,
        numbering: &Numbering,
        stations: &mut Stations<'_>,
        until: u64,
    ) -> Option<usize> {
        let now = stations.first().map_or(until, |station| station.now());
        let mut raised = self.go_on(numbering, stations, now);
        while raised.is_none()
            && let Some(next) = stations.iter().map(|station| station.next_time()).min()
            && next < until
        {
            for station in stations.iter_mut() {
                station.move_to(next);
            }
            raised = self.happen(numbering, stations, next);
        }
        raised
    }

    /// Lets happen what control calls have made possible at the present instant, and what is left of it.
    fn go_on(
        &mut self,
        numbering: &Numbering,
        stations: &mut Stations<'_>,
        now: u64,
    ) -> Option<usize> {
        for at in 0..stations.len() {
            self.hear(numbering, stations, at, now);
        }
        for at in (0..stations.len()).rev() {
            let raised = if self.step > 0 {
                stations[at].settle_at(now) // whose turn it is to leave is known
            } else {
                stations[at].depart_at(now)
            };
            self.hear(numbering, stations, at, now);
            if raised {
                return Some(at);
            }
        }
        self.happen(numbering, stations, now)
    }

    /// Lets everything happen that is left of an instant, in rounds of steps.
    fn happen(
        &mut self,
        numbering: &Numbering,
        stations: &mut Stations<'_>,
        now: u64,
    ) -> Option<usize> {
        let all = stations.len();
        while self.step > 0 || stations.iter().any(|station| station.next_time() <= now) {
            while self.step < 2 * all {
                let leaves = self.step < all;
                let at = if leaves {
                    all - 1 - self.step
                } else {
                    self.step - all
                };
                if self.take_step(numbering, stations, (at, leaves), now) {
                    return Some(at);
                }
                self.step += 1;
            }
            self.step = 0;
        }
        None
    }

    /// Lets requests leave a station at an instant, or arrive at it; returns whether a trigger is raised.
    fn take_step(
        &mut self,
        numbering: &Numbering,
        stations: &mut Stations<'_>,
        (at, leaves): (usize, bool),
        now: u64,
    ) -> bool {
        let station = &mut *stations[at];
        let next = if leaves {
            station.next_departure()
        } else {
            station.next_time()
        };
        if next > now {
            return false;
        }
        let raised = if leaves {
            station.depart_at(now)
        } else {
            station.arrive_at(now)
        };
        self.hear(numbering, stations, at, now);
        raised
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
