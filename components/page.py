"""The page around a component: language, viewport, title, the ground it stands on."""

from __future__ import annotations

import panel as pn
from panel.io.resources import BASE_TEMPLATE, _env

from components.base import HtmlComponent

_TEMPLATE = _env.from_string("""
{% extends base %}
{% block postamble %}
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<style>
  html { background: var(--page, Canvas); }
  body { margin: 0; min-height: 100vh; display: block; }
</style>
{% if cookie %}<script>document.cookie = {{ cookie | tojson }}</script>{% endif %}
{% endblock %}
{% block contents %}
<main>{% for doc in docs %}{% for root in doc.roots %}{{ embed(root) }}{% endfor %}{% endfor %}</main>
{% endblock %}
""")


def page(component: HtmlComponent, title: str, cookie: str = "") -> HtmlComponent:
    """Makes the current document a page that holds one component, which is returned for Panel to serve.

    `cookie` is one that the page sets itself, with its attributes. Panel's template classes are not used: they
    bring a second root and a hidden HTML pane, for which every page would load MathJax.
    """
    document = pn.state.curdoc
    if document is None:
        raise RuntimeError("a page is made inside a session")
    document.template = _TEMPLATE
    document.title = title
    document.template_variables.update(base=BASE_TEMPLATE, cookie=cookie)
    return component
