//! What an HPA remembers between reconciles, and the list of scale events (end of section 6.2).

use super::conditions::Conditions;
use super::config::ScalingRules;
use crate::{Span, Timestamp};

/// A count that the metrics once asked for, before stabilisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// The count.
    pub replicas: i32,
    /// When.
    pub at: Timestamp,
}

/// Past recommendations, in the order of their places. Instants and counts lie apart: looked through at every reconcile, several at
/// a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecommendationLog {
    at: Vec<Timestamp>,
    replicas: Vec<i32>,
}

impl RecommendationLog {
    /// Instants, by place.
    pub fn at(&self) -> &[Timestamp] {
        &self.at
    }

    /// Counts, by place.
    pub fn replicas(&self) -> &[i32] {
        &self.replicas
    }

    /// Puts a recommendation in a place, or at the end.
    pub(super) fn put(&mut self, place: Option<usize>, new: Recommendation) {
        let old = place.and_then(|place| self.at.get_mut(place).zip(self.replicas.get_mut(place)));
        if let Some((at, replicas)) = old {
            (*at, *replicas) = (new.at, new.replicas);
            return;
        }
        // As many as a window has reconciles; doubling would leave much of the room empty.
        if self.at.len() == self.at.capacity() {
            self.at.reserve_exact(4);
            self.replicas.reserve_exact(4);
        }
        self.at.push(new.at);
        self.replicas.push(new.replicas);
    }
}

impl FromIterator<Recommendation> for RecommendationLog {
    fn from_iter<T: IntoIterator<Item = Recommendation>>(all: T) -> Self {
        let (at, replicas) = all.into_iter().map(|past| (past.at, past.replicas)).unzip();
        Self { at, replicas }
    }
}

/// A change of the scale that this HPA made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleEvent {
    /// By how many replicas, at least 1.
    pub change: i32,
    /// When.
    pub at: Timestamp,
    /// Older than every period of its direction, so that its place may be reused. It is still counted if a period reaches it.
    pub outdated: bool,
}

/// What an HPA remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Past recommendations; `None` until the first reconcile, which seeds the list with the size it finds.
    pub recommendations: Option<RecommendationLog>,
    /// Scale-ups made.
    pub up_events: Vec<ScaleEvent>,
    /// Scale-downs made.
    pub down_events: Vec<ScaleEvent>,
    /// The conditions of the object's status, which outlive the controller.
    pub conditions: Conditions,
}

impl Memory {
    /// Forgets what a restart of the controller forgets: everything except the conditions.
    pub fn forget_on_restart(&mut self) {
        self.recommendations = None;
        self.up_events.clear();
        self.down_events.clear();
    }

    /// The recommendations, seeded with the current size on first use. The effect is that nothing is scaled below the
    /// starting size for one window after creation or restart.
    pub(super) fn seeded_recommendations(
        &mut self,
        current: i32,
        now: Timestamp,
    ) -> &mut RecommendationLog {
        let first = Recommendation {
            replicas: current,
            at: now,
        };
        self.recommendations
            .get_or_insert_with(|| RecommendationLog::from_iter([first]))
    }
}

/// Replicas changed by events younger than `period`; an event exactly that old is out.
pub fn changed_within(events: &[ScaleEvent], period: Span, now: Timestamp) -> i64 {
    let since = now.saturating_sub(period);
    events
        .iter()
        .filter(|event| event.at > since)
        .map(|event| i64::from(event.change))
        .sum()
}

/// Stores a change made now: in the place of the last event of the list that no period can reach any more, else at the end.
pub fn store_event(
    events: &mut Vec<ScaleEvent>,
    rules: &ScalingRules,
    change: i32,
    now: Timestamp,
) {
    let longest = rules
        .policies
        .iter()
        .map(|policy| policy.period)
        .max()
        .unwrap_or_default();
    let oldest = now.saturating_sub(longest);
    for event in events.iter_mut().filter(|event| event.at < oldest) {
        event.outdated = true;
    }
    let new = ScaleEvent {
        change,
        at: now,
        outdated: false,
    };
    match events.iter_mut().rev().find(|event| event.outdated) {
        Some(old) => *old = new,
        None => events.push(new),
    }
}

#[cfg(test)]
mod tests {
    use super::super::defaults::BehaviorSpec;
    use super::*;

    fn event(change: i32, secs: i64, outdated: bool) -> ScaleEvent {
        ScaleEvent {
            change,
            at: Timestamp::from_secs(secs),
            outdated,
        }
    }

    /// Both policies of the default scale-up have a period of 15 s.
    fn stored(mut events: Vec<ScaleEvent>) -> Vec<ScaleEvent> {
        let rules = BehaviorSpec::default().fill(Span::ZERO).scale_up;
        store_event(&mut events, &rules, 4, Timestamp::ZERO);
        events
    }

    #[test]
    fn the_last_outdated_event_is_replaced_and_the_others_are_marked() {
        let after = stored(vec![
            event(1, -60, false),
            event(2, -20, false),
            event(3, -10, false),
        ]);
        assert_eq!(
            after,
            [
                event(1, -60, true),
                event(4, 0, false),
                event(3, -10, false)
            ]
        );
    }

    #[test]
    fn an_event_as_old_as_the_longest_period_is_not_outdated() {
        assert_eq!(
            stored(vec![event(1, -15, false)]),
            [event(1, -15, false), event(4, 0, false)]
        );
    }

    #[test]
    fn an_event_as_old_as_the_period_is_not_counted() {
        let events = [event(1, -15, false), event(2, -14, true)];
        assert_eq!(
            changed_within(&events, Span::from_secs(15), Timestamp::ZERO),
            2
        );
    }
}
