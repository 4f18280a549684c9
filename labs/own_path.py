"""Where a page may lead next, when a link says where: never to another site."""

from __future__ import annotations

import re

#: One slash, and then neither a second nor a backslash, which browsers take for one; nothing that they leave out.
_OWN_PATH = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")


def is_own_path(address: str) -> bool:
    """Whether this is a path of this very site, with its query perhaps, as every browser reads it."""
    return _OWN_PATH.fullmatch(address) is not None


def own_path(address: str) -> str:
    """The address if it is a path of this site, else the index: a link must not lead elsewhere through us."""
    return address if is_own_path(address) else "/"
