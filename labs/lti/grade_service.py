"""The gradebook of one platform: columns and scores (LTI Assignment and Grade Services 2.0).

Every address is checked before it is asked: it must be one of the platform's own, so that nobody who forges or
misuses a launch can have the server ask somewhere else. Redirects are not followed for the same reason.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import urllib3

from labs.course.lti import Platform
from labs.lti.claims import SCOPE_LINEITEM, SCOPE_SCORE
from labs.lti.deep_linking import MAXIMUM
from labs.lti.errors import GradeServiceError
from labs.lti.tool_key import ToolKey
from ledger.grades import GradeColumn

_LINEITEM = "application/vnd.ims.lis.v2.lineitem+json"
_LINEITEMS = "application/vnd.ims.lis.v2.lineitemcontainer+json"
_SCORE = "application/vnd.ims.lis.v1.score+json"

#: What one answer of a platform may take (s), and how much of it is read (bytes).
TIMEOUT = urllib3.Timeout(connect=5, read=10)
MOST_BYTES = 1_000_000
#: Pages of columns that are looked through.
MOST_PAGES = 5
#: Access is asked for anew this long before it ends (s).
MARGIN_S = 30

_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')


class GradeService:
    """Asks the gradebook of `platform`. Every method raises GradeServiceError when the platform does not comply."""

    def __init__(self, platform: Platform, key: ToolKey) -> None:
        self._platform = platform
        self._key = key
        self._http = urllib3.PoolManager(timeout=TIMEOUT, retries=False)
        self._token = ""
        self._token_ends = 0.0

    def find_or_make_column(self, column: GradeColumn, label: str) -> str:
        """Address of the column of a lab's place in a course; it is made, under this label, if there is none."""
        if column.lineitems is None:
            raise GradeServiceError("the platform names neither a column nor where to make one")
        query = urlencode({"resource_link_id": column.resource_link, "limit": 100})
        for item in self._items(_with(column.lineitems, query=query)):
            if item.get("resourceLinkId") == column.resource_link and item.get("resourceId") == column.key:
                return _address(item)
        wanted = {
            "scoreMaximum": MAXIMUM,
            "label": label,
            "resourceId": column.key,
            "resourceLinkId": column.resource_link,
        }
        made, _ = self._ask("POST", column.lineitems, body=json.dumps(wanted), content=_LINEITEM, accept=_LINEITEM)
        return _address(made)

    def send(self, lineitem: str, platform_user: str, score: float) -> None:
        """Puts a score (0 to 1) into a column."""
        body = {
            "userId": platform_user,
            "scoreGiven": round(MAXIMUM * score, 2),
            "scoreMaximum": MAXIMUM,
            "activityProgress": "Completed",
            "gradingProgress": "FullyGraded",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        }
        self._ask("POST", _with(lineitem, path="/scores"), body=json.dumps(body), content=_SCORE, accept="*/*")

    def _items(self, url: str | None) -> Iterator[Mapping[str, Any]]:
        for _ in range(MOST_PAGES):
            if url is None:
                return
            items, headers = self._ask("GET", url, accept=_LINEITEMS)
            if not isinstance(items, list):
                raise GradeServiceError("the platform's list of columns is no list")
            yield from (item for item in items if isinstance(item, Mapping))
            following = _NEXT.search(headers.get("Link", ""))
            url = following[1] if following else None

    def _ask(
        self, method: str, url: str, *, body: str | None = None, content: str | None = None, accept: str
    ) -> tuple[Any, Mapping[str, str]]:
        headers = {"Authorization": f"Bearer {self._access()}", "Accept": accept}
        if content is not None:
            headers["Content-Type"] = content
        status, text, answered = self._request(method, url, body, headers)
        if status == 401:
            self._token = ""  # access that has ended early is asked for anew at the next try
        if not 200 <= status < 300:
            raise GradeServiceError(f"{method} {_place(url)} was answered with {status}")
        return (_parsed(text) if accept != "*/*" else None), answered

    def _access(self) -> str:
        """The platform's permission to read and write columns and scores, kept for as long as it lasts."""
        if self._token and time.monotonic() < self._token_ends - MARGIN_S:
            return self._token
        platform, now = self._platform, datetime.now(UTC)
        assertion = self._key.sign(
            {
                "iss": platform.client_id,
                "sub": platform.client_id,
                "aud": platform.token_audience or platform.auth_token_url,
                "iat": now,
                "exp": now + timedelta(minutes=5),
                "jti": secrets.token_urlsafe(24),
            }
        )
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": assertion,
            "scope": f"{SCOPE_LINEITEM} {SCOPE_SCORE}",
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        status, text, _ = self._request("POST", platform.auth_token_url, urlencode(form), headers)
        answer = _parsed(text) if status == 200 else None
        if not isinstance(answer, dict) or not isinstance(answer.get("access_token"), str):
            raise GradeServiceError(
                f"access to the gradebook was not granted: {_place(platform.auth_token_url)} {status}"
            )
        lasts = answer.get("expires_in")
        self._token = answer["access_token"]
        self._token_ends = time.monotonic() + (lasts if isinstance(lasts, int | float) else 0)
        return self._token

    def _request(
        self, method: str, url: str, body: str | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes, Mapping[str, str]]:
        if not self._platform.owns(url):
            raise GradeServiceError(
                f"{_place(url)} is none of the platform's hosts; if it is one, name it in the course's file (hosts)"
            )
        try:
            answer = self._http.request(
                method, url, body=body, headers=headers, redirect=False, preload_content=False, decode_content=True
            )
            try:
                text = answer.read(MOST_BYTES + 1)
            finally:
                answer.close()
        except urllib3.exceptions.HTTPError as problem:
            raise GradeServiceError(f"{_place(url)} does not answer: {type(problem).__name__}") from problem
        if len(text) > MOST_BYTES:
            raise GradeServiceError(f"{_place(url)} answers with more than {MOST_BYTES} bytes")
        return answer.status, text, answer.headers


def _with(url: str, *, path: str = "", query: str = "") -> str:
    """The address with more of a path, or of a query; platforms have queries of their own in theirs."""
    parts = urlsplit(url)
    queries = "&".join(filter(None, (parts.query, query)))
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") + path, queries, ""))


def _place(url: str) -> str:
    """An address for messages: without its query, in which a platform may have put anything."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise GradeServiceError("the platform's answer is no JSON") from None


def _address(item: Any) -> str:
    if not isinstance(item, Mapping) or not isinstance(item.get("id"), str):
        raise GradeServiceError("the platform does not say where its column is")
    return item["id"]
