//! What routing draws and hashes: by the number of the request, so that policies under comparison see the same draws.

use crate::workload::number_of;
use hookean_kernel::{StreamKey, Zipf, counter_draw, unit_f64};

/// Bits of the index of an attempt; its further draws are numbered above them.
const REQUEST_BITS: u32 = 56;
/// Points of a replica on the ring of hashes, as many as nginx and ketama give a server of weight 1: the shares of
/// replicas spread by about 1 / sqrt(160) = 8 %.
pub(in crate::station) const POINTS: u32 = 160;

/// The streams of one service.
#[derive(Debug, Clone, Copy)]
pub(in crate::station) struct Streams {
    route: StreamKey,
    session: StreamKey,
    /// Where sessions lie on the ring.
    session_place: StreamKey,
    /// Where replicas lie on the ring.
    replica_place: StreamKey,
}

impl Streams {
    pub(in crate::station) const fn new(seed: u64, service: &str) -> Self {
        Self {
            route: StreamKey::new(seed, service, "route", 0),
            session: StreamKey::new(seed, service, "session", 0),
            session_place: StreamKey::new(seed, service, "session place", 0),
            replica_place: StreamKey::new(seed, service, "replica place", 0),
        }
    }

    /// The draw for choice `nth` of a request; the first is that of random routing.
    #[inline]
    pub(in crate::station) fn choice(&self, request: u64, nth: u32) -> u64 {
        counter_draw(self.route, request | u64::from(nth) << REQUEST_BITS)
    }

    /// The session of a request, from 1; the same for all its attempts.
    pub(in crate::station) fn session(&self, index: u64, law: &Sessions) -> u64 {
        let request = number_of(index);
        let draw = |attempt| counter_draw(self.session, request | attempt << REQUEST_BITS);
        match law {
            Sessions::Alike { count } => {
                1 + ((u128::from(draw(0)) * u128::from(*count)) >> 64) as u64
            }
            Sessions::Zipf(zipf) => zipf.sample(|attempt| unit_f64(draw(attempt))),
        }
    }

    /// Where a session lies on the ring.
    #[inline]
    pub(in crate::station) fn session_place(&self, session: u64) -> u64 {
        counter_draw(self.session_place, session)
    }

    /// Where point `nth` of a replica lies on the ring.
    #[inline]
    pub(in crate::station) fn replica_place(&self, replica: u32, nth: u32) -> u64 {
        counter_draw(
            self.replica_place,
            u64::from(replica) << 32 | u64::from(nth),
        )
    }
}

/// How often each session comes.
#[derive(Debug, Clone, Copy)]
pub(in crate::station) enum Sessions {
    Alike { count: u64 },
    Zipf(Zipf),
}

impl Sessions {
    pub(in crate::station) fn new(count: u64, zipf_exponent: f64) -> Self {
        if zipf_exponent > 0.0 {
            Self::Zipf(Zipf::new(count, zipf_exponent))
        } else {
            Self::Alike { count }
        }
    }
}

/// The position that a draw gives among `ready` replicas: a uniform number in [0, 1), scaled, so that another number of
/// replicas changes as few choices as possible.
#[inline]
pub(in crate::station) fn random_position(draw: u64, ready: usize) -> usize {
    ((u128::from(draw) * ready as u128) >> 64) as usize
}
