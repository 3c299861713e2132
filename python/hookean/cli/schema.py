"""`hookean schema`: the JSON schema of scenario files."""

import sys


def schema() -> None:
    """Print the JSON schema of scenario files, for editors."""
    from hookean.scenario.schema import schema_text  # noqa: PLC0415 (keeps --help quick)

    sys.stdout.write(schema_text())
