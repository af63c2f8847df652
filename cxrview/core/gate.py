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
VIEW_AP = "view_ap"
"""What a gate notices of a picture that it takes for an AP view: a word like a flag, which speaks against nothing."""


def gate_flags(findings: Sequence[Finding]) -> tuple[Flag, ...]:
    """Give the flags that the gate's answers raise; what is no chest at all is asked nothing further."""
    raised = tuple(QUESTIONS[finding.label.id] for finding in findings if finding.is_positive and finding.label.id in QUESTIONS)
    return (Flag.LOOKS_NOT_CHEST,) if Flag.LOOKS_NOT_CHEST in raised else raised


def gate_words(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Give all that is worth noticing: the flags, and `VIEW_AP` for a frontal film that looks taken from the front."""
    flags = gate_flags(findings)
    is_frontal = not {Flag.LOOKS_NOT_CHEST, Flag.LOOKS_LATERAL}.intersection(flags)
    is_ap = is_frontal and any(finding.label.id == VIEW_QUESTION and finding.is_positive for finding in findings)
    return (*map(str, flags), *((VIEW_AP,) if is_ap else ()))
