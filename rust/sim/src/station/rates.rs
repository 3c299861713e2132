//! How fast requests are served. Both engines round here and nowhere else.

use super::ReplicaShape;
use hookean_kernel::portable::nearest;

const MILLICORES_PER_CORE: f64 = 1000.0;

/// Cores of a replica.
pub(super) fn cores(shape: &ReplicaShape) -> f64 {
    cores_of(shape.cpu_millicores)
}

/// Millicores in cores.
pub(super) fn cores_of(cpu_millicores: u64) -> f64 {
    cpu_millicores as f64 / MILLICORES_PER_CORE
}

/// Checks a speed.
///
/// # Panics
/// When it is not a positive number: a stopped core would lose the work left on it.
pub(super) fn checked_speed(speed_ratio: f64) -> f64 {
    assert!(
        speed_ratio > 0.0 && speed_ratio.is_finite(),
        "speed ratio {speed_ratio} is not a positive number"
    );
    speed_ratio
}

/// One of the equal slots of a replica: at most one core, or its share of the replica's.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct SlotRate {
    /// CPU in use while the slot is busy.
    cores: f64,
    /// Elapsed time per CPU time on a full bare-metal core.
    stretch: f64,
}

impl SlotRate {
    /// The rate of each of `slots` slots of a replica.
    pub(super) fn new(shape: &ReplicaShape, slots: u32) -> Self {
        let crowding = (f64::from(slots) / cores(shape)).max(1.0);
        Self {
            cores: 1.0 / crowding,
            stretch: crowding / checked_speed(shape.speed_ratio),
        }
    }

    /// Whether work takes as long as on a full core at full speed.
    #[inline]
    #[expect(clippy::float_cmp, reason = "only what is exactly 1 needs no rounding")]
    pub(super) fn is_full(self) -> bool {
        self.stretch == 1.0
    }

    /// CPU in use while the slot is busy, in cores.
    pub(super) fn cores(self) -> f64 {
        self.cores
    }

    /// Time to serve `work_ns`, to the nearest nanosecond; on a full core at full speed that is `work_ns`.
    #[inline]
    pub(super) fn service_ns(self, work_ns: u64) -> u64 {
        if self.is_full() {
            work_ns
        } else {
            nearest(work_ns as f64 * self.stretch)
        }
    }

    /// Time left under this rate when `left_ns` were left under `before`.
    pub(super) fn rescaled(self, left_ns: u64, before: Self) -> u64 {
        nearest(left_ns as f64 * (self.stretch / before.stretch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(cpu_millicores: u64, slots: u32, speed_ratio: f64) -> SlotRate {
        SlotRate::new(
            &ReplicaShape {
                cpu_millicores,
                concurrency: Some(slots),
                speed_ratio,
            },
            slots,
        )
    }

    #[test]
    fn a_slot_has_a_core_or_its_share() {
        assert_eq!(slot(4000, 2, 1.0).service_ns(9), 9);
        assert_eq!(slot(1000, 3, 1.0).service_ns(1_000_000_001), 3_000_000_003);
        assert_eq!(slot(500, 1, 2.0).service_ns(10), 10);
        assert_eq!(slot(2000, 8, 1.0).cores().to_bits(), 0.25_f64.to_bits());
    }

    #[test]
    fn speed_stretches_what_is_left() {
        let (full, half) = (slot(1000, 1, 1.0), slot(1000, 1, 0.5));
        assert_eq!(half.rescaled(7, full), 14);
        assert_eq!(full.rescaled(14, half), 7);
    }

    #[test]
    fn a_slot_that_loses_cpu_serves_what_is_left_in_the_smaller_share() {
        let (core, quarter) = (slot(1000, 1, 1.0), slot(1000, 4, 1.0));
        assert_eq!(quarter.rescaled(10, core), 40);
        assert_eq!(slot(4000, 4, 1.0).rescaled(40, quarter), 10);
    }

    #[test]
    #[should_panic(expected = "is not a positive number")]
    fn a_core_cannot_stop() {
        let _ = slot(1000, 1, 0.0);
    }
}
