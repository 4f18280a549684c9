"""The report that closes a course: a student's record on one page, to print or to save."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import param

from components.base import HtmlComponent
from components.documents import TEMPLATES, render
from components.theme import LIGHT, TEXT_FONT

#: A saved report fetches nothing and runs nothing.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True)
class ReportLab:
    """One lab: its name, the prediction, what the model gave, whether that was right, and the saved design."""

    key: str
    name: str
    predicted: str = "–"
    actual: str = "–"
    sign: str = "–"
    limit: str = "–"
    result: str = "–"
    decision: str = "–"


@dataclass(frozen=True)
class ReportFamily:
    """Labs of one kind: right predictions of those made, the interval of their share, labs with a limit broken.

    `labs` are their keys; `share`, `low` and `high` are percentages for the drawing, None without data.
    """

    key: str
    name: str
    labs: tuple[str, ...]
    right: str
    interval: str
    limit: str
    share: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ReportAudit:
    """One audit of the student's design: what was found, the limit, the room left, and the verdict."""

    key: str
    name: str
    limit: str
    found: str = "–"
    room: str = "–"
    sign: str = "–"

    def cells(self) -> Iterator[tuple[str, str]]:
        """What depends on the design, by the name of its cell."""
        for name in ("found", "room", "sign"):
            yield f"{self.key}.{name}", getattr(self, name)


@dataclass(frozen=True)
class ReportDesign:
    """The student's design: its audits, its controls (pairs of a label and a text), and how it stands in a sentence."""

    audits: tuple[ReportAudit, ...]
    controls: tuple[tuple[str, str], ...]
    verdict: str

    def cells(self) -> dict[str, str]:
        """Everything that depends on the controls, by the name of its cell in the page."""
        cells = {name: text for audit in self.audits for name, text in audit.cells()}
        return cells | {f"design.{k}": text for k, (_, text) in enumerate(self.controls)} | {"verdict": self.verdict}


@dataclass(frozen=True)
class Report:
    """A student's record: predictions per lab, how well they judge, and the last design before its audits.

    `summary` are pairs of a label and a text.
    """

    eyebrow: str
    title: str
    invariant: str
    date: str
    summary: tuple[tuple[str, str], ...]
    labs: tuple[ReportLab, ...]
    families: tuple[ReportFamily, ...]
    design: ReportDesign

    def document(self) -> str:
        """The report as an HTML document of its own. Everything in it is set as text."""
        return render(
            "report.html",
            report=self,
            policy=POLICY,
            tokens=LIGHT,
            font=TEXT_FONT,
            css=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        )


class ReportPanel(HtmlComponent):
    """Shows a report as it will be printed, and prints or saves it.

    Both happen in the browser: what is saved is the very document that is shown.

    :Example:

    >>> ReportPanel(page=report.document())
    """

    page = param.String(default="", doc="The report as a whole HTML document, made by `Report.document`.")
    file_name = param.String(default="mlsys-labs-report.html", doc="Name of the file that is saved.")
    hint = param.String(default="", doc="A line beside the buttons.")
