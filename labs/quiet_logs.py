"""Keeps what students send out of the log: Bokeh writes whole messages there when one cannot be handled."""

from __future__ import annotations

import logging

from bokeh.protocol.message import Message

#: Loggers of Bokeh that are handed messages, or the frames they come in.
LOGGERS = ("bokeh.server.protocol_handler", "bokeh.server.views.ws", "bokeh.server.session")


def _kind(part: object) -> object:
    """What a log may hold of a part of a record: of a message its type, of a frame its size, else the part itself."""
    if isinstance(part, Message):
        return f"{part.msgtype} message"
    if isinstance(part, str | bytes) and len(part) > 300:
        return f"{len(part)} characters"
    if isinstance(part, Exception):
        return type(part).__name__
    return part


def without_content(record: logging.LogRecord) -> bool:
    """A filter: lets every record pass, without the content of messages."""
    if isinstance(record.args, tuple):
        record.args = tuple(_kind(part) for part in record.args)
    if record.exc_info and record.exc_info[0] is not None:
        # Where it happened is told by the traceback; what an error says may quote what was sent.
        kind, _, trace = record.exc_info
        record.exc_info = (kind, kind("(its words are left out)"), trace) if kind in PLAIN_ERRORS else None
    return True


#: Errors whose words can be replaced; of others the traceback is left out as well.
PLAIN_ERRORS = (ValueError, TypeError, KeyError, AttributeError, RuntimeError, IndexError)


def keep_content_out() -> None:
    """From now on, in this process."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(without_content)
