//! Requests that are done but hold their place until others have answered.

use super::{Done, Replica, Service};

/// A request that is done but holds its place until others have answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holding {
    pub(super) done: Done,
    /// Whether they have, or have failed: the replica stands still, so the request cannot go on.
    released: Option<bool>,
}

impl Replica {
    /// Lets a request that is done hold its place.
    pub(in crate::station::reference) fn hold(&mut self, done: Done) {
        self.set_held(done, true);
        let holding = Holding {
            done,
            released: None,
        };
        self.held.insert(done.request.index, holding);
    }

    fn set_held(&mut self, done: Done, held: bool) {
        if let (Service::Slots { slots, .. }, Some(at)) = (&mut self.service, done.slot) {
            slots[at].held = held;
        }
    }

    /// Takes out a request that has been held and was `answered` or not; `None` when it is not there, or stays because the
    /// replica stands still.
    pub(in crate::station::reference) fn release(
        &mut self,
        request: u64,
        answered: bool,
        now: u64,
    ) -> Option<Done> {
        if self.stands_still() {
            if let Some(holding) = self.held.get_mut(&request) {
                holding.released = Some(answered);
            }
            return None;
        }
        self.let_go(request, now)
    }

    pub(super) fn let_go(&mut self, request: u64, now: u64) -> Option<Done> {
        let Holding { done, .. } = self.held.remove(&request)?;
        self.set_held(done, false);
        if let (Service::Slots { slots, .. }, Some(at)) = (&mut self.service, done.slot) {
            slots[at].free_since = now;
        }
        self.left = now;
        Some(done)
    }

    /// Held requests that could have gone on while the replica stood still, and whether they were answered.
    pub(in crate::station::reference) fn released(&self) -> Vec<(u64, bool)> {
        let held = self.held.iter();
        held.filter_map(|(index, holding)| Some((*index, holding.released?)))
            .collect()
    }

    /// Whether a request is done but held.
    pub(in crate::station::reference) fn holds(&self, request: u64) -> bool {
        self.held.contains_key(&request)
    }

    /// Whether the calls that a request is held for are answered, or have failed; `None` while that is not known.
    pub(in crate::station::reference) fn known_answer(&self, request: u64) -> Option<bool> {
        self.held.get(&request)?.released
    }

    /// Held requests that cannot go on yet.
    pub(in crate::station::reference) fn unreleased(&self) -> usize {
        let held = self.held.values();
        held.filter(|holding| holding.released.is_none()).count()
    }
}
