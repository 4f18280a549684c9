"""The math peek: the equations of an act, rendered from the formulas that computed it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import param

from components.base import HtmlComponent
from components.text import mathml, to_html
from mlsysim.physics import FORMULAS


@lru_cache(maxsize=512)
def _described(name: str) -> dict[str, Any]:
    spec = FORMULAS[name].spec
    return {
        "title": spec.name.replace("_", " "),
        "mathml": mathml(spec.latex, display=True),
        "variables": [
            {"symbol": mathml(variable.symbol), "unit": variable.unit, "meaning": variable.meaning}
            for variable in spec.variables.values()
        ],
        "validity": spec.validity,
        "source": spec.source,
    }


class MathPeek(HtmlComponent):
    """A closed drawer with equation, symbols, units and limits of each formula, and the author's note.

    :Example:

    >>> MathPeek.of(["young_interval"], "Both terms are equal at the optimum.")
    """

    formulas = param.List(
        default=[], item_type=dict, doc="Title, MathML, variables, validity and source of each formula."
    )
    html = param.String(default="", doc="Rendered author's note.")

    @classmethod
    def of(cls, formulas: Sequence[str], note: str = "") -> MathPeek:
        """The peek of registered formulas (names in `mlsysim.physics.FORMULAS`) with a Markdown note."""
        return cls(formulas=[_described(name) for name in formulas], html=to_html(note))
