//! Columns of the engine as Arrow.

use arrow_array::{
    ArrayRef, DurationNanosecondArray, Float64Array, LargeStringArray, RecordBatch, StructArray,
    UInt32Array, UInt64Array,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, Field, Schema};
use hookean_sim::record::{Column, Strings, Table};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use pyo3_arrow::ffi::{ArrayIterator, to_stream_pycapsule};
use std::sync::Arc;

/// A table that polars reads through the Arrow stream interface.
#[pyclass(frozen, module = "hookean._core")]
pub struct ArrowTable(RecordBatch);

#[pymethods]
impl ArrowTable {
    /// Columns that have nulls, with their number.
    fn nulls(&self) -> Vec<(&str, usize)> {
        let fields = self.0.schema_ref().fields();
        let columns = fields.iter().zip(self.0.columns());
        let counts = columns.map(|(field, column)| (field.name().as_str(), column.null_count()));
        counts.filter(|(_, nulls)| *nulls > 0).collect()
    }

    /// The Arrow C stream of the table.
    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyCapsule>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = self.0.schema();
        let field = Arc::new(Field::new_struct("", schema.fields().clone(), false));
        let rows: ArrayRef = Arc::new(StructArray::from(self.0.clone()));
        let reader = Box::new(ArrayIterator::new([Ok(rows)], field));
        Ok(to_stream_pycapsule(py, reader, requested_schema)?)
    }
}

impl ArrowTable {
    /// Converts a table; texts take 64-bit offsets, since the reasons of a long run may exceed 2 GiB.
    pub(crate) fn new(table: Table) -> Result<Self, ArrowError> {
        let mut fields = Vec::with_capacity(table.columns.len());
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(table.columns.len());
        for (name, column) in table.columns {
            let array = array(column)?;
            fields.push(Field::new(name, array.data_type().clone(), true));
            arrays.push(array);
        }
        Ok(Self(RecordBatch::try_new(
            Arc::new(Schema::new(fields)),
            arrays,
        )?))
    }
}

fn array(column: Column) -> Result<ArrayRef, ArrowError> {
    Ok(match column {
        Column::Duration(values) => {
            let nanos = values
                .iter()
                .map(|v| v.map(|n| i64::try_from(n).unwrap_or(i64::MAX)));
            Arc::new(nanos.collect::<DurationNanosecondArray>())
        }
        Column::U32(values) => Arc::new(values.into_iter().collect::<UInt32Array>()),
        Column::U64(values) => Arc::new(values.into_iter().collect::<UInt64Array>()),
        Column::F64(values) => Arc::new(values.into_iter().collect::<Float64Array>()),
        Column::Text(strings) => Arc::new(text(strings)?),
        Column::Names(rows, names) => {
            // plain text: decoding a dictionary costs polars more than these few bytes per row
            let texts = rows.iter().map(|row| names.get(*row as usize));
            Arc::new(texts.collect::<LargeStringArray>())
        }
    })
}

/// The texts without copying them.
fn text(strings: Strings) -> Result<LargeStringArray, ArrowError> {
    let Strings { bytes, ends, valid } = strings;
    let ends = ends
        .into_iter()
        .map(|end| i64::try_from(end).unwrap_or(i64::MAX));
    let offsets: Vec<i64> = std::iter::once(0).chain(ends).collect();
    let nulls = valid
        .contains(&false)
        .then(|| NullBuffer::from(valid.as_slice()));
    LargeStringArray::try_new(
        OffsetBuffer::new(offsets.into()),
        Buffer::from_vec(bytes.into_bytes()),
        nulls,
    )
}
