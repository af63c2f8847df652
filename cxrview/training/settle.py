"""What is settled before a training starts: the learning rate by a range test, other values by a search."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.training.range_test import run_range_test
from cxrview.training.search import search_grid

if TYPE_CHECKING:
    from cxrview.training.run import Plan


def settled(plan: Plan, run: Path, *, device: str, resume: bool, report: Callable[[str], None]) -> Plan:
    """Run the range test and the search that the recipe asks for, and give the plan with what they decided."""
    recipe = plan.recipe
    if recipe.range_test.steps:
        stored = run / "report" / "range-test.json"
        if not (resume and stored.is_file()):
            run_range_test(plan, run, report=report)
        if recipe.range_test.decides:
            rate = float(json.loads(stored.read_text(encoding="utf-8"))["suggestion"])
            phases = tuple(replace(phase, learning_rate=0.0) if not number else phase for number, phase in enumerate(recipe.phases))
            recipe = replace(recipe, fit=replace(recipe.fit, learning_rate=rate), phases=phases)
    plan = replace(plan, recipe=recipe)
    if recipe.search.grid:
        plan = replace(plan, recipe=search_grid(plan, run, device=device, resume=resume, report=report))
    return plan
