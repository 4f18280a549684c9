"""What the tables of a course's file have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """A table of the file: what it does not know is an error, and a text is never taken for a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
