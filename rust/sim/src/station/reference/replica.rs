//! A replica of the reference engine.

mod held;

use crate::plan::Discipline;
use crate::station::quota::{Meter, Quota};
use crate::station::rates::SlotRate;
use crate::station::virtual_time::{Due, VirtualTime};
use crate::station::{ReplicaId, ReplicaReading, ReplicaShape};
use crate::workload::Request;
use held::Holding;
use hookean_kernel::SimTime;
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug, Clone)]
struct Slot {
    number: u32,
    free_since: u64,
    serving: Option<Serving>,
    /// Whether its request is done but held.
    held: bool,
}

/// A request whose work is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    pub(super) request: Request,
    pub(super) start: u64,
    slot: Option<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Serving {
    request: Request,
    start: u64,
    /// CPU use is booked up to here.
    booked: u64,
    /// While paused: what is left.
    end: u64,
    version: u64,
}

#[derive(Debug, Clone, Copy)]
struct Sharer {
    request: Request,
    start: u64,
    tag: f64,
}

#[derive(Debug, Clone)]
struct Shared {
    time: VirtualTime,
    most: usize,
    sharers: Vec<Sharer>,
    /// Departure that is planned, and the version it is valid for.
    due: Option<(Due, f64)>,
    version: u64,
}

#[derive(Debug, Clone)]
enum Service {
    Slots {
        slots: Vec<Slot>,
        rate: SlotRate,
        /// Booked under the present rate, and CPU used under earlier ones.
        busy_ns: u64,
        cpu_before_core_ns: f64,
    },
    Shared(Shared),
}

#[derive(Debug, Clone)]
pub(super) struct Replica {
    pub(super) id: ReplicaId,
    pub(super) draining: bool,
    pub(super) paused: bool,
    /// What counts its CPU quota, if it has one.
    pub(super) meter: Option<Meter>,
    quota: Option<Quota>,
    /// When that runs out or comes next, as planned.
    pub(super) turn_planned: u64,
    pub(super) shape: ReplicaShape,
    /// When weighted routing comes to it next, on a clock of its own.
    pub(super) turn: u128,
    pub(super) waiting: VecDeque<Request>,
    service: Service,
    /// Requests that hold their place, by index.
    held: BTreeMap<u64, Holding>,
    completed: u64,
    /// When a request left last, or the replica became ready or was resumed.
    left: u64,
}

impl Replica {
    pub(super) fn new(
        id: ReplicaId,
        discipline: Discipline,
        shape: ReplicaShape,
        numbers: &[u32],
        now: u64,
    ) -> Self {
        let service = if discipline == Discipline::ProcessorSharing {
            Service::Shared(Shared {
                time: VirtualTime::new(&shape, now),
                most: shape.concurrency.map_or(usize::MAX, |most| most as usize),
                sharers: Vec::new(),
                due: None,
                version: 0,
            })
        } else {
            let count = shape.concurrency.unwrap_or(0);
            let number = |i: u32| numbers.get(i as usize).copied().unwrap_or(i);
            let slot = |i| Slot {
                number: number(i),
                free_since: now,
                serving: None,
                held: false,
            };
            Service::Slots {
                slots: (0..count).map(slot).collect(),
                rate: SlotRate::new(&shape, count),
                busy_ns: 0,
                cpu_before_core_ns: 0.0,
            }
        };
        Self {
            id,
            draining: false,
            paused: false,
            meter: None,
            quota: None,
            turn_planned: u64::MAX,
            shape,
            turn: 0,
            waiting: VecDeque::new(),
            service,
            held: BTreeMap::new(),
            completed: 0,
            left: now,
        }
    }

    /// The same, still empty, with a CPU quota if there is one.
    pub(super) fn limited_by(mut self, quota: Option<Quota>, now: u64) -> Self {
        self.quota = quota;
        self.meter = quota.map(|quota| quota.meter(now, self.id, &self.shape));
        self.reshape(now, self.shape, 0);
        self
    }

    /// Whether nothing is served, paused or out of quota.
    fn stands_still(&self) -> bool {
        self.paused || self.is_throttled()
    }

    fn is_throttled(&self) -> bool {
        self.meter.as_ref().is_some_and(Meter::is_throttled)
    }

    fn slots(&self) -> &[Slot] {
        match &self.service {
            Service::Slots { slots, .. } => slots,
            Service::Shared(_) => &[],
        }
    }

    fn sharers(&self) -> &[Sharer] {
        match &self.service {
            Service::Slots { .. } => &[],
            Service::Shared(shared) => &shared.sharers,
        }
    }

    pub(super) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.slots().iter().map(|slot| slot.number)
    }

    /// Free slots, of which one that stands still has none: since when, number, position.
    pub(super) fn free_slots(&self) -> impl Iterator<Item = (u64, u32, usize)> {
        let free = self
            .slots()
            .iter()
            .enumerate()
            .filter(|(_, slot)| slot.serving.is_none() && !slot.held && !self.stands_still());
        free.map(|(at, slot)| (slot.free_since, slot.number, at))
    }

    pub(super) fn has_room(&self) -> bool {
        match &self.service {
            Service::Slots { .. } => self.free_slots().next().is_some(),
            Service::Shared(shared) => {
                !self.stands_still() && shared.sharers.len() + self.held.len() < shared.most
            }
        }
    }

    /// Starts a request on a slot and returns when it will be done.
    pub(super) fn start_on(&mut self, at: usize, request: Request, now: u64, version: u64) -> u64 {
        let Service::Slots { slots, rate, .. } = &mut self.service else {
            return u64::MAX;
        };
        let end = now.saturating_add(rate.service_ns(request.work_ns));
        slots[at].serving = Some(Serving {
            request,
            start: now,
            booked: now,
            end,
            version,
        });
        end
    }

    /// Lets a request share the cores from `now` on; it enters at the virtual time `entry`, or that of now.
    pub(super) fn join(&mut self, request: Request, now: u64, entry: Option<f64>) {
        let Service::Shared(shared) = &mut self.service else {
            return;
        };
        let entry = entry.unwrap_or_else(|| {
            shared.time.move_to(now, shared.sharers.len());
            shared.time.entry()
        });
        shared.sharers.push(Sharer {
            request,
            start: now,
            tag: entry + request.work_ns as f64,
        });
    }

    /// Finds who will be done first; returns its number and when.
    pub(super) fn plan(&mut self, version: u64) -> Option<(u64, u64)> {
        if self.stands_still() {
            return None;
        }
        let Service::Shared(shared) = &mut self.service else {
            return None;
        };
        if let Some(shift) = shared.time.rebase() {
            for sharer in &mut shared.sharers {
                sharer.tag -= shift;
            }
        }
        let order = |a: &&Sharer, b: &&Sharer| {
            a.tag
                .total_cmp(&b.tag)
                .then(a.request.index.cmp(&b.request.index))
        };
        let first = shared.sharers.iter().min_by(order)?;
        let due = shared.time.due(first.tag, shared.sharers.len());
        shared.due = Some((due, first.tag));
        shared.version = version;
        Some((first.request.index, due.end))
    }

    /// Ends the service of a request that is done; `None` when the plan has changed since.
    pub(super) fn finish(&mut self, request: u64, version: u64, now: u64) -> Option<Done> {
        Some(match &mut self.service {
            Service::Slots { slots, busy_ns, .. } => {
                let planned = |s: &Serving| s.request.index == request && s.version == version;
                let at = slots
                    .iter()
                    .position(|slot| slot.serving.as_ref().is_some_and(planned))?;
                let served = slots[at].serving.take()?;
                slots[at].free_since = now;
                *busy_ns += now - served.booked;
                Done {
                    request: served.request,
                    start: served.start,
                    slot: Some(at),
                }
            }
            Service::Shared(shared) => {
                if shared.version != version {
                    return None;
                }
                let at = shared
                    .sharers
                    .iter()
                    .position(|sharer| sharer.request.index == request)?;
                let gone = shared.sharers.remove(at);
                Done {
                    request: gone.request,
                    start: gone.start,
                    slot: None,
                }
            }
        })
    }

    /// Notes that a request has left that was completed.
    pub(super) const fn complete(&mut self, now: u64) {
        self.completed += 1;
        self.left = now;
    }

    /// Takes out the request in service that has `given_up`, the first to arrive of several.
    pub(super) fn abandon(
        &mut self,
        now: u64,
        given_up: impl Fn(&Request) -> bool,
    ) -> Option<(Request, u64)> {
        let still = self.stands_still();
        let in_service = self.inside().filter(|(_, start)| start.is_some());
        let (request, start) = in_service
            .filter(|(request, _)| given_up(request))
            .min_by_key(|(request, _)| (request.time, request.index))?;
        if let Some(done) = self.let_go(request.index, now) {
            return Some((done.request, done.start));
        }
        self.book(now);
        match &mut self.service {
            Service::Slots { slots, .. } => {
                let serves = |s: &Serving| s.request.index == request.index;
                let slot = slots
                    .iter_mut()
                    .find(|slot| slot.serving.as_ref().is_some_and(serves))?;
                (slot.serving, slot.free_since) = (None, now);
            }
            Service::Shared(shared) => {
                if !still {
                    shared.time.move_to(now, shared.sharers.len());
                }
                shared.sharers.retain(|s| s.request.index != request.index);
            }
        }
        self.left = now;
        Some((request, start?))
    }

    /// After a departure: moves virtual time there and returns the tag of who left; `refilled` when a waiting request
    /// enters at once.
    pub(super) fn settle_departure(&mut self, refilled: bool) -> Option<f64> {
        let Service::Shared(shared) = &mut self.service else {
            return None;
        };
        let (due, tag) = shared.due.take()?;
        let left = shared.sharers.len();
        shared
            .time
            .depart(tag, due, left + 1, left + usize::from(refilled));
        Some(tag)
    }

    /// Books the CPU that slots have used up to `now`, unless they stand still.
    fn book(&mut self, now: u64) {
        let still = self.stands_still();
        let Service::Slots { slots, busy_ns, .. } = &mut self.service else {
            return;
        };
        for serving in slots.iter_mut().filter_map(|slot| slot.serving.as_mut()) {
            if !still {
                *busy_ns += now - serving.booked;
            }
            serving.booked = now;
        }
    }

    /// Changes speed and CPU; returns the new ends of requests on slots.
    pub(super) fn reshape(
        &mut self,
        now: u64,
        shape: ReplicaShape,
        version: u64,
    ) -> Vec<(u64, u64)> {
        self.book(now);
        self.note_running(now);
        if let Some(meter) = &mut self.meter {
            meter.reshape(&shape);
        }
        self.shape = shape;
        let usable = self.quota.map_or(shape, |quota| quota.usable(&shape));
        let paused = self.stands_still();
        match &mut self.service {
            Service::Slots {
                slots,
                rate,
                busy_ns,
                cpu_before_core_ns,
            } => {
                let (before, after) = (*rate, SlotRate::new(&usable, slots.len() as u32));
                *rate = after;
                *cpu_before_core_ns += std::mem::take(busy_ns) as f64 * before.cores();
                let mut ends = Vec::new();
                for serving in slots.iter_mut().filter_map(|slot| slot.serving.as_mut()) {
                    if paused {
                        serving.end = after.rescaled(serving.end, before);
                    } else {
                        let left = after.rescaled(serving.end - now, before);
                        serving.end = now.saturating_add(left);
                        serving.version = version;
                        ends.push((serving.request.index, serving.end));
                    }
                }
                ends
            }
            Service::Shared(shared) => {
                if !paused {
                    shared.time.move_to(now, shared.sharers.len());
                }
                shared.time.reshape(&usable);
                Vec::new()
            }
        }
    }

    /// Stands still: departures that were planned are void.
    pub(super) fn pause(&mut self, now: u64, version: u64) {
        if !self.stands_still() {
            self.stop(now, version);
        }
        self.paused = true;
        self.note_running(now);
    }

    /// Goes on after a pause; returns the ends of requests on slots.
    pub(super) fn resume(&mut self, now: u64, version: u64) -> Vec<(u64, u64)> {
        self.book(now);
        self.paused = false;
        let ends = if self.stands_still() {
            Vec::new()
        } else {
            self.go_on(now, version)
        };
        self.note_running(now);
        ends
    }

    /// Stops because the quota is used up, or goes on with a new one; returns the ends of requests on slots.
    pub(super) fn turn(&mut self, now: u64, version: u64) -> Vec<(u64, u64)> {
        if !self.stands_still() {
            self.stop(now, version);
        }
        self.book(now);
        if let Some(meter) = &mut self.meter {
            meter.turn(now);
        }
        if self.stands_still() {
            Vec::new()
        } else {
            self.go_on(now, version)
        }
    }

    /// Tells the meter how many requests run from `now` on.
    /// Whether something waits here although there is room: a place has come without a departure.
    pub(super) fn can_go_on(&self) -> bool {
        !self.waiting.is_empty() && self.has_room()
    }

    pub(super) fn note_running(&mut self, now: u64) {
        let running = if self.paused { 0 } else { self.running() };
        if let Some(meter) = &mut self.meter {
            meter.note(now, running as u64);
        }
    }

    fn stop(&mut self, now: u64, version: u64) {
        self.book(now);
        match &mut self.service {
            Service::Slots { slots, .. } => {
                for serving in slots.iter_mut().filter_map(|slot| slot.serving.as_mut()) {
                    serving.end -= now;
                    serving.version = version;
                }
            }
            Service::Shared(shared) => {
                shared.time.move_to(now, shared.sharers.len());
                shared.version = version;
            }
        }
    }

    fn go_on(&mut self, now: u64, version: u64) -> Vec<(u64, u64)> {
        self.left = now;
        let mut ends = Vec::new();
        match &mut self.service {
            Service::Slots { slots, .. } => {
                for slot in slots {
                    if let Some(serving) = &mut slot.serving {
                        serving.end = now.saturating_add(serving.end);
                        serving.version = version;
                        ends.push((serving.request.index, serving.end));
                    } else if !slot.held {
                        slot.free_since = now;
                    }
                }
            }
            Service::Shared(shared) => shared.time.go_on(now),
        }
        ends
    }

    /// Requests inside, with the start of their service.
    pub(super) fn inside(&self) -> impl Iterator<Item = (Request, Option<u64>)> {
        let served = self
            .slots()
            .iter()
            .filter_map(|slot| slot.serving)
            .map(|s| (s.request, Some(s.start)));
        let sharing = self.sharers().iter().map(|s| (s.request, Some(s.start)));
        let held = self.held.values().map(|holding| holding.done);
        let held = held.map(|done| (done.request, Some(done.start)));
        let waiting = self.waiting.iter().map(|request| (*request, None));
        served.chain(sharing).chain(held).chain(waiting)
    }

    fn in_service(&self) -> usize {
        self.running() + self.held.len()
    }

    /// Requests in service that use CPU.
    fn running(&self) -> usize {
        self.slots()
            .iter()
            .filter(|slot| slot.serving.is_some())
            .count()
            + self.sharers().len()
    }

    pub(super) fn outstanding(&self) -> usize {
        self.in_service() + self.waiting.len()
    }

    pub(super) fn idle_since(&self) -> Option<SimTime> {
        (self.outstanding() == 0).then_some(SimTime::from_nanos(self.left))
    }

    /// Most requests in service.
    pub(super) fn most(&self) -> usize {
        self.shape
            .concurrency
            .map_or(usize::MAX, |most| most as usize)
    }

    pub(super) fn read(&self, now: u64) -> ReplicaReading {
        let running = self.running();
        let (cpu_core_ns, cpu_cores) = match &self.service {
            Service::Slots {
                slots,
                rate,
                busy_ns,
                cpu_before_core_ns,
            } => {
                let serving = slots.iter().filter_map(|slot| slot.serving);
                let unbooked: u64 = serving.map(|s| now - s.booked).sum();
                let unbooked = if self.stands_still() { 0 } else { unbooked };
                (
                    cpu_before_core_ns + (busy_ns + unbooked) as f64 * rate.cores(),
                    running as f64 * rate.cores(),
                )
            }
            Service::Shared(shared) if self.stands_still() => {
                (shared.time.anchored_cpu_core_ns(), 0.0)
            }
            Service::Shared(shared) => (
                shared.time.cpu_core_ns(now, running),
                shared.time.cpu_cores(running),
            ),
        };
        let throttling = self.meter.as_ref().map(|meter| meter.throttling(now));
        let (throttled_periods, throttled_ns) = throttling.unwrap_or_default();
        ReplicaReading {
            throttled_periods,
            throttled_ns,
            cpu_core_ns,
            cpu_cores: if self.stands_still() { 0.0 } else { cpu_cores },
            completed: self.completed,
            in_service: self.in_service() as u32,
            waiting: self.waiting.len() as u32,
        }
    }
}
