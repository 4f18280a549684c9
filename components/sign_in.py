"""The pages on the way in and out: the form for a name and a password, and what there is to say instead of one."""

from __future__ import annotations

from markupsafe import Markup

from components.documents import render
from components.theme import accent_css, css


def sign_in_html(course: str, action: str, *, accent: str | None = None, name: str = "", error: str = "") -> str:
    """The form, which is sent to `action`; after a failed attempt with the name that was typed and an error."""
    return render("sign_in.html", **_common(course, accent), action=action, name=name, error=error)


def message_html(
    course: str,
    title: str,
    text: str,
    *,
    accent: str | None = None,
    button: tuple[str, str] | None = None,
    link: tuple[str, str] | None = None,
    other: tuple[str, str] | None = None,
) -> str:
    """A message with what to do next: `button` (address, label) sends a form, `link` and `other` lead elsewhere."""
    return render(
        "message.html", **_common(course, accent), title=title, text=text, button=button, link=link, other=other
    )


def _common(course: str, accent: str | None) -> dict[str, object]:
    return {"course": course, "tokens": Markup(css() + accent_css(accent))}
