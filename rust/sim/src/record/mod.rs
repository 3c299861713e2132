//! What a run leaves behind: columnar tables, in the columns that `python/hookean/result/columns.py` documents.

mod classes;
mod column;
mod decisions;
mod faults;
mod latencies;
mod lazy_table;
mod requests;
mod resizes;
mod series;
mod summary;
mod tables;
mod trees;

pub(crate) use classes::classes_table;
pub use column::{Column, Strings, Table};
pub(crate) use decisions::{Decided, DecisionContext, DecisionLog, DecisionNames, decisions_table};
pub(crate) use faults::{FaultLog, FaultRow, Toll};
pub(crate) use latencies::latencies_table;
pub use lazy_table::LazyTable;
pub(crate) use requests::{lots, requests_table, whole};
pub(crate) use resizes::{ResizeRow, digest_resizes, resizes_table};
pub(crate) use series::{SeriesRow, SeriesSteps, ServiceSeries, Throttled, series_table};
pub(crate) use summary::{ServiceTotals, summary_table};
pub(crate) use tables::{bill, nodes_table, replicas_table};
pub(crate) use trees::{critical_path_table, end_to_end_table};
