"""Entries of earlier labs, for labs that read them."""

from __future__ import annotations

import re
from typing import Any

from ledger import DesignLedger, contract_of, parse_key
from ledger.field import Field

_FILLERS = {"number": 1.0, "boolean": False, "word": "x"}


def filler(field: Field) -> Any:
    """A value that a field allows."""
    if field.pattern is not None:
        # Of each group of alternatives the first.
        return re.sub(r"\(([^()|]*)[^()]*\)", r"\1", field.pattern)
    return field.vocabulary[0] if field.vocabulary else _FILLERS.get(field.type)


def save_earlier(ledger: DesignLedger, key: str, **fields: Any) -> None:
    """Saves an entry of the lab `key`: these fields, and of the others what the contract needs at least."""
    design = {}
    for name, field in contract_of(key).fields.items():
        design[name] = fields.get(name, None if field.nullable else filler(field))
    volume, chapter = parse_key(key)
    ledger.save(chapter=chapter, volume=volume, design=design)
