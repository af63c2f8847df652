"""What a look at the whole picture says before a classifier reads it: is it a frontal, upright chest film of the right polarity."""

from __future__ import annotations

from collections.abc import Sequence

from cxrview.core.flags import Flag
from cxrview.core.results import Finding

# A question of the gate, by the id of its label, and the flag that a positive answer raises.
QUESTIONS = {
    "not_chest": Flag.LOOKS_NOT_CHEST,
    "lateral": Flag.LOOKS_LATERAL,
    "inverted": Flag.LOOKS_INVERTED,
    "turned": Flag.LOOKS_TURNED,
    "child": Flag.LOOKS_CHILD,
}
VIEW_QUESTION = "ap"  # raises no flag; tells PA from AP


def gate_flags(findings: Sequence[Finding]) -> tuple[Flag, ...]:
    """Give the flags that the gate's answers raise; what is no chest at all is asked nothing further."""
    raised = tuple(QUESTIONS[finding.label.id] for finding in findings if finding.is_positive and finding.label.id in QUESTIONS)
    return (Flag.LOOKS_NOT_CHEST,) if Flag.LOOKS_NOT_CHEST in raised else raised
