//! Every recorded case of a controller in `tests/conformance` passes, and a broken case is never taken for a passing one.

use std::path::{Path, PathBuf};

use hookean_policy::conformance::{FileReport, KINDS, run_file};
use serde_json::{Value, json};

/// Number of cases in the files, counted by hand from their lists.
const CASES: usize = 170;

/// The one folder that is not about decisions: `hookean conformance` simulates its cases.
const SIMULATED: &str = "queueing";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance")
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder exists") {
        let path = entry.expect("the folder can be read").path();
        if path.ends_with(SIMULATED) {
            continue;
        }
        if path.is_dir() {
            files.extend(json_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn text_of(file: &str) -> String {
    std::fs::read_to_string(folder().join(file)).expect("the file exists")
}

fn run(file: &str, change: impl FnOnce(&mut Value)) -> FileReport {
    let mut value: Value = serde_json::from_str(&text_of(file)).expect("the file is JSON");
    change(&mut value);
    run_file(file, &value.to_string())
}

fn only_failure(report: &FileReport) -> (&str, &str) {
    assert_eq!(report.failures.len(), 1, "{:?}", report.failures);
    (&report.failures[0].expected, &report.failures[0].got)
}

#[test]
fn every_case_of_every_file_passes() {
    let mut passed = 0;
    for file in json_files(&folder()) {
        let report = run_file(
            &file.display().to_string(),
            &std::fs::read_to_string(&file).unwrap(),
        );
        assert!(
            report.is_success(),
            "{}: {:#?}",
            report.name,
            report.failures
        );
        passed += report.passed;
    }
    assert_eq!(passed, CASES);
}

#[test]
fn every_kind_has_a_file() {
    let files = json_files(&folder());
    let texts: Vec<_> = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    for kind in KINDS {
        let key = format!("\"{}\"", kind.kind);
        assert!(
            texts.iter().any(|text| text.contains(&key)),
            "{} has no file",
            kind.kind
        );
    }
}

#[test]
fn a_wrong_expectation_fails_that_case_alone() {
    let report = run("hpa/behavior_rate.json", |file| {
        file["cases"][3]["expect"]["replicas"] = json!(-7);
    });
    assert_eq!(report.passed, 33);
    assert!(only_failure(&report).0.contains("-7"));
}

#[test]
fn every_wrong_expectation_is_noticed() {
    for file in json_files(&folder()) {
        let text = std::fs::read_to_string(&file).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        for (key, cases) in value
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, list)| list.is_array())
        {
            for position in 0..cases.as_array().unwrap().len() {
                for expected in cases[position]["expect"].as_object().unwrap().keys() {
                    let mut broken = value.clone();
                    broken[key][position]["expect"][expected] = json!({"not": "this"});
                    let report = run_file("broken", &broken.to_string());
                    assert_eq!(
                        report.failures.len(),
                        1,
                        "{key}[{position}].{expected} of {}",
                        file.display()
                    );
                }
            }
        }
    }
}

#[test]
fn every_field_of_an_input_is_needed_and_no_other_is_accepted() {
    for file in json_files(&folder()) {
        let value: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for (key, cases) in value
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, list)| list.is_array())
        {
            let input = cases[0]["input"].as_object().unwrap();
            for field in input.keys() {
                let mut broken = value.clone();
                broken[key][0]["input"]
                    .as_object_mut()
                    .unwrap()
                    .remove(field);
                let report = run_file("broken", &broken.to_string());
                assert!(
                    only_failure(&report)
                        .1
                        .contains(&format!("missing field `{field}`")),
                    "{report:?}"
                );
            }
            let mut broken = value.clone();
            broken[key][0]["input"]["surprise"] = json!(1);
            let report = run_file("broken", &broken.to_string());
            assert!(
                only_failure(&report).1.contains("unknown field `surprise`"),
                "{report:?}"
            );
        }
    }
}

#[test]
fn unknown_fields_deep_inside_fail_their_case() {
    for path in [
        "/cases/0/input/hpa",
        "/cases/0/input/state",
        "/cases/0/input/hpa/metrics/0",
        "/cases/0/input/state/pods/0",
    ] {
        let report = run("hpa/reconcile.json", |file| {
            file.pointer_mut(path).unwrap()["surprise"] = json!(null);
        });
        assert!(
            only_failure(&report).1.contains("unknown field `surprise`"),
            "{path}: {report:?}"
        );
        assert_eq!(report.passed, 45);
    }
}

#[test]
fn a_case_without_id_input_or_expectation_fails() {
    for field in ["id", "input", "expect"] {
        let report = run("hpa/group_pods.json", |file| {
            file["cases"][2].as_object_mut().unwrap().remove(field);
        });
        assert!(only_failure(&report).1.contains(field), "{report:?}");
        assert_eq!(report.passed, 7);
    }
    let report = run("hpa/group_pods.json", |file| {
        file["cases"][2]["expect"] = json!({});
    });
    only_failure(&report);
}

#[test]
fn an_unknown_kind_is_one_failure_that_lists_the_known_ones() {
    let report = run("hpa/group_pods.json", |file| {
        file["kind"] = json!("hpa.telepathy");
    });
    let (expected, got) = only_failure(&report);
    assert!(got.contains("hpa.telepathy"));
    assert!(KINDS.iter().all(|kind| expected.contains(kind.kind)));
    assert_eq!(
        (report.passed, report.failures[0].case.as_str()),
        (0, "hpa/group_pods.json")
    );
}

#[test]
fn files_that_nobody_claims_are_one_failure() {
    for text in [
        r#"{"schema": "ca_drain/1", "cases": [{}, {}]}"#,
        "{}",
        "[]",
        "3",
        "",
        "{\"kind\": 3}",
        "{\"kind\": ",
        "NaN",
    ] {
        let report = run_file("odd.json", text);
        only_failure(&report);
        assert_eq!(report.failures[0].case, "odd.json");
    }
}

#[test]
fn a_file_without_cases_fails() {
    for text in [
        r#"{"kind": "hpa.reconcile"}"#,
        r#"{"kind": "hpa.reconcile", "cases": []}"#,
    ] {
        assert_eq!(only_failure(&run_file("empty.json", text)).1, "no cases");
    }
}

#[test]
fn a_list_that_is_not_known_fails() {
    let report = run("hpa/group_pods.json", |file| {
        file["limit_cases"] = json!([]);
    });
    assert!(only_failure(&report).1.contains("limit_cases"));
    let report = run("hpa/group_pods.json", |file| file["cases"] = json!("none"));
    only_failure(&report);
}

/// Paths to every value below `value`.
fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, child)| pointers(child, &format!("{path}/{key}"), found)),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .for_each(|(i, child)| pointers(child, &format!("{path}/{i}"), found)),
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn extreme_values_never_panic() {
    let extremes = [
        json!(i64::MAX),
        json!(i64::MIN),
        json!(i32::MAX),
        json!(i32::MIN),
        json!(u64::MAX),
        json!(0),
        json!(-1),
        json!(1e308),
        json!(0.5),
        json!(null),
        json!(""),
        json!([]),
        json!({}),
        json!(true),
    ];
    for file in json_files(&folder()) {
        let value: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for (key, cases) in value
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, list)| list.is_array())
        {
            for case in cases.as_array().unwrap().iter().take(6) {
                let mut found = Vec::new();
                pointers(case, "", &mut found);
                for (path, extreme) in found
                    .iter()
                    .flat_map(|path| extremes.iter().map(move |extreme| (path, extreme)))
                {
                    let mut changed = case.clone();
                    *changed.pointer_mut(path).unwrap() = extreme.clone();
                    let report = run_file(
                        "changed",
                        &json!({"kind": value["kind"], key: [changed]}).to_string(),
                    );
                    assert_eq!(report.total(), 1);
                }
            }
        }
    }
}
