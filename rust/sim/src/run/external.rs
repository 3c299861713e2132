//! Controllers that are decided outside of the engine: those of one clock tick together.

use super::control_loop::Decider;
use super::event::Event;
use super::world::World;
use crate::control::external::{ExternalPolicies, Failure, Row};
use hookean_kernel::{bring_near, bring_value_near};

/// Cannot happen: it is checked when a run begins.
const NO_POLICIES: &str = "the run has no policies";

impl World {
    /// Observes for every controller of a batch, lets them decide in one call, and does what they say. When they cannot,
    /// nothing is done, and the run ends.
    pub(super) fn consult(&mut self, batch: usize) {
        if self.batches[batch].len() > 1 && self.threads.are_several() {
            self.advance_all(self.now);
        }
        let members = self.batches[batch].clone();
        // Each calls for what the memory of others is found by, and for that of the next, before it is read.
        let rows = members.iter().enumerate().map(|(at, member)| {
            if let Some(third) = members.get(at + 3) {
                self.bring_parts_near(*third);
            }
            if let Some(second) = members.get(at + 2) {
                self.loops[*second].bring_decider_near();
            }
            if let Some(next) = members.get(at + 1) {
                let this = &self.loops[*next];
                this.bring_near();
                bring_near(&self.services[this.service].live);
            }
            self.row(*member)
        });
        let rows: Vec<Row> = rows.collect();
        let now = self.now;
        let Some(choices) = self.ask(|policies| policies.decide(now, &rows)) else {
            return;
        };
        for (row, choice) in rows.iter().zip(choices) {
            let this = &mut self.loops[row.controller];
            if let Decider::External(observer) = &mut this.decider {
                let service = this.service;
                let current = self.services[service].desired;
                let verdict = observer.verdict(row, &choice, current, &this.log.account());
                this.note(self.now, &mut self.services[service], &verdict);
                self.scale(service, verdict.desired);
            }
        }
        let leader = members[0];
        let period = self.loops[leader].period;
        self.schedule(self.now + period, Event::Consult { batch, leader });
    }

    /// What policies outside of the engine answer; `None` when they cannot, and then the run ends.
    pub(super) fn ask<T>(
        &mut self,
        ask: impl FnOnce(&mut dyn ExternalPolicies) -> Result<T, Failure>,
    ) -> Option<T> {
        let answer = match &mut self.policies {
            Some(policies) => ask(&mut **policies),
            None => Err(Failure::from(NO_POLICIES)),
        };
        answer.map_err(|failure| self.failure = Some(failure)).ok()
    }

    /// Asks for a loop and its service before they are used.
    fn bring_parts_near(&self, controller: usize) {
        let this = &self.loops[controller];
        bring_value_near(this);
        bring_value_near(&self.services[this.service]);
    }

    fn row(&mut self, controller: usize) -> Row {
        let immediate = self.loops[controller].pipeline.is_immediate();
        if immediate {
            self.take_samples(self.loops[controller].service);
        }
        let Self {
            loops,
            plan,
            services,
            ..
        } = self;
        let this = &loops[controller];
        let state = &services[this.service];
        let Decider::External(observer) = &this.decider else {
            unreachable!("Invariant: batches hold external controllers only")
        };
        let view = state.view(self.now, &plan.services[this.service], &this.pipeline);
        observer.observe(controller, &view)
    }
}
