//! When a run listens to its caller: often enough to be stopped within a second, seldom enough to cost nothing.
//!
//! What has to be done for a stretch of simulated time depends on the requests in it, so the length of a stretch follows
//! the number that the last one held. No clock but the simulated one is read, and stations give the same result in
//! whatever stretches they advance.

use super::Heartbeat;
use super::world::World;
use crate::plan::Plan;
use hookean_kernel::{SimDuration, SimTime};

/// Requests that a stretch should hold: some tens of milliseconds of work.
const REQUESTS: u64 = 200_000;
/// So many steps of control loops stand for a request each: they take longer, but few plans have more steps than requests,
/// and those have very many services, each of which had better take many steps while it is in the cache.
const REQUESTS_OF_STEP: u64 = 1;
/// So many services share that; of more, a stretch holds as much more, since at every heartbeat all of them are called into
/// the cache: up to some tenths of a second of work, or two or three seconds for 100,000 services.
const SERVICES: u64 = 50;
const MOST: u64 = 150;
/// Most events between two heartbeats.
const EVENTS: u64 = 256;
/// The first stretch; nothing is known about the load yet.
const FIRST: SimDuration = SimDuration::from_millis(1);
/// The longest stretch, in case a flash crowd follows a quiet time: at 100,000 requests per second it still takes less
/// than a second to get through. Shorter ones cost quiet services more than their requests do. It is longer with many
/// services, which do not have their flash crowds all at once.
const LONGEST: SimDuration = SimDuration::from_secs(60);
const LONGEST_OF_MANY: SimDuration = SimDuration::from_secs(1800);

/// How a move of the clock ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Where it was to go.
    Passed,
    /// At a trigger that the station of a service has raised before.
    Raised(usize),
    /// The caller said stop, or rows could not be handed over.
    Stopped,
}

/// Calls the heartbeat at the right moments.
pub(super) struct Pulse<'a> {
    heartbeat: &'a mut dyn FnMut(SimTime, u64) -> Heartbeat,
    stretch: SimDuration,
    last_at: SimTime,
    /// Work that had been done, in requests, and requests that had been made in all, when the present stretch began.
    work: u64,
    requests: u64,
    events: u64,
    /// The caller has said stop, but some services are ahead of the others.
    stops: bool,
}

impl<'a> Pulse<'a> {
    pub(super) fn new(heartbeat: &'a mut dyn FnMut(SimTime, u64) -> Heartbeat) -> Self {
        Self {
            heartbeat,
            stretch: FIRST,
            last_at: SimTime::ZERO,
            work: 0,
            requests: 0,
            events: 0,
            stops: false,
        }
    }

    /// Moves the clock to `until`, or to the first trigger before; stations follow when they are looked at.
    pub(super) fn go_to(&mut self, world: &mut World, until: SimTime) -> Way {
        // Loops run ahead up to the end of a stretch, so it is short from the first where they take very many steps.
        self.stretch = self.stretch.min(world.longest_stretch);
        while self.last_at + self.stretch < until {
            let at = (self.last_at + self.stretch).max(world.now);
            if let Some(raised) = world.next_trigger(at) {
                world.now = raised.at;
                return Way::Raised(raised.service);
            }
            world.now = at;
            world.advance_all(at);
            world.hand_over_past();
            self.adapt(world);
            if world.failure.is_some() || self.stops || !self.beat(world) {
                return Way::Stopped;
            }
        }
        if let Some(raised) = world.next_trigger(until) {
            world.now = raised.at;
            return Way::Raised(raised.service);
        }
        world.now = until;
        world.beat_at = self.last_at + self.stretch;
        Way::Passed
    }

    /// Notes that events have been handled. Returns false when told to stop, unless that has to wait for the next
    /// heartbeat since services are not at one instant.
    pub(super) fn count(&mut self, world: &World, events: u64) -> bool {
        self.events += events;
        if self.events >= EVENTS && !self.stops {
            self.stops = !self.beat(world);
        }
        !self.stops || world.runs_ahead()
    }

    /// Begins a stretch at the present instant, to which every station has advanced.
    fn adapt(&mut self, world: &World) {
        let work = world.single_requests_seen() + world.steps * REQUESTS_OF_STEP;
        let elapsed = world.now.saturating_since(self.last_at);
        let wanted = wanted(&world.plan);
        let stretch = next_stretch(self.stretch, elapsed, work - self.work, wanted);
        self.stretch = stretch.min(world.longest_stretch);
        (self.last_at, self.work) = (world.now, work);
        self.requests = world.requests_seen();
    }

    /// Asks the caller. The requests are those counted last: counting costs a step for each service.
    fn beat(&mut self, world: &World) -> bool {
        self.events = 0;
        (self.heartbeat)(world.now, self.requests) == Heartbeat::Continue
    }
}

/// Requests that a stretch of a plan should hold.
fn wanted(plan: &Plan) -> u64 {
    REQUESTS * many(plan)
}

fn many(plan: &Plan) -> u64 {
    (plan.services.len() as u64 / SERVICES).clamp(1, MOST)
}

/// The longest stretch of a plan: one in which control loops, and the series, take no more steps than make a stretch.
pub(super) fn longest_stretch(plan: &Plan) -> SimDuration {
    let each = |period_ns: u64| 1.0 / period_ns.max(1) as f64;
    let loops = plan.controllers.iter();
    let steps = loops.map(|c| each(c.period_ns) + c.metrics.periods_ns().map(each).sum::<f64>());
    let of_nodes = plan.node_controllers.iter().map(|c| each(c.period_ns));
    let rows = each(plan.record.series_step_ns) * plan.services.len() as f64;
    let steps_per_ns = steps.chain(of_nodes).sum::<f64>() + rows;
    let nanos = wanted(plan) as f64 / (REQUESTS_OF_STEP as f64 * steps_per_ns);
    let by_steps = SimDuration::from_nanos((nanos as u64).max(1)); // saturates
    let longest = LONGEST.saturating_mul(many(plan)).min(LONGEST_OF_MANY);
    longest.min(by_steps)
}

/// The stretch that would hold `wanted` at the rate of `seen` in the last `elapsed`; at most doubles.
pub(super) fn next_stretch(
    stretch: SimDuration,
    elapsed: SimDuration,
    seen: u64,
    wanted: u64,
) -> SimDuration {
    let doubled = stretch.saturating_mul(2);
    let fitting =
        (u128::from(elapsed.as_nanos()) * u128::from(wanted)).checked_div(u128::from(seen));
    let fitting = fitting.and_then(|nanos| u64::try_from(nanos).ok());
    fitting.map_or(doubled, |nanos| {
        SimDuration::from_nanos(nanos.max(1)).min(doubled)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_short_where_loops_take_many_steps() {
        let mut document = crate::run::check::tests::document("cluster");
        let longest = |document: &serde_json::Value| {
            let plan = Plan::from_json(document.to_string().as_bytes());
            longest_stretch(&plan.expect("a sound plan"))
        };
        assert_eq!(longest(&document), LONGEST);
        document["controllers"][0]["period_ns"] = serde_json::json!(1);
        // A step each nanosecond, and another every 100 s or so.
        assert_eq!(longest(&document), SimDuration::from_nanos(199_999));
        document["controllers"][0]["period_ns"] = serde_json::json!(1_000_000_000);
        document["node_controllers"] = serde_json::json!([{"kind": "python", "pool": 0, "period_ns": 2, "config": {
            "policy": "p", "source_sha256": null, "parameters": {}, "instance": 0, "min": 0, "max": 9}}]);
        // A decision about nodes every other nanosecond.
        assert_eq!(longest(&document), SimDuration::from_nanos(399_999));
    }

    #[test]
    fn a_stretch_follows_the_rate_and_grows_slowly() {
        let second = SimDuration::from_secs(1);
        let next = |stretch, elapsed, seen| next_stretch(stretch, elapsed, seen, 200_000);
        assert_eq!(next(second, second, 0), SimDuration::from_secs(2));
        assert_eq!(next(second, second, 1), SimDuration::from_secs(2));
        assert_eq!(
            next(second, second, 20_000_000),
            SimDuration::from_millis(10)
        );
        assert_eq!(
            next(second, SimDuration::ZERO, 5),
            SimDuration::from_nanos(1)
        );
        assert_eq!(
            next(SimDuration::MAX, SimDuration::MAX, 1),
            SimDuration::MAX
        );
    }
}
