//! Stations on their own: against each other, against hand-made cases, against theory.

mod binned;
mod by_hand;
mod control_events;
mod epochs;
mod exactness;
mod orders;
mod patience;
mod quota;
mod support;
mod theory;
mod theory_callers;
