//! The simulator: plan in, tables out.
//!
//! A plan says everything (`plan`); stations serve requests lazily between control events (`station`, `workload`), and what
//! they complete may set off requests of other services (`calls`); the control plane measures, decides, places and bills
//! (`metrics`, `control`, `placement`, `platform`, `cost`); what happened is kept in columns (`record`); `run` is the loop
//! over it all.

#![forbid(unsafe_code)]

mod calls;
pub mod control;
pub mod cost;
mod error;
pub mod fault;
pub mod metrics;
pub mod placement;
pub mod plan;
pub mod platform;
pub mod record;
pub mod replica;
pub mod run;
mod small_numbers;
pub mod station;
pub mod workload;

pub use error::SimError;
