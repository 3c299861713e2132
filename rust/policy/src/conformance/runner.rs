//! Reads a file of cases, finds who can run them, and compares.

use serde_json::{Map, Value};

use super::KINDS;
use super::compare::{difference, short};
use super::report::{CaseFailure, FileReport};

/// What a case computes: named values, or `error` with the error's text.
pub(super) type Computed = Map<String, Value>;

/// A kind of file and how its cases are run.
#[derive(Debug)]
pub struct Kind {
    /// What the file's `kind` says.
    pub kind: &'static str,
    /// What its cases check, in a few words.
    pub checks: &'static str,
    pub(super) sections: &'static [Section],
}

/// A list of cases in a file.
#[derive(Debug)]
pub(super) struct Section {
    /// The key of the list.
    pub(super) key: &'static str,
    /// What such a case must expect at least one of.
    pub(super) expects: &'static [&'static str],
    /// Computes a case from its input; an error says what is wrong with the input.
    pub(super) run: fn(Value) -> Result<Computed, String>,
}

/// Runs all cases of a file. Whatever is in `json_text`, this reports; it never panics.
pub fn run_file(name: &str, json_text: &str) -> FileReport {
    let mut report = FileReport {
        name: name.to_owned(),
        ..FileReport::default()
    };
    let mut file = match serde_json::from_str(json_text) {
        Ok(Value::Object(file)) => file,
        Ok(_) => {
            report.fail(name, "a JSON object", "another JSON value");
            return report;
        }
        Err(error) => {
            report.fail(name, "a JSON object", &format!("not JSON: {error}"));
            return report;
        }
    };
    report.kind = file.get("kind").and_then(Value::as_str).map(str::to_owned);
    let Some(kind) = KINDS
        .iter()
        .find(|known| Some(known.kind) == report.kind.as_deref())
    else {
        report.fail(name, &known_kinds(), &claim(&file));
        return report;
    };
    file.remove("kind");
    for section in kind.sections {
        if let Some(cases) = file.remove(section.key) {
            report.run_section(name, section, cases);
        }
    }
    for unknown in file.keys() {
        report.fail(
            name,
            &format!("a file of kind `{}`", kind.kind),
            &format!("unknown key `{unknown}`"),
        );
    }
    if report.total() == 0 {
        report.fail(name, &format!("cases of kind `{}`", kind.kind), "no cases");
    }
    report
}

fn known_kinds() -> String {
    let known: Vec<_> = KINDS
        .iter()
        .map(|known| format!("`{}`", known.kind))
        .collect();
    format!("a file of a known kind: {}", known.join(", "))
}

/// What a file that nobody claims says it is.
fn claim(file: &Map<String, Value>) -> String {
    match (file.get("kind"), file.get("schema")) {
        (Some(Value::String(kind)), _) => format!("unknown kind `{kind}`"),
        (Some(other), _) => format!("kind {}", short(other)),
        (None, Some(schema)) => format!("no kind (schema {})", short(schema)),
        (None, None) => "no kind".to_owned(),
    }
}

impl FileReport {
    fn fail(&mut self, case: &str, expected: &str, got: &str) {
        let [case, expected, got] = [case, expected, got].map(str::to_owned);
        self.failures.push(CaseFailure {
            case,
            expected,
            got,
        });
    }

    fn run_section(&mut self, name: &str, section: &Section, cases: Value) {
        let Value::Array(cases) = cases else {
            self.fail(
                name,
                &format!("a list under `{}`", section.key),
                &short(&cases),
            );
            return;
        };
        for (position, case) in cases.into_iter().enumerate() {
            let fallback = format!("{}[{position}]", section.key);
            let id = case
                .get("id")
                .and_then(Value::as_str)
                .unwrap_or(&fallback)
                .to_owned();
            match Case::read(section, case) {
                Ok(case) => self.run_case(&id, section, case),
                Err(problem) => self.fail(&id, "a well-formed case", &problem),
            }
        }
    }

    fn run_case(&mut self, id: &str, section: &Section, case: Case) {
        match (section.run)(case.input) {
            Ok(computed) => match difference(&case.expect, &computed) {
                None => self.passed += 1,
                Some((expected, got)) => self.fail(id, &expected, &got),
            },
            Err(problem) => self.fail(
                id,
                "a well-formed case",
                &format!("malformed input: {problem}"),
            ),
        }
    }
}

struct Case {
    input: Value,
    expect: Map<String, Value>,
}

impl Case {
    fn read(section: &Section, case: Value) -> Result<Self, String> {
        let Value::Object(mut fields) = case else {
            return Err(format!("malformed case: {}", short(&case)));
        };
        if !fields.remove("id").is_some_and(|id| id.is_string()) {
            return Err("malformed case: missing field `id`".to_owned());
        }
        fields.remove("source");
        let input = fields
            .remove("input")
            .ok_or("malformed case: missing field `input`")?;
        let Some(Value::Object(expect)) = fields.remove("expect") else {
            return Err("malformed case: missing field `expect`".to_owned());
        };
        if let Some(unknown) = fields.keys().next() {
            return Err(format!("malformed case: unknown field `{unknown}`"));
        }
        if section.expects.iter().any(|key| expect.contains_key(*key)) {
            Ok(Self { input, expect })
        } else {
            Err(format!(
                "malformed case: it expects none of {:?}",
                section.expects
            ))
        }
    }
}
