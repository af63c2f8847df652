"""Profiles of mouse and keys, and keys of one's own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.app.profiles import DEFAULT, OHIF, PROFILES, Profile, keys_of, parse_keys
from cxrview.core.errors import SettingsError
from cxrview.io.settings import Settings, parse_settings

USUAL = {"turnRight": "R", "turnLeft": "Shift+R", "linkPlaces": "L", "fit": "F", "about": ""}
KEYS = st.sampled_from(["", "R", "r", "L", "F", "Ctrl+K", "Shift+R"])
BINDINGS = st.dictionaries(st.sampled_from([*USUAL, "nothing"]), KEYS)


def test_the_default_profile_changes_no_key() -> None:
    assert keys_of(DEFAULT, {}, USUAL) == USUAL


def test_a_profile_takes_its_keys_from_other_actions() -> None:
    keys = keys_of(OHIF, {}, USUAL)
    assert (keys["turnLeft"], keys["linkPlaces"], keys["fit"]) == ("L", "", "=")


def test_keys_of_ones_own_win() -> None:
    keys = keys_of(OHIF, {"about": "R", "fit": ""}, USUAL)
    assert (keys["about"], keys["turnRight"], keys["fit"]) == ("R", "", "")


@given(BINDINGS, BINDINGS)
def test_no_two_actions_share_a_key_and_none_is_forgotten(own: dict[str, str], keys: dict[str, str]) -> None:
    found = keys_of(Profile("x", "x", keys=keys), own, USUAL)
    used = [key.casefold() for key in found.values() if key]
    assert len(used) == len(set(used))
    assert set(found) == set(USUAL)


def test_keys_are_read_from_the_settings() -> None:
    assert parse_keys(" invert = Shift+I;turnRight=;; fit==") == {"invert": "Shift+I", "turnRight": "", "fit": "="}
    for wrong in ("invert", "=R", "a=1; b"):
        with pytest.raises(SettingsError, match="keys"):
            parse_keys(wrong)


@pytest.mark.parametrize("name", list(PROFILES))
def test_every_profile_can_be_set(name: str) -> None:
    assert parse_settings({"profile": name}) == Settings(profile=name)
