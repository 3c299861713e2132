//! Compares what a case expects with what came out.

use serde_json::{Map, Value};

/// Longest text of a value in a report.
const SHORT: usize = 400;

/// The parts that differ, as expected and got; `None` if everything that is expected came out.
pub(super) fn difference(
    expect: &Map<String, Value>,
    computed: &Map<String, Value>,
) -> Option<(String, String)> {
    let mut expected = Map::new();
    let mut got = Map::new();
    for (key, value) in expect {
        let (counterpart, equal) = match key.as_str() {
            "error_contains" => ("error", contains(computed.get("error"), value)),
            _ => (
                key.as_str(),
                computed.get(key).is_some_and(|actual| same(actual, value)),
            ),
        };
        if !equal {
            expected.insert(key.clone(), value.clone());
            got.insert(
                counterpart.to_owned(),
                computed.get(counterpart).cloned().unwrap_or(Value::Null),
            );
        }
    }
    if !expected.is_empty()
        && let Some(error) = computed.get("error")
    {
        got.insert("error".to_owned(), error.clone());
    }
    (!expected.is_empty()).then(|| (short(&Value::Object(expected)), short(&Value::Object(got))))
}

fn contains(error: Option<&Value>, part: &Value) -> bool {
    match (error.and_then(Value::as_str), part.as_str()) {
        (Some(error), Some(part)) => error.contains(part),
        _ => false,
    }
}

/// Equality that does not tell 3 from 3.0, and takes a list of names for a set.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) if x.is_f64() != y.is_f64() => {
            x.as_f64() == y.as_f64()
        }
        (Value::Array(x), Value::Array(y)) => {
            x == y || matches!((names(x), names(y)), (Some(x), Some(y)) if x == y)
        }
        _ => a == b,
    }
}

/// The names of a list in alphabetical order, if it holds nothing else.
fn names(list: &[Value]) -> Option<Vec<&str>> {
    let mut names: Vec<_> = list.iter().map(Value::as_str).collect::<Option<_>>()?;
    names.sort_unstable();
    Some(names)
}

/// The value as JSON on one line, cut where it is long.
pub(super) fn short(value: &Value) -> String {
    let mut text = value.to_string();
    if let Some((cut, _)) = text.char_indices().nth(SHORT) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            other => panic!("{other} is no object"),
        }
    }

    #[test]
    fn names_only_what_differs() {
        let expect = object(json!({"replicas": 3, "reason": "X"}));
        let computed = object(json!({"replicas": 4, "reason": "X", "more": 1}));
        let difference = difference(&expect, &computed);
        assert_eq!(
            difference,
            Some((
                r#"{"replicas":3}"#.to_owned(),
                r#"{"replicas":4}"#.to_owned()
            ))
        );
    }

    #[test]
    fn a_value_that_did_not_come_out_is_a_difference() {
        assert!(difference(&object(json!({"replicas": null})), &Map::new()).is_some());
        let failed = object(json!({"error": "no pods"}));
        assert!(difference(&object(json!({"replicas": 1})), &failed).is_some());
        assert!(difference(&object(json!({"error_contains": "pods"})), &failed).is_none());
        assert!(difference(&object(json!({"error_contains": "metric"})), &failed).is_some());
    }

    #[test]
    fn names_are_a_set_and_numbers_are_a_list() {
        let computed = object(json!({"names": ["a", "b"], "numbers": [1, 2]}));
        assert!(difference(&object(json!({"names": ["b", "a"]})), &computed).is_none());
        assert!(difference(&object(json!({"names": ["b", "b", "a"]})), &computed).is_some());
        assert!(difference(&object(json!({"numbers": [2, 1]})), &computed).is_some());
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(short(&json!("é".repeat(1000))).chars().count(), SHORT + 1);
    }
}
