//! The kubelet's back-off of container restarts.
//!
//! Kubernetes v1.34 `pkg/kubelet/kubelet.go` (`initialCrashLoopBackOff` 10 s, `MaxContainerBackOff` 300 s) over
//! `k8s.io/client-go/util/flowcontrol/backoff.go`: the first restart owes nothing, each further one waits twice as long, and
//! an exit later than twice the maximum after the last update begins anew. The kubelet looks at its pods every so often;
//! here it sees an exit at once.

use hookean_kernel::{SimDuration, SimTime};

const INITIAL: SimDuration = SimDuration::from_secs(10);
const MAX: SimDuration = SimDuration::from_secs(300);
const FORGOTTEN_AFTER: SimDuration = SimDuration::from_secs(600);

/// What the kubelet remembers of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackOff {
    /// The wait after the next exit, and when that was decided.
    entry: Option<(SimDuration, SimTime)>,
}

impl BackOff {
    /// When a container that exits at `now` is started again.
    pub fn restart(&mut self, now: SimTime) -> SimTime {
        let fresh = |(_, updated): &(SimDuration, SimTime)| {
            now.saturating_since(*updated) <= FORGOTTEN_AFTER
        };
        let Some((wait, _)) = self.entry.filter(fresh) else {
            self.entry = Some((INITIAL, now));
            return now;
        };
        let at = now + wait;
        self.entry = Some((wait.saturating_mul(2).min(MAX), at));
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_five_minutes_and_are_forgotten_after_ten() {
        let mut back_off = BackOff::default();
        let mut now = SimTime::ZERO;
        let mut waits = Vec::new();
        for _ in 0..8 {
            let at = back_off.restart(now);
            waits.push(at.saturating_since(now).as_nanos() / 1_000_000_000);
            now = at + SimDuration::from_secs(1);
        }
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        let exactly = now + SimDuration::from_secs(599);
        assert_eq!(
            back_off.restart(exactly),
            exactly + MAX,
            "ten minutes are not yet more"
        );
        let later = exactly + MAX + SimDuration::from_secs(601);
        assert_eq!(back_off.restart(later), later);
    }
}
