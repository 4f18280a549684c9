"""What a lab file needs, in one import."""

from labs.act import Act
from labs.content import (
    ChoicePrediction,
    Constraint,
    Context,
    Failure,
    Message,
    Note,
    NumberPrediction,
    Option,
    Peek,
    Question,
    Radio,
    Reading,
    Table,
    at_least,
    at_most,
)
from labs.lab import Lab
from labs.scenario import scenario

__all__ = [
    "Act",
    "ChoicePrediction",
    "Constraint",
    "Context",
    "Failure",
    "Lab",
    "Message",
    "Note",
    "NumberPrediction",
    "Option",
    "Peek",
    "Question",
    "Radio",
    "Reading",
    "Table",
    "at_least",
    "at_most",
    "scenario",
]
