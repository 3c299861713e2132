//! Errors of the simulator.

use crate::plan::PlanError;
use thiserror::Error;

/// Why a simulation gave no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SimError {
    /// The plan cannot be run.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The engine broke one of its own promises.
    #[error("the engine broke its promise `{check}`: {detail}")]
    Broken {
        /// Name of the check.
        check: &'static str,
        /// The figures that do not agree.
        detail: String,
    },
    /// Threads could not be started.
    #[error("threads could not be started: {0}")]
    Threads(String),
}
