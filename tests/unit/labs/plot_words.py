"""What a plot writes on itself."""

from __future__ import annotations

from components.instruments.layers import Labels, Plot


def written(plot: Plot, token: str | None = None) -> list[str]:
    """The texts that a plot writes, in one colour or in all."""
    labels = [layer for layer in plot.layers if isinstance(layer, Labels) and token in (None, layer.token)]
    return [str(text) for layer in labels for text in layer.columns()["text"] if text]


def texts(plot: Plot) -> str:
    """The same in one string."""
    return " ".join(written(plot))
