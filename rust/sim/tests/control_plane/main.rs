//! The control plane from plan to tables: small runs with expectations worked out by hand.

mod binned;
mod external;
mod fuzz;
mod faults;
mod lifecycle;
mod plans;
mod run;
mod scaling;
mod support;
