"""A lab file on its own under `panel serve`."""

from __future__ import annotations

from pathlib import Path

from components.page import prepare_panel
from labs.catalog import catalog
from labs.pages import lab_page
from labs.warm import keep_drawings


def serve_alone(path: str) -> None:
    """Shows the lab that the file at `path` defines. Lab files call it when Panel runs them.

    The lab itself is taken from the catalog: Panel runs the file anew for every session, and classes that
    are made once stay cheap.
    """
    file = Path(path).resolve()
    lab = next(lab for lab in catalog() if lab.slug == file.stem and file.parent.name == f"vol{lab.volume}")
    keep_drawings()
    prepare_panel()
    lab_page(lab).servable()
