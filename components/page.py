"""The page around a component: language, viewport, title, the ground it stands on."""

from __future__ import annotations

import panel as pn

from components.base import HtmlComponent

_TEMPLATE = """
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
<main>{{ embed(roots.page) }}</main>
{% endblock %}
"""


def page(component: HtmlComponent, title: str, cookie: str = "") -> pn.Template:
    """A document that holds one component; `cookie` is one that the page sets itself, with its attributes."""
    template = pn.Template(_TEMPLATE)
    template.add_variable("cookie", cookie)
    template.add_variable("title", title)
    template.add_panel("page", component)
    return template
