//! One simulation: the control plane's event loop over lazily advanced stations.
//!
//! Only control events are ordered globally. Before an event at `T` that looks at every service, all stations advance
//! to `T` (in parallel when asked to); before one that concerns a single service, only that one does.

mod check;
mod event;
mod finish;
mod lifecycle;
mod service;
mod ticks;
mod victims;
mod world;

pub use check::Check;
pub use finish::RunOutput;

use crate::error::SimError;
use crate::plan::Plan;
use crate::workload::WorkloadArrays;
use event::Event;
use hookean_kernel::{SimDuration, SimTime};
use world::World;

/// Longest stretch of simulated time between two looks at the stop hook.
const HEARTBEAT: SimDuration = SimDuration::from_nanos(60_000_000_000);

/// What the caller of a run answers to a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// Go on.
    Continue,
    /// End here and keep what has been simulated.
    Stop,
}

/// How to run; none of it changes a result.
pub struct RunOptions<'a> {
    /// Threads that advance stations.
    pub threads: usize,
    /// Called often with simulated time and requests so far.
    pub heartbeat: &'a mut dyn FnMut(SimTime, u64) -> Heartbeat,
}

/// Runs a plan to its horizon, or until the heartbeat says stop.
///
/// # Errors
/// [`SimError::Plan`] for a plan that cannot run, [`SimError::Broken`] when a conservation check fails: our bug.
pub fn simulate(
    plan: Plan,
    arrays: &WorkloadArrays,
    options: &mut RunOptions<'_>,
) -> Result<RunOutput, SimError> {
    let mut world = World::new(plan, arrays, options.threads)?;
    let horizon = SimTime::from_nanos(world.plan.horizon_ns);
    let mut interrupted = false;
    while let Some(at) = world.events.peek_time().filter(|at| *at <= horizon) {
        if !advance_in_slices(&mut world, at, options.heartbeat) {
            interrupted = true;
            break;
        }
        handle_all_at(&mut world, at);
    }
    if !interrupted {
        interrupted = !advance_in_slices(&mut world, horizon, options.heartbeat);
    }
    let end = if interrupted { world.now } else { horizon };
    finish::finish(world, end, interrupted)
}

/// Moves the clock to `until`; stations follow at the latest here. Returns false when told to stop.
fn advance_in_slices(
    world: &mut World,
    until: SimTime,
    heartbeat: &mut dyn FnMut(SimTime, u64) -> Heartbeat,
) -> bool {
    loop {
        let next = (world.now + HEARTBEAT).min(until);
        if next < until {
            world.advance_all(next);
        }
        world.now = next;
        if heartbeat(next, world.requests_seen()) == Heartbeat::Stop {
            world.advance_all(next);
            return false;
        }
        if next == until {
            return true;
        }
    }
}

/// Handles every event at `at`, those they cause at the same instant included.
fn handle_all_at(world: &mut World, at: SimTime) {
    while world.events.peek_time() == Some(at) {
        let Some((_, event)) = world.events.pop() else {
            return;
        };
        match event {
            Event::Create { service } => world.create_service(service),
            Event::Sample { controller, clock } => world.sample(controller, clock),
            Event::Tick { controller } => world.tick(controller),
            Event::Series => world.record_series(),
            Event::Ready { service, replica } => world.replica_ready(service, replica),
            Event::Drained { service, replica } => world.replica_drained(service, replica),
        }
    }
}
