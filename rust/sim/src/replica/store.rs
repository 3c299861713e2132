//! Every replica that a service ever had.

use super::packed::Packed;
use super::{Replica, ReplicaState};
use crate::station::ReplicaId;
use hookean_kernel::bring_value_near;
use std::borrow::Cow;

/// So many are the latest.
const LATEST: usize = 2;

#[derive(Debug, Clone)]
enum Place {
    /// It may change any time.
    Open(Box<Replica>),
    /// It is gone, and takes little room.
    Closed(Packed),
}

/// Every replica of a service ever, by number.
#[derive(Debug, Clone, Default)]
pub struct Replicas(Vec<Place>);

impl Replicas {
    /// How many there have been.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there has been none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one, whose number is [`Replicas::len`].
    pub fn push(&mut self, replica: Replica) {
        if self.0.len() == self.0.capacity() {
            // They stay to the end, and are many: less room is left empty than by doubling.
            self.0.reserve_exact(4 + self.0.len() / 8);
        }
        self.0.push(Place::Open(Box::new(replica)));
    }

    /// The one of a number, if there is one.
    pub fn find(&self, id: ReplicaId) -> Option<Cow<'_, Replica>> {
        self.0.get(id.0 as usize).map(|place| seen(place, id))
    }

    /// The one of a number that has been given.
    #[inline]
    pub fn get(&self, id: ReplicaId) -> Cow<'_, Replica> {
        seen(&self.0[id.0 as usize], id)
    }

    /// The one of a number that has been given, if it has not been put away.
    #[inline]
    pub fn open(&self, id: ReplicaId) -> Option<&Replica> {
        match &self.0[id.0 as usize] {
            Place::Open(replica) => Some(replica),
            Place::Closed(_) => None,
        }
    }

    /// The one of a number that has been given, to change it.
    pub fn get_mut(&mut self, id: ReplicaId) -> &mut Replica {
        let place = &mut self.0[id.0 as usize];
        if let Place::Closed(packed) = place {
            *place = Place::Open(Box::new(packed.unpack(id)));
        }
        match place {
            Place::Open(replica) => replica,
            Place::Closed(_) => unreachable!("it has just been opened"),
        }
    }

    /// Puts one away that has ended, for good as a rule.
    pub fn put_away(&mut self, id: ReplicaId) {
        let place = &mut self.0[id.0 as usize];
        if let Place::Open(replica) = place
            && replica.state == ReplicaState::Ended
        {
            *place = Place::Closed(Packed::new(replica));
        }
    }

    /// Asks for the latest of them before they are used (see [`bring_value_near`]).
    pub fn bring_near(&self) {
        let latest = self.0.len().saturating_sub(LATEST);
        for place in &self.0[latest..] {
            if let Place::Open(replica) = place {
                bring_value_near(&**replica);
            }
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Cow<'_, Replica>> + Clone {
        let places = self.0.iter().zip(0..);
        places.map(|(place, id)| seen(place, ReplicaId(id)))
    }
}

#[inline]
fn seen(place: &Place, id: ReplicaId) -> Cow<'_, Replica> {
    match place {
        Place::Open(replica) => Cow::Borrowed(replica),
        Place::Closed(packed) => Cow::Owned(packed.unpack(id)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hookean_kernel::SimTime;

    #[test]
    fn what_is_put_away_can_be_read_and_changed() {
        let at = SimTime::from_nanos(5);
        let mut replicas = Replicas::default();
        for id in 0..3 {
            replicas.push(Replica::new(ReplicaId(id), at));
        }
        for id in [ReplicaId(0), ReplicaId(1)] {
            replicas.get_mut(id).state = ReplicaState::Ended;
            replicas.put_away(id);
        }
        replicas.put_away(ReplicaId(2));
        assert!(replicas.open(ReplicaId(1)).is_none());
        assert!(replicas.open(ReplicaId(2)).is_some(), "it has not ended");
        assert_eq!(replicas.get(ReplicaId(1)).created, at);
        replicas.get_mut(ReplicaId(1)).lost = 7;
        assert!(replicas.open(ReplicaId(1)).is_some());
        let found: Vec<_> = replicas.iter().map(|r| (r.id.0, r.lost)).collect();
        assert_eq!(found, [(0, 0), (1, 7), (2, 0)]);
        assert!(replicas.find(ReplicaId(3)).is_none());
    }

    #[test]
    fn a_place_is_two_words() {
        assert_eq!(size_of::<Place>(), 16);
    }
}
