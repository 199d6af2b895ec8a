"""The JSON Schema of each definition file, for editors: they complete names and mark what is wrong while one types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tidings import given, workspace
from tidings.accumulate import kinds
from tidings.decide import policy
from tidings.domain import schema
from tidings.process import broadcast_parse, journey_form, webhooks
from tidings.rules import bands
from tidings.rules import schema as rules
from tidings.trials import parse as trials


def schemas() -> dict[str, dict[str, Any]]:
    """Name to schema: one for each kind of file, and one for a rule alone."""
    segment = {"rule": rules.RULE, "label": schema.SENTENCE, "description": schema.SENTENCE}
    traits = schema.named(kinds.schema_of_one())
    return {
        "segments": schema.whole_file("segments.yml", schema.named(schema.settings(segment, ["rule"])), rules.defs()),
        "traits": schema.whole_file("traits.yml", traits, schema.DEFS),
        "scores": schema.whole_file("scores.yml", bands.SCHEMA, {}),
        "journey": schema.whole_file("journeys/*.yml", journey_form.schema_of_file(), rules.defs()),
        "broadcast": schema.whole_file("broadcasts/*.yml", broadcast_parse.schema_of_file(), rules.defs()),
        "policy": schema.whole_file("policy.yml", policy.SCHEMA, {}),
        "settings": schema.whole_file("settings.yml", workspace.SETTINGS, {}),
        "webhooks": schema.whole_file("webhooks.yml", webhooks.SCHEMA, {}),
        "tests": schema.whole_file("tests/*.yml", trials.schema_of_file(), {}),
        "given": schema.whole_file("given.yml", given.SCHEMA, {}),
        "rule": schema.whole_file("a rule", rules.RULE, rules.defs()),
    }


def text_of(one: dict[str, Any]) -> str:
    """A schema as the text of its file."""
    return json.dumps(one, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write all of them into a folder; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, one in schemas().items():
        path = folder / f"{name}.json"
        path.write_text(text_of(one), "utf-8")
        written.append(path)
    return written
