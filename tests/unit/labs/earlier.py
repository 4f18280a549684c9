"""Entries of earlier labs, for labs that read them."""

from __future__ import annotations

import re
from typing import Any

from ledger import DesignLedger, contract_of, parse_key

_FILLERS = {"number": 1.0, "boolean": False, "word": "x"}


def save_earlier(ledger: DesignLedger, key: str, **fields: Any) -> None:
    """Saves an entry of the lab `key`: these fields, and of the others what the contract needs at least."""
    design = {}
    for name, field in contract_of(key).fields.items():
        filler = field.vocabulary[0] if field.vocabulary else _FILLERS.get(field.type)
        if field.pattern is not None:
            # Of each group of alternatives the first.
            filler = re.sub(r"\(([^()|]*)[^()]*\)", r"\1", field.pattern)
        design[name] = fields.get(name, None if field.nullable else filler)
    volume, chapter = parse_key(key)
    ledger.save(chapter=chapter, volume=volume, design=design)
