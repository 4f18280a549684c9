"""The states of a lab, the same in every lab, forward only."""

from __future__ import annotations

STATES = (
    "briefing",
    "act1_predict",
    "act1_explore",
    "act1_reflect",
    "act2_predict",
    "act2_explore",
    "act2_reflect",
    "saved",
)

#: What a student does to leave each state.
NEXT_STEP = {
    "briefing": "Read the briefing, then open Act I.",
    "act1_predict": "Lock your Act I prediction.",
    "act1_explore": "Move at least one control of Act I.",
    "act1_reflect": "Answer the Act I reflection.",
    "act2_predict": "Lock your Act II prediction.",
    "act2_explore": "Move the controls of Act II: meet the challenge, or find out what prevents it.",
    "act2_reflect": "Answer the Act II reflection, then save to the ledger.",
    "saved": "Saved. You can go on experimenting and save again.",
}


def reached(state: str, milestone: str) -> bool:
    """Whether `state` is `milestone` or later."""
    return STATES.index(state) >= STATES.index(milestone)
