import json

from hookean.policies import CONTROLLERS
from hookean.scenario.schema import SCHEMA_FILE, schema_text


def test_checked_in_schema_is_current():
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), "run `python -m hookean.scenario.schema`"


def test_schema_knows_every_controller_and_describes_every_field():
    schema = json.loads(schema_text())
    assert schema["properties"]["controllers"]["items"]["discriminator"]["mapping"].keys() == {
        e.name for e in CONTROLLERS
    }
    for name, model in schema["$defs"].items():
        for field, entry in model.get("properties", {}).items():
            assert entry.get("description") or "const" in entry or "$ref" in entry, f"{name}.{field}"


def test_schema_refuses_unknown_fields():
    schema = json.loads(schema_text())
    models = [schema, *(model for model in schema["$defs"].values() if model.get("type") == "object")]
    assert len(models) > 20
    assert all(model["additionalProperties"] is False for model in models)
