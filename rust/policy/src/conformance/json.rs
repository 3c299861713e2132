//! Pieces for reading the inputs of cases.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

use crate::{Span, Timestamp};

/// Reads an input strictly; the error says which field is missing, unknown or of the wrong type.
pub(super) fn read<T: DeserializeOwned>(input: Value) -> Result<T, String> {
    serde_json::from_value(input).map_err(|error| error.to_string())
}

/// For a field that may be null but must be there.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Option::deserialize(deserializer)
}

/// A number of seconds, whole or not, held to what nanoseconds in `i64` can express.
#[derive(Clone, Copy, Debug)]
pub(super) struct Secs(i64);

impl Secs {
    pub(super) const fn timestamp(self) -> Timestamp {
        Timestamp::from_nanos(self.0)
    }

    pub(super) const fn span(self) -> Span {
        Span::from_nanos(self.0)
    }
}

impl<'de> Deserialize<'de> for Secs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        if let Some(secs) = number.as_i64() {
            return Ok(Self(Span::from_secs(secs).as_nanos()));
        }
        let secs = number
            .as_f64()
            .ok_or_else(|| D::Error::custom("not a number of seconds"))?;
        Ok(Self((secs * 1e9).round() as i64))
    }
}
