"""`cxrview doctor`: engines with their reasons, places, versions; for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from cxrview.engine.choose import survey
from cxrview.io.places import places

Run = Callable[..., Any]  # Any: tests/cli/conftest.py's Outcome, which test modules cannot import


def test_every_engine_is_here_or_says_why_not(run: Run) -> None:
    outcome = run("doctor")
    for engine in survey():
        line = next(line for line in outcome.out.splitlines() if line.startswith(f"  {engine.name} on {engine.device}:"))
        assert "here, version" in line if engine.is_available else engine.reason in line


def test_json_holds_the_same(run: Run) -> None:
    outcome = run("doctor", "--json")
    found = json.loads(outcome.out)
    assert [(each["name"], each["device"], each["is_available"]) for each in found["engines"]] == [
        (each.name, each.device, each.is_available) for each in survey()
    ]
    assert found["places"]["models_dir"] == str(places().models_dir)
    assert found["libraries"]["numpy"]


def test_broken_settings_are_found(run: Run) -> None:
    places().config_dir.mkdir(parents=True)
    (places().config_dir / "settings.toml").write_text("colour = 'red'\n")
    outcome = run("doctor")
    assert outcome.code == 1
    assert "`colour`" in outcome.out
