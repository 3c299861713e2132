//! Sections 6.1 and 6.3: past recommendations hold back a change.
//!
//! The two paths treat an entry exactly as old as the window differently: the legacy path still uses it, the path with
//! behaviour does not.

use super::memory::{Recommendation, RecommendationLog};
use crate::{Span, Timestamp};

/// Stabilisation windows of both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// On the way up.
    pub up: Span,
    /// On the way down.
    pub down: Span,
}

/// Without behaviour: the largest of `desired` and everything recommended within `window`. Records `desired`.
pub fn stabilize_legacy(
    log: &mut RecommendationLog,
    desired: i32,
    window: Span,
    now: Timestamp,
) -> i32 {
    let cutoff = now.saturating_sub(window);
    let mut stabilized = desired;
    for (at, replicas) in log.at().iter().zip(log.replicas()) {
        // Without branches, several at a time.
        let recent = if *at < cutoff { i32::MIN } else { *replicas };
        stabilized = stabilized.max(recent);
    }
    record(log, desired, now, cutoff);
    stabilized
}

/// With behaviour: the count nearest to `current` between what the windows allow. Records `desired`.
pub fn stabilize_with_behavior(
    log: &mut RecommendationLog,
    current: i32,
    desired: i32,
    windows: Windows,
    now: Timestamp,
) -> i32 {
    let up_cutoff = now.saturating_sub(windows.up);
    let down_cutoff = now.saturating_sub(windows.down);
    let (mut up_bound, mut down_bound) = (desired, desired);
    for (at, replicas) in log.at().iter().zip(log.replicas()) {
        up_bound = up_bound.min(if *at > up_cutoff { *replicas } else { i32::MAX });
        down_bound = down_bound.max(if *at > down_cutoff {
            *replicas
        } else {
            i32::MIN
        });
    }
    record(log, desired, now, up_cutoff.min(down_cutoff));
    // As `clamp`, and `up_bound <= desired <= down_bound` always holds.
    current.max(up_bound).min(down_bound)
}

/// Records a recommendation in the place of the last entry of the list that no window reaches, else at the end.
fn record(log: &mut RecommendationLog, replicas: i32, now: Timestamp, cutoff: Timestamp) {
    let mut outdated = 0;
    for (number, at) in (1_u32..).zip(log.at()) {
        outdated = outdated.max(if *at < cutoff { number } else { 0 });
    }
    let place = (outdated as usize).checked_sub(1);
    log.put(place, Recommendation { replicas, at: now });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(entries: &[(i32, i64)]) -> RecommendationLog {
        entries
            .iter()
            .map(|&(replicas, t)| Recommendation {
                replicas,
                at: Timestamp::from_secs(t),
            })
            .collect()
    }

    #[test]
    fn an_entry_as_old_as_the_window_counts_on_the_legacy_path_only() {
        let window = Span::from_secs(300);
        assert_eq!(
            stabilize_legacy(&mut log(&[(9, -300)]), 3, window, Timestamp::ZERO),
            9
        );
        let windows = Windows {
            up: Span::ZERO,
            down: window,
        };
        assert_eq!(
            stabilize_with_behavior(&mut log(&[(9, -300)]), 9, 3, windows, Timestamp::ZERO),
            3
        );
    }

    #[test]
    fn the_last_old_entry_is_reused_and_the_raw_count_recorded() {
        let mut past = log(&[(10, -600), (4, -60), (9, -540)]);
        stabilize_legacy(&mut past, 3, Span::from_secs(300), Timestamp::ZERO);
        assert_eq!(past, log(&[(10, -600), (4, -60), (3, 0)]));
    }

    #[test]
    fn the_current_count_stays_between_the_bounds() {
        let windows = Windows {
            up: Span::from_secs(300),
            down: Span::from_secs(300),
        };
        let stabilized = |current, desired| {
            stabilize_with_behavior(
                &mut log(&[(4, -10), (8, -20)]),
                current,
                desired,
                windows,
                Timestamp::ZERO,
            )
        };
        assert_eq!(stabilized(6, 6), 6);
        assert_eq!(stabilized(2, 20), 4);
        assert_eq!(stabilized(30, 1), 8);
    }
}
