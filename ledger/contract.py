"""The contract of all 34 labs, strict for saving and lenient for reading.

`validate_design` guards what enters the ledger; `readable_design` gives a reader whatever is still sound in
what the ledger holds, because a damaged field and a missing one are the same case for a reader.
"""

from __future__ import annotations

from typing import Any

from ledger.contract_volume1 import VOLUME_1
from ledger.contract_volume2 import VOLUME_2
from ledger.errors import DesignError, StoredValueError, UnknownLab
from ledger.keys import parse_key
from ledger.lab_contract import COMMON_FIELDS, LabContract
from ledger.plain import plain

CONTRACT: dict[str, LabContract] = {contract.key: contract for contract in (*VOLUME_1, *VOLUME_2)}
"""Entry key -> what that lab saves."""


def contract_of(key: str) -> LabContract:
    """The contract of one lab. Raises UnknownLab for a key that names none, or a place without a contract."""
    volume, _ = parse_key(key)
    if key not in CONTRACT:
        raise UnknownLab(f"{key} has no contract yet; it belongs into ledger/contract_volume{volume}.py.")
    return CONTRACT[key]


def validate_design(key: str, design: Any, *, complete: bool = True) -> dict[str, Any]:
    """The design as it is stored: plain JSON values in the order of the contract.

    Numbers that are infinite or not a number become None, and extras that are missing are stored as None.
    With `complete=False` (imports of entries that were partly damaged) any field may be missing and stays so.
    Raises DesignError naming every problem: a missing common field, a field that the lab does not have, a
    wrong type, a value outside the vocabulary.
    """
    fields = contract_of(key).fields
    if not isinstance(design, dict):
        raise DesignError(key, [f"it must be a mapping of field names to values, not a {type(design).__name__}"])
    problems = [
        f"{name!r} is not a field of this lab (its fields are {', '.join(fields)})"
        for name in design
        if name not in fields
    ]
    stored: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in design:
            if complete and name in COMMON_FIELDS:
                problems.append(f"the common field {name!r} is missing")
            elif complete:
                stored[name] = None
            continue
        try:
            value = plain(design[name], name)
        except StoredValueError as error:
            problems.append(str(error).rstrip("."))
            continue
        problem = field.problem(value)
        if problem:
            problems.append(f"{name} {problem}")
        stored[name] = value
    if problems:
        raise DesignError(key, problems)
    return stored


def readable_design(key: str, design: Any) -> dict[str, Any]:
    """The sound fields of a stored design, as a new dict in contract order; invalid ones are left out.

    Never raises for damaged data: a design that is no mapping reads as `{}`. A reader uses `.get(field)` and
    its fallback when that is None.
    """
    fields = contract_of(key).fields
    if not isinstance(design, dict):
        return {}
    readable: dict[str, Any] = {}
    for name, field in fields.items():
        if name not in design:
            continue
        try:
            value = plain(design[name], name)
        except StoredValueError:
            continue  # not a JSON value: for a reader the same case as a missing field
        if field.problem(value) is None:
            readable[name] = value
    return readable
