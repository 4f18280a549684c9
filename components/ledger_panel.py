"""The Ledger tab."""

from __future__ import annotations

import param

from components.base import HtmlComponent


class LedgerPanel(HtmlComponent):
    """Shows the design about to be recorded; saves, exports, imports and clears.

    Sends messages of type `save`, `export` (format), `import` (name, text), `decide` (name, value), `start_over`
    and `erase_all`. To erase what else the server holds, the browser posts to the address `forget`.

    :Example:

    >>> LedgerPanel(rows=[["context on screen", "cloud", "", "context"]], can_save=True)
    """

    rows = param.List(default=[], item_type=list, doc="Meaning, value as text, unit, name of the field.")
    questions = param.List(
        default=[],
        item_type=dict,
        doc="`{id, text, options: [{id, label}], chosen}`: what the student is asked when saving.",
    )
    can_save = param.Boolean(default=False, doc="Whether the lab has reached the point of saving.")
    save_hint = param.String(default="", doc="What is still missing, or when it was saved.")
    formats = param.List(
        default=["json", "csv"], item_type=str, doc="Kinds of files that can be exported and imported."
    )
    place = param.String(default="on this server", doc="Where the ledger lies, in words.")
    grading = param.String(default="", doc="What a gradebook is told of this lab, and when; empty where none is.")
    forget = param.String(default="", doc="Where a student has everything erased; without it nothing offers to.")
    most_bytes = param.Integer(default=0, doc="Largest file that can be imported (bytes); 0 for any.")
    notice = param.String(default="", doc="Outcome of the last action.")
    notice_kind = param.Selector(
        default="info", objects=["info", "success", "warn", "danger"], doc="Kind of the notice."
    )

    def download(self, name: str, text: str, mime: str) -> None:
        """Offers `text` to the browser as a file called `name`."""
        self._send_msg({"type": "download", "name": name, "text": text, "mime": mime})
