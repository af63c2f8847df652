"""Settings: defaults without a file, errors that name the field, and files never half written."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.errors import SettingsError
from cxrview.io.places import places
from cxrview.io.settings import FORMAT, Settings, load_settings, parse_settings, save_settings, settings_path

settings_strategy = st.builds(
    Settings,
    model=st.text(alphabet=st.characters(exclude_categories=("Cs",))),
    engine=st.sampled_from(["auto", "onnx", "openvino", "torch"]),
    device=st.sampled_from(["auto", "cpu", "cuda"]),
    threads=st.integers(0, 1024),
    heatmap_opacity=st.floats(0, 1),
    names=st.sampled_from(["show", "hide"]),
)


def test_missing_file_gives_the_defaults() -> None:
    assert load_settings() == Settings()


def test_settings_lie_in_the_config_folder() -> None:
    save_settings(Settings(model="cxr-reader"))
    assert settings_path().parent == places().config_dir
    assert load_settings().model == "cxr-reader"


@given(settings=settings_strategy)
def test_what_is_saved_is_what_is_loaded(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.getbasetemp() / "round-trip.toml"
    save_settings(settings, file)
    assert load_settings(file) == settings


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ({"colour": "red"}, "`colour`"),
        ({"engine": "tensorrt"}, "`engine`"),
        ({"engine": 3}, "`engine`"),
        ({"threads": -1}, "`threads`"),
        ({"threads": True}, "`threads`"),
        ({"threads": 1.5}, "`threads`"),
        ({"heatmap_opacity": 1.01}, "`heatmap_opacity`"),
        ({"heatmap_opacity": float("nan")}, "`heatmap_opacity`"),
        ({"format": FORMAT + 1}, "`format`"),
        ({"format": "one"}, "`format`"),
    ],
)
def test_a_wrong_field_is_named(document: dict[str, object], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        parse_settings(document)


def test_whole_numbers_are_taken_for_numbers() -> None:
    assert parse_settings({"heatmap_opacity": 1}).heatmap_opacity == 1.0


def test_a_broken_file_names_itself(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("engine = ")
    with pytest.raises(SettingsError, match=r"settings\.toml") as caught:
        load_settings(file)
    assert caught.value.hint


def test_a_failed_save_leaves_the_old_settings(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    save_settings(Settings(model="kept"), file)
    with pytest.raises(UnicodeEncodeError):
        save_settings(dataclasses.replace(Settings(), model="\ud800"), file)
    assert load_settings(file).model == "kept"
    assert [entry.name for entry in tmp_path.iterdir()] == ["settings.toml"]
