//! The control plane from plan to tables: small runs with expectations worked out by hand.

mod binned;
mod called_triggers;
mod calls;
mod calls_theory;
mod external;
mod faults;
mod fuzz;
mod lanes;
mod lifecycle;
mod nodes;
mod outlet;
mod outsider;
mod plans;
mod resizes;
mod run;
mod scaling;
mod sent_back;
mod support;
mod synchronous;
mod synchronous_model;
mod synchronous_random;
mod synchronous_theory;
mod triggers;
mod warmup;
