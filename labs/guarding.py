"""Puts the guard before every handler of a server: those of Panel and Bokeh, and whatever is added later."""

from __future__ import annotations

from collections.abc import Iterator

from bokeh.server.views.ico_handler import IcoHandler
from tornado.routing import Router, Rule, RuleRouter
from tornado.web import Application, RequestHandler, StaticFileHandler

from labs.handlers import Guarded
from labs.instructor.guard import guarded
from labs.page_handlers import IN_PLACE_OF

#: Files, the same for everybody: browsers may keep them.
PUBLIC = (StaticFileHandler, IcoHandler)


def guard_every(application: Application) -> None:
    """Replaces each handler of `application` that is not guarded by a guarded one of the same name."""
    for rule in rules_of(application.default_router):
        handler = rule.target
        if handler in IN_PLACE_OF:
            rule.target = IN_PLACE_OF[handler]
        elif isinstance(handler, type) and issubclass(handler, RequestHandler) and not issubclass(handler, Guarded):
            private = not issubclass(handler, PUBLIC)
            rule.target = type(handler.__name__, (Guarded, handler), {"__doc__": handler.__doc__, "private": private})
        if "application_context" in getattr(rule, "target_kwargs", {}):
            rule.target = guarded(rule.target)


def rules_of(router: Router) -> Iterator[Rule]:
    """The rules of a router and of the routers within it."""
    for rule in router.rules if isinstance(router, RuleRouter) else ():
        yield rule
        if isinstance(rule.target, Router):
            yield from rules_of(rule.target)
