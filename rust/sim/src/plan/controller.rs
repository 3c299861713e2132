//! Controllers and the metrics pipelines that feed them.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

/// How the state of the system becomes an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "pipeline", rename_all = "snake_case", deny_unknown_fields)]
pub enum PipelinePlan {
    /// Exact and immediate: averages over the last `window_ns`; 0 reads the instantaneous use.
    Ideal {
        /// Averaging window.
        window_ns: u64,
    },
    /// cAdvisor housekeeping, metrics-server, and a Prometheus-style adapter for request rates.
    Kubernetes {
        /// Shortest distance of two cAdvisor samples.
        housekeeping_min_ns: u64,
        /// Longest distance of two cAdvisor samples.
        housekeeping_max_ns: u64,
        /// metrics-server resolution.
        resolution_ns: u64,
        /// Scrape period of the adapter.
        adapter_period_ns: u64,
        /// Rate window of the adapter.
        adapter_window_ns: u64,
        /// Age of the adapter's answer.
        adapter_delay_ns: u64,
    },
    /// Group averages per period, published late.
    Cloudwatch {
        /// Period of a datapoint.
        period_ns: u64,
        /// Time from the end of a period to its publication.
        delay_ns: u64,
    },
}

impl PipelinePlan {
    /// Distances of the looks of its clocks, but for those that come with a decision; the shortest of each.
    pub fn periods_ns(self) -> impl Iterator<Item = u64> {
        let clocks = match self {
            Self::Ideal { .. } => [None; 3],
            Self::Kubernetes {
                housekeeping_min_ns,
                resolution_ns,
                adapter_period_ns,
                ..
            } => [housekeeping_min_ns, resolution_ns, adapter_period_ns].map(Some),
            Self::Cloudwatch { period_ns, .. } => [Some(period_ns), None, None],
        };
        clocks.into_iter().flatten()
    }

    /// Whether it publishes averages over the group instead of samples of single replicas.
    pub fn is_of_groups(self) -> bool {
        matches!(self, Self::Cloudwatch { .. })
    }
}

/// One controller.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControllerPlan {
    /// Name in the controller table: `hpa`, `ec2-target-tracking`, `static`, or `python` for a policy outside of the engine.
    pub kind: String,
    /// Index of the service it scales.
    pub service: usize,
    /// Period of its loop.
    pub period_ns: u64,
    /// First tick, counted from the creation of the service.
    pub phase_ns: u64,
    /// What feeds it.
    pub metrics: PipelinePlan,
    /// The controller's own configuration, read by its crate (`hookean_policy::<kind>::Config`, or
    /// [`crate::control::external::Config`]).
    pub config: Settings,
}

/// A configuration as it was written: there may be very many, and as a tree each would take ten times the memory.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct Settings(Option<Box<RawValue>>);

impl Settings {
    fn text(&self) -> &str {
        self.0.as_deref().map_or("null", RawValue::get)
    }

    /// Reads it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read<C: DeserializeOwned>(&self) -> Result<C, String> {
        let value: Value = serde_json::from_str(self.text()).map_err(|e| e.to_string())?;
        serde_json::from_value(value).map_err(|e| e.to_string())
    }
}

impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

/// What says how many nodes a pool of a cluster has. The first decision is taken at time 0.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeControllerPlan {
    /// `python`: a policy outside of the engine.
    pub kind: String,
    /// Index of the pool.
    pub pool: usize,
    /// Period of its loop.
    pub period_ns: u64,
    /// Its own configuration ([`crate::control::external::NodeConfig`]).
    pub config: Value,
}
