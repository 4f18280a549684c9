"""Readouts: single quantities in a row, designs side by side in a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import param

from components.base import HtmlComponent
from components.quantity import singular

Status = Literal["neutral", "met", "violated", "caution"]


@dataclass(frozen=True)
class Metric:
    """One readout: label, formatted value, unit, a short note, and how it stands to its limit.

    A unit that counts things is given in the plural; of one it says the singular.
    """

    label: str
    value: str
    unit: str = ""
    note: str = ""
    status: Status = "neutral"

    def __post_init__(self) -> None:
        if self.value == "1":
            object.__setattr__(self, "unit", singular(self.unit))

    @classmethod
    def of(cls, label: str, text: str, *, note: str = "", status: Status = "neutral") -> Metric:
        """A readout of a number with its unit as `components.quantity` writes it: "1.68 ms"."""
        value, _, unit = text.rpartition(" ")
        return cls(label, value or unit, unit if value else "", note, status)


def held(holds: bool) -> Status:
    """The status of a readout that has a limit."""
    return "met" if holds else "violated"


class MetricRow(HtmlComponent):
    """A row of readouts. Status is shown by a sign and by colour, never by colour alone.

    :Example:

    >>> MetricRow.of(Metric("Loop", "7.42", "ms", status="met"), Metric("Margin", "0.58", "ms"))
    """

    metrics = param.List(default=[], item_type=dict, doc="Fields of `Metric`.")

    @classmethod
    def of(cls, *metrics: Metric) -> MetricRow:
        """A row of the given readouts."""
        return cls(metrics=[asdict(metric) for metric in metrics])

    def show(self, metrics: list[Metric]) -> None:
        """Replaces the readouts; the same labels keep their place in the page."""
        self.metrics = [asdict(metric) for metric in metrics]


class ComparisonRow(HtmlComponent):
    """A small table of designs or devices, one row each.

    :Example:

    >>> ComparisonRow(title="Terms", columns=["", "A100", "H100"], rows=[{"cells": ["data, ms", "1.47", "0.90"]}])
    """

    title = param.String(default="", doc="Caption of the table.")
    columns = param.List(default=[], item_type=str, doc="Headings; the first names the rows.")
    rows = param.List(default=[], item_type=dict, doc="`{cells: [str, …], emphasis: bool}`.")
