"""Whole HTML documents from templates, for what the front end does not draw; nothing in them is markup by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

TEMPLATES = Path(__file__).parent / "templates"

_ENVIRONMENT = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True)


def render(template: str, **values: Any) -> str:
    """The template of this name, filled in; every value that is not `Markup` is escaped."""
    return _ENVIRONMENT.get_template(template).render(**values)
