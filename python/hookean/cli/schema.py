"""`hookean schema`: the JSON schema of scenario files."""

import json
import sys


def schema() -> None:
    """Print the JSON schema of scenario files, for editors."""
    from hookean.scenario.model import model_schema  # noqa: PLC0415 (keeps --help quick)

    sys.stdout.write(json.dumps(model_schema(), indent=2, ensure_ascii=False) + "\n")
