"""The JSON schema of scenario files, for editors: `python -m hookean.scenario.schema` writes it again."""

from __future__ import annotations

import json
from pathlib import Path

from .model import Scenario

SCHEMA_FILE = Path(__file__).with_name("scenario.schema.json")


def schema_text() -> str:
    """Returns the schema as the text of its file."""
    schema = Scenario.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Writes the schema beside this module."""
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
