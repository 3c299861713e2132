//! Simulation kernel: time, event order, random streams, distributions and statistics. It knows no domain.
//!
//! Everything here gives the same bits on every platform: integers, IEEE `+ - * /` and nothing from a math library.

mod buckets;
mod coarse_histogram;
mod counts;
mod digest;
mod distribution;
mod event;
mod histogram;
mod mean;
mod near;
mod normal;
pub mod portable;
mod random;
mod stream;
mod time;
mod winner_tree;
mod ziggurat;
mod zipf;

pub use coarse_histogram::{CoarseHistogram, Long};
pub use counts::{binomial, poisson};
pub use digest::{Digest, fold};
pub use distribution::{Distribution, DistributionError, Sampler, standard_gamma};
pub use event::{EventKey, EventList, class};
pub use histogram::{Bucket, Histogram};
pub use mean::TimeWeightedMean;
pub use near::{bring_near, bring_value_near};
pub use normal::standard_normal;
pub use random::{Mwc192, philox4x32_10, splitmix, unit_f64};
pub use stream::{StreamKey, counter_draw, stable_hash};
pub use time::{SimDuration, SimTime};
pub use winner_tree::{Moves, PackingOverflow, Racer, WinnerTree};
pub use ziggurat::standard_exponential;
pub use zipf::Zipf;
