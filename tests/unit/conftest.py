"""For all unit tests: examples are not timed, because a busy machine must not fail a test; plots are drawn once."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, settings

from components.instruments.blueprint import keep_drawings_in

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

# All test processes share what HoloViews has drawn; tests of the drawing itself draw anew.
keep_drawings_in(Path(__file__).parents[2] / "build" / "drawings")
