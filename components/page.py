"""The page around a component: language, viewport, title, the ground it stands on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import panel as pn
from markupsafe import Markup
from panel.io.resources import BASE_TEMPLATE, _env

from components.base import HtmlComponent
from components.theme import accent_css

#: How long a page may stay empty before it says why.
PATIENCE_MS = 10_000

#: Parts of an address: what lets a launched student in without a cookie, and the mark that it leaves.
PASS, LAUNCHED = "pass", "launched"


@dataclass(frozen=True)
class Embedding:
    """That a page is made for a frame: of which lab it is, and origins of the pages that may know its height."""

    lab: str
    portals: Sequence[str]


_TEMPLATE = _env.from_string("""
{% extends base %}
{% block postamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="application-name" content="MLSys Labs">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<style>
  /* What the keyboard reaches is scrolled clear of the footer, which covers the lower end of the window. */
  html { background: var(--page, Canvas); scroll-padding: 1rem 0 6rem; }
  body { margin: 0; min-height: 100vh; display: block; }
  {% if embedding %}
  /* Its height is that of its content, and the portal's frame follows. */
  html { background: var(--surface, Canvas); scroll-padding: 0; }
  html, body { height: auto; min-height: 0; }
  {% endif %}
  .no-answer { font-family: system-ui, sans-serif; line-height: 1.5; max-width: 40rem; margin: 3rem auto;
    padding: 0 1rem; color: var(--ink, CanvasText); }
</style>
{% if embedding %}<meta name="mlsys-labs-embed" content="{{ embedding | tojson | forceescape }}">{% endif %}
<script nonce="{{ nonce }}">
  // What let somebody in is good for this page alone, and does not stay where it could be copied or sent on.
  {
    const address = new URL(window.location.href)
    if (address.searchParams.has({{ pass_ | tojson }})) {
      address.searchParams.delete({{ pass_ | tojson }})
      address.searchParams.set({{ launched | tojson }}, "1")
      window.history.replaceState(null, "", address)
    }
  }
</script>
{% if accent_css %}<style>{{ accent_css }}</style>{% endif %}
{% if cookie %}<script nonce="{{ nonce }}">document.cookie = {{ cookie | tojson }}</script>{% endif %}
{% endblock %}
{% block js_resources %}{{ marked(bokeh_js, nonce) }}{% endblock %}
{% block inner_body %}
<main>{% for doc in docs %}{% for root in doc.roots %}{{ embed(root) }}{% endfor %}{% endfor %}</main>
<noscript><p class="no-answer">The labs are drawn by a script; please allow it for this site.</p></noscript>
<p class="no-answer" role="alert" hidden>Nothing has come from the server yet. Please reload the page. If it stays
empty, ask whoever runs your network whether it lets WebSocket connections to this site pass.</p>
<script nonce="{{ nonce }}">
  // What a page shows comes over a WebSocket. Where none arrives, the page must not stay blank.
  const opened = performance.now()
  const waiting = window.setInterval(() => {
    const drawn = document.querySelector("main > [data-root-id]")?.childElementCount > 0
    const early = performance.now() - opened < {{ patience_ms }}
    document.querySelector(".no-answer[role]").hidden = drawn || early
    if (drawn) window.clearInterval(waiting)
  }, 500)
</script>
{{ marked(plot_script, nonce) }}
{% endblock %}
""")


def marked(markup: str, nonce: str) -> str:
    """Bokeh's own script elements with the nonce of this answer; what students write is never given to this."""
    return Markup(re.sub(r"<script(?=[\s>])", f'<script nonce="{nonce}"', markup)) if nonce else markup


#: Template variable with the HTTP status of a page that is none of the expected.
STATUS = "http_status"


def prepare_panel() -> None:
    """Sets Panel up for the suite's pages; called before the first of them is made."""
    # What kind of browser it is nobody here asks; Panel would have it told in seven messages at every opening.
    pn.extension(browser_info=False)


def page(
    component: HtmlComponent,
    title: str,
    *,
    accent: str | None = None,
    cookie: str = "",
    status: int = 200,
    embedding: Embedding | None = None,
) -> HtmlComponent:
    """Makes the current document a page that holds one component, which is returned for Panel to serve.

    `accent` is the course's own colour, `cookie` one that the page sets itself, with its attributes, `embedding` is
    given where the page stands in a frame, `status` is for the server that answers with the page (see `STATUS`).
    Panel's template classes are not used: they bring a second root and a hidden HTML pane, for which every page would
    load MathJax. A server that tells browsers which scripts belong to the page sets the variable `nonce`.
    """
    document = pn.state.curdoc
    if document is None:
        raise RuntimeError("a page is made inside a session")
    document.template = _TEMPLATE
    document.title = title
    document.template_variables.update(
        base=BASE_TEMPLATE,
        accent_css=accent_css(accent),
        cookie=cookie,
        embedding={"lab": embedding.lab, "portals": list(embedding.portals)} if embedding else None,
        pass_=PASS,
        launched=LAUNCHED,
        patience_ms=PATIENCE_MS,
        marked=marked,
        nonce="",
        **{STATUS: status},
    )
    return component
