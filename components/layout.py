"""How the parts of an act are arranged."""

from __future__ import annotations

from panel.custom import Child, Children

from components.base import HtmlComponent


class Stack(HtmlComponent):
    """Parts under one another, with the suite's spacing.

    :Example:

    >>> Stack(items=[Callout.of("First"), Callout.of("Second")])
    """

    items = Children(default=[], doc="The parts, top to bottom.")

    # The script replaces the children itself: parts that stay are not drawn again when one is added.
    _render_policy = "manual"


class Workbench(HtmlComponent):
    """Controls beside instruments; one under the other where the page is narrow.

    :Example:

    >>> Workbench(side=controls, main=Stack(items=plots))
    """

    side = Child(doc="What stays in view: the controls.")
    main = Child(doc="What is looked at.")


class Columns(HtmlComponent):
    """Parts beside one another where there is room.

    :Example:

    >>> Columns(items=[message, concept])
    """

    items = Children(default=[], doc="The parts, left to right.")
