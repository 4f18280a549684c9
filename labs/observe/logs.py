"""Log lines, as text or as JSON, that say what happened and to which request, and nothing that a student wrote.

Lines of other packages are cut: Bokeh's quote whole messages of the browser, Tornado's whole requests with address and
query, asyncio's whole exceptions. Of an exception its kind and the way through the code are kept, and its text only
where the machine has written it.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from contextvars import ContextVar
from typing import Any

from bokeh.protocol.message import Message
from pythonjsonlogger.json import JsonFormatter
from sqlalchemy.exc import OperationalError

from labs.observe.settings import SettingError
from ledger import StoreUnavailable

FORMAT_VARIABLE = "MLSYS_LABS_LOG_FORMAT"
LEVEL_VARIABLE = "MLSYS_LABS_LOG_LEVEL"
FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")

#: Id of the request that is being answered, empty outside one. A page's WebSocket is one request.
request_id: ContextVar[str] = ContextVar("request_id", default="")

#: Fields that a line about a request has besides (`labs.observe.requests`).
REQUEST_FIELDS = ("method", "route", "status", "duration_ms")

_OWN = ("labs", "ledger", "components", "mlsysim")
#: Longest text that a line of another package may have put in for one of its parts (characters).
LONGEST_PART = 300
_QUERY = re.compile(r"\?\S*")
_ADDRESS = re.compile(r" \([0-9a-f.:]+\)")

#: Exceptions whose text comes from the operating system or the data base, which are kept from quoting values.
_TOLD = (StoreUnavailable, OperationalError, OSError, ImportError, MemoryError)


def chosen(given: str | None, variable: str, known: tuple[str, ...], default: str) -> str:
    """What the command line or the environment asks for. Raises SettingError for what does not exist."""
    value = (given or os.environ.get(variable) or default).lower()
    if value not in known:
        raise SettingError(f"{variable} takes {', '.join(known)}, not {value!r}")
    return value


def configure(form: str, level: str) -> None:
    """Sends the lines of all packages to standard error in one form; for a server, once."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    # Panel, param and Bokeh bring handlers of their own, in three forms.
    for name, least in (("panel", logging.WARNING), ("param", logging.WARNING), ("bokeh", logging.NOTSET)):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(least)
    logging.captureWarnings(True)


def discreet_message(record: logging.LogRecord) -> str:
    """What a line says, without what others may have put into it."""
    if record.name.partition(".")[0] in _OWN:
        return record.getMessage()
    cut = logging.makeLogRecord(record.__dict__)
    if isinstance(record.args, tuple):
        cut.args = tuple(_discreet_part(part) for part in record.args)
    first = cut.getMessage().partition("\n")[0]
    return _ADDRESS.sub("", _QUERY.sub("", first))


def _discreet_part(part: object) -> object:
    """What is told of a part of a line: of a message its type, of a frame its size, of an exception its kind."""
    if isinstance(part, Message):
        return f"{part.msgtype} message"
    if isinstance(part, str | bytes) and (len(part) > LONGEST_PART or _is_frame(part)):
        return f"{len(part)} {'characters' if isinstance(part, str) else 'bytes'}"
    if isinstance(part, BaseException):
        return _discreet_error(part)
    return part


def _is_frame(part: str | bytes) -> bool:
    """Whether this may be (the beginning of) what a browser sent over the socket: JSON, or numbers of an array."""
    return isinstance(part, bytes) or part.lstrip().startswith(("{", "["))


def _discreet_error(error: BaseException) -> str:
    """The kind of an exception, with its text if that quotes nobody."""
    told = f": {error}" if isinstance(error, _TOLD) else ""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return f"{name}{told}"


def discreet_traceback(error: BaseException) -> str:
    """Where an exception and its causes came from, with the text of those alone that quote nobody."""
    way = traceback.format_tb(error.__traceback__)
    own = "".join(("Traceback (most recent call last):\n", *way, _discreet_error(error)))
    if error.__cause__ is not None:
        return f"{discreet_traceback(error.__cause__)}\n\nwhich led to\n\n{own}"
    if error.__context__ is not None and not error.__suppress_context__:
        return f"{discreet_traceback(error.__context__)}\n\nand meanwhile\n\n{own}"
    return own


class _Discreet(logging.Formatter):
    """Mixed into a formatter: cuts message and exception before they are written."""

    def format(self, record: logging.LogRecord) -> str:
        cut = logging.makeLogRecord(record.__dict__)
        # What another handler has made of the exception is not taken over.
        cut.msg, cut.args, cut.exc_text = discreet_message(record), None, None
        cut.request = request_id.get()
        return super().format(cut)

    def formatException(self, ei: Any) -> str:
        return discreet_traceback(ei[1]) if ei[1] is not None else ""


class _Text(_Discreet):
    """`LEVEL:time:logger:message`, and the id of the request where there is one."""

    def __init__(self) -> None:
        super().__init__("%(levelname)s:%(asctime)s:%(name)s:%(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        request = getattr(record, "request", "")
        return f"{line} [{request}]" if request else line


class _Json(_Discreet, JsonFormatter):
    """One JSON object a line: time, level, logger, message, process, request, and the fields of a request."""

    def __init__(self) -> None:
        JsonFormatter.__init__(
            self,
            "%(asctime)s %(levelname)s %(name)s %(message)s %(process)d %(request)s",
            datefmt="%Y-%m-%dT%H:%M:%S%z",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception"},
        )

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        # Whatever else a package may have attached to its records stays out.
        for name in set(log_data) - {*_JSON_FIELDS, *REQUEST_FIELDS}:
            del log_data[name]
        if not log_data.get("request"):
            log_data.pop("request", None)


_JSON_FIELDS = ("time", "level", "logger", "message", "process", "request", "exception")
