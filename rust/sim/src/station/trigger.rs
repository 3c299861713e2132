//! Triggers: what a station stops for between two control events.
//!
//! An armed station lets things happen instant by instant, and counts at fixed points of each: after the departures of
//! the instant (in a central queue before their slots are taken again), after starts and renunciations, and after each
//! arrival with what it causes at once. A trigger is raised at the first such point whose counts cross it; the station
//! stops there, inside the instant, and is disarmed. What the control plane does before it goes on happens at that very
//! instant: a replica added there may serve the request that raised the trigger, one removed after a departure has not
//! taken the next request. Counts cross by what happens in the station, never by a control call.

/// What a station stops for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// More requests wait than before: one has found no free place.
    Waits,
    /// Fewer requests are in the system than before: a replica may be idle.
    Leaves,
    /// The requests in the system were fewer than this, and are no longer.
    InSystemRisesTo(u64),
    /// The requests in the system were more than this, and are no longer.
    InSystemFallsTo(u64),
    /// The requests that wait were fewer than this, and are no longer.
    WaitingRisesTo(u64),
    /// The requests that wait were more than this, and are no longer.
    WaitingFallsTo(u64),
}

/// The requests of a station.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Presence {
    /// Waiting or in service.
    pub in_system: u64,
    /// Waiting.
    pub waiting: u64,
}

impl Trigger {
    /// Whether it is raised when the requests change so.
    pub fn is_raised(self, before: Presence, now: Presence) -> bool {
        let rises = |level, before, now| before < level && now >= level;
        let falls = |level, before, now| before > level && now <= level;
        match self {
            Self::Waits => now.waiting > before.waiting,
            Self::Leaves => now.in_system < before.in_system,
            Self::InSystemRisesTo(level) => rises(level, before.in_system, now.in_system),
            Self::InSystemFallsTo(level) => falls(level, before.in_system, now.in_system),
            Self::WaitingRisesTo(level) => rises(level, before.waiting, now.waiting),
            Self::WaitingFallsTo(level) => falls(level, before.waiting, now.waiting),
        }
    }
}

/// The triggers a station is armed with, and its requests at the last point where they were counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Watch {
    triggers: Vec<Trigger>,
    before: Presence,
}

impl Watch {
    /// Arms; crossings are those from `now` on.
    pub(super) fn arm(&mut self, triggers: &[Trigger], now: Presence) {
        self.triggers.clear();
        self.triggers.extend_from_slice(triggers);
        self.before = now;
    }

    /// Whether anything can be raised.
    pub(super) fn is_armed(&self) -> bool {
        !self.triggers.is_empty()
    }

    /// Notes what a control call has changed: no crossing.
    pub(super) fn forgive(&mut self, now: Presence) {
        self.before = now;
    }

    /// Whether a trigger is raised; then all are spent.
    pub(super) fn is_raised(&mut self, now: Presence) -> bool {
        let before = std::mem::replace(&mut self.before, now);
        let raised = self.triggers.iter().any(|t| t.is_raised(before, now));
        if raised {
            self.triggers.clear();
        }
        raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence(in_system: u64, waiting: u64) -> Presence {
        Presence { in_system, waiting }
    }

    #[test]
    fn a_level_is_crossed_once_and_only_in_its_direction() {
        let up = Trigger::InSystemRisesTo(3);
        assert!(up.is_raised(presence(2, 0), presence(3, 0)));
        assert!(!up.is_raised(presence(3, 0), presence(4, 0)));
        assert!(!up.is_raised(presence(4, 0), presence(3, 0)));
        let down = Trigger::WaitingFallsTo(0);
        assert!(down.is_raised(presence(5, 2), presence(3, 0)));
        assert!(!down.is_raised(presence(3, 0), presence(2, 0)));
    }

    #[test]
    fn a_raised_trigger_spends_them_all() {
        let mut watch = Watch::default();
        watch.arm(&[Trigger::Waits, Trigger::Leaves], presence(1, 0));
        assert!(!watch.is_raised(presence(2, 0)));
        assert!(watch.is_raised(presence(3, 1)));
        assert!(!watch.is_raised(presence(4, 2)));
    }

    #[test]
    fn what_a_control_call_does_is_no_crossing() {
        let mut watch = Watch::default();
        watch.arm(&[Trigger::Leaves], presence(5, 0));
        watch.forgive(presence(2, 0));
        assert!(!watch.is_raised(presence(2, 0)));
        assert!(watch.is_raised(presence(1, 0)));
    }
}
