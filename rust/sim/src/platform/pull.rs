//! Image transfer, model M7 of the substrate specification.

use crate::plan::PullPlan;
use hookean_kernel::SimDuration;

/// Time to bring an image of `image_bytes` (uncompressed) to a node: download at the slower of node and registry, then
/// unpack, plus one round trip per layer, rounded to the nearest nanosecond. Pulls of several nodes do not slow one another
/// at the registry (the model divides its rate by their number): `registry_bytes_per_s` is what each gets.
pub fn pull_duration(plan: &PullPlan, image_bytes: u64) -> SimDuration {
    let bytes = image_bytes as f64;
    let download =
        bytes / (plan.compression_ratio * plan.node_bytes_per_s.min(plan.registry_bytes_per_s));
    let seconds = download + bytes / plan.unpack_bytes_per_s;
    let round_trips = SimDuration::from_nanos(plan.rtt_ns).saturating_mul(u64::from(plan.layers));
    SimDuration::from_nanos((seconds * 1e9 + 0.5) as u64) + round_trips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_600_mb_image_takes_ten_and_a_half_seconds() {
        let plan = PullPlan {
            node_bytes_per_s: 125e6,
            registry_bytes_per_s: 100e6,
            unpack_bytes_per_s: 75e6,
            compression_ratio: 2.6,
            layers: 8,
            rtt_ns: 30_000_000,
            serialized: true,
        };
        // 600 / (2.6 * 100) + 600 / 75 + 8 * 0.03
        let expected = 600.0 / 260.0 + 8.0 + 0.24;
        let got = pull_duration(&plan, 600_000_000).as_secs_f64();
        assert!((got - expected).abs() < 1e-8, "{got} against {expected}");
    }
}
