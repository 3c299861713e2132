//! Classes of requests: which class request `i` is of, its level, and how much more work it needs.
//!
//! The class is a draw by the request's number from a stream of its own, so that a request, and every attempt of it, is of
//! the same class under every policy, discipline and platform.

use super::number_of;
use crate::plan::ClassPlan;
use hookean_kernel::portable::nearest;
use hookean_kernel::{StreamKey, counter_draw, unit_f64};
use std::sync::Arc;

#[derive(Debug)]
struct Class {
    /// Draws below this, and not below that of the class before, are of the class.
    below: f64,
    /// Its level among those that occur, from 0.
    level: usize,
    work_factor: f64,
}

/// The classes of a service.
#[derive(Debug, Clone)]
pub struct Classes {
    key: StreamKey,
    classes: Arc<[Class]>,
}

impl Classes {
    /// The classes of the service `name`.
    pub fn new(plans: &[ClassPlan], seed: u64, name: &str) -> Self {
        let mut levels: Vec<u32> = plans.iter().map(|plan| plan.level).collect();
        levels.sort_unstable();
        levels.dedup();
        let mut below = 0.0;
        let class = |plan: &ClassPlan| {
            below += plan.share;
            Class {
                below,
                level: levels.partition_point(|level| *level < plan.level),
                work_factor: plan.work_factor,
            }
        };
        Self {
            key: StreamKey::new(seed, name, "class", 0),
            classes: plans.iter().map(class).collect(),
        }
    }

    /// How many classes there are; 0 when requests are alike.
    pub fn len(&self) -> usize {
        self.classes.len()
    }

    /// Whether requests are alike.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// The class of the attempt `index`; 0 when requests are alike.
    #[inline]
    pub fn of(&self, index: u64) -> usize {
        let draw = unit_f64(counter_draw(self.key, number_of(index)));
        let class = self.classes.iter().position(|class| draw < class.below);
        // Shares may miss 1 by a rounding: what is left goes to the last class.
        class.unwrap_or(self.len().saturating_sub(1))
    }

    /// The level of request `index`: those of a lower one are served first.
    #[inline]
    pub fn level(&self, index: u64) -> usize {
        self.classes
            .get(self.of(index))
            .map_or(0, |class| class.level)
    }

    /// Whether some class changes the work of its requests.
    pub(super) fn change_work(&self) -> bool {
        #[expect(clippy::float_cmp, reason = "a factor of exactly 1 changes nothing")]
        self.classes.iter().any(|class| class.work_factor != 1.0)
    }

    /// The work of request `index` when `work_ns` were drawn for it, to the nearest nanosecond.
    pub(super) fn work_ns(&self, index: u64, work_ns: u64) -> u64 {
        let factor = self.classes.get(self.of(index));
        factor.map_or(work_ns, |class| nearest(work_ns as f64 * class.work_factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(share: f64, level: u32, work_factor: f64) -> ClassPlan {
        let name = String::new();
        ClassPlan {
            name,
            share,
            level,
            work_factor,
        }
    }

    #[test]
    fn classes_have_their_share_and_their_level() {
        let classes = Classes::new(
            &[class(0.2, 7, 1.0), class(0.5, 3, 2.0), class(0.3, 7, 0.5)],
            5,
            "web",
        );
        let mut counts = [0; 3];
        for index in 0..100_000 {
            let of = classes.of(index);
            counts[of] += 1;
            assert_eq!(classes.level(index), [1, 0, 1][of]);
            assert_eq!(classes.work_ns(index, 11), [11, 22, 6][of]);
        }
        // Within five standard deviations of the binomial law.
        for (count, share) in counts.into_iter().zip([0.2_f64, 0.5, 0.3]) {
            let deviation = (100_000.0 * share * (1.0 - share)).sqrt();
            assert!((f64::from(count) - 100_000.0 * share).abs() < 5.0 * deviation);
        }
    }

    #[test]
    fn without_classes_requests_are_alike() {
        let none = Classes::new(&[], 5, "web");
        assert!(none.is_empty() && !none.change_work());
        assert_eq!((none.of(3), none.level(3), none.work_ns(3, 11)), (0, 0, 11));
    }
}
