"""Origins: how a browser names a site."""

from __future__ import annotations

import re


def checked_origin(text: str) -> str:
    """An origin as a browser names it. ValueError for anything else: nothing else may get into the header that lists
    them."""
    if not re.fullmatch(r"https?://[a-z0-9.-]+(:\d{1,5})?", text):
        raise ValueError(
            f"{text!r} is no origin; expected scheme, host in small letters and perhaps a port, "
            "such as https://learn.example.edu"
        )
    scheme, _, port = (text.replace("://", ":", 1) + ":").split(":")[:3]
    if {"http": "80", "https": "443"}[scheme] == port:
        raise ValueError(f"{text!r} names the port that {scheme} has anyway; browsers leave it out, and so must this")
    return text
