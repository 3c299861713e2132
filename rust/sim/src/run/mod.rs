//! One simulation: the control plane's event loop over lazily advanced stations.
//!
//! Only control events are ordered globally. Before an event at `T` that looks at every service, all stations advance
//! to `T` (in parallel when asked to); before one that concerns a single service, only that one does, and loops that look
//! at and decide for one service run ahead of the others as long as they concern nobody else (`lane`). A run covers
//! `[0, horizon)`: what would happen at the horizon itself does not, so no decision is taken, and nothing bought, for no
//! time at all. Between two control events a station may stop for a controller that waits for something to happen in it
//! (`triggers`): that is handled at its own instant, after the control events of that instant.

mod check;
mod control_loop;
mod drains;
mod event;
mod external;
mod faults;
mod finish;
mod graph;
mod joined;
mod lane;
mod lifecycle;
mod nodes;
mod outlet;
mod pulse;
mod requested;
mod resize;
mod service;
mod sizes;
mod threads;
mod ticks;
mod triggers;
mod victims;
mod warmup;
mod world;

pub use check::Check;
pub use finish::RunOutput;
pub use outlet::{Outlet, Sink};

use crate::control::external::ExternalPolicies;
use crate::error::SimError;
use crate::plan::Plan;
use crate::workload::WorkloadArrays;
use event::Event;
use hookean_kernel::SimTime;
use pulse::{Pulse, Way};
use world::World;

/// What the caller of a run answers to a heartbeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// Go on.
    Continue,
    /// End here and keep what has been simulated.
    Stop,
}

/// How to run; but for the policies, which the plan names, none of it changes a result.
pub struct RunOptions<'a> {
    /// Threads that advance stations.
    pub threads: usize,
    /// Lets no loop run ahead: every step is taken in the order of time. Slower; others can be checked against it.
    pub in_order: bool,
    /// Called often with simulated time and requests so far.
    pub heartbeat: &'a mut dyn FnMut(SimTime, u64) -> Heartbeat,
    /// The policies of the plan that are not part of the engine, if it has any.
    pub policies: Option<Box<dyn ExternalPolicies>>,
    /// Where rows go while the run goes on; without it the tables of its output hold all of them.
    pub outlet: Option<Outlet>,
}

/// Runs a plan from 0 to just before its horizon, or until the heartbeat says stop, a policy outside of the engine fails, or
/// rows cannot be handed over.
///
/// # Errors
/// [`SimError::Plan`] for a plan that cannot run, [`SimError::Broken`] when a conservation check fails: our bug.
pub fn simulate(
    plan: Plan,
    arrays: &WorkloadArrays,
    options: &mut RunOptions<'_>,
) -> Result<RunOutput, SimError> {
    let mut world = World::new(plan, arrays, options)?;
    let interrupted = !run(&mut world, &mut Pulse::new(options.heartbeat));
    finish::finish(world, interrupted)
}

/// Lets everything happen that happens before the horizon; false when told to stop, or when policies or the
/// outlet failed.
fn run(world: &mut World, pulse: &mut Pulse<'_>) -> bool {
    let horizon = SimTime::from_nanos(world.plan.horizon_ns);
    loop {
        world.watch_drains();
        let event = world.next_time().filter(|at| *at < horizon);
        let handled = match (pulse.go_to(world, event.unwrap_or(horizon)), event) {
            (Way::Stopped, _) => return false,
            (Way::Raised(service), _) => {
                world.react(service);
                world.let_beginnings_go_on();
                1
            }
            (Way::Passed, Some(at)) => handle_all_at(world, at),
            (Way::Passed, None) => return true,
        };
        if world.failure.is_some() || !pulse.count(world, handled) {
            return false;
        }
    }
}

/// Handles every event at `at`, those they cause at the same instant included; returns how many.
fn handle_all_at(world: &mut World, at: SimTime) -> u64 {
    let mut handled = 0;
    while world.failure.is_none() && world.next_time() == Some(at) {
        if world.lanes_come_first() {
            handled += world.run_ahead();
            continue;
        }
        let Some(event) = world.next_event() else {
            break;
        };
        if let Some(controller) = world.is_alone(event) {
            handled += world.run_in_turn(controller);
        } else {
            handle(world, event);
            world.note_handled(event);
            handled += 1;
        }
    }
    world.steps += handled;
    handled
}

fn handle(world: &mut World, event: Event) {
    match event {
        Event::Create { service } => world.create_service(service),
        Event::Strike(strike) => {
            world.strike(strike);
            world.react_to_fault();
        }
        Event::Recover(strike) => {
            world.recover(strike);
            world.react_to_fault();
        }
        Event::Resize { index } => {
            let resize = world.plan.resizes[index];
            world.resize(resize.service, resize.cpu_millicores);
            world.react_to_fault();
        }
        Event::Warm {
            service,
            replica,
            restarts,
        } => world.warm(service, replica, restarts),
        Event::Sample { controller, clock } => world.sample(controller, clock),
        Event::Tick { controller } => world.tick(controller),
        Event::Scale {
            service, desired, ..
        } => world.scale_from(service, desired),
        Event::Consult { batch, .. } => world.consult(batch),
        Event::ConsultNodes { controller } => world.consult_nodes(controller),
        Event::NodeReady { node } => world.node_ready(node),
        Event::Series => world.record_series(),
        Event::Interval { .. } | Event::Begin { .. } => {} // of services that run ahead
        Event::Ready { service, replica } => {
            world.replica_ready(service, replica);
            world.react(service);
        }
        Event::Drained {
            service,
            replica,
            empty_at,
        } => world.replica_drained(service, replica, empty_at),
        Event::Released { service } => world.look_at_drains(service),
    }
}
