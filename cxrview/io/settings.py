"""The user's settings: one record, kept as TOML, checked field by field."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cxrview.core.errors import SettingsError
from cxrview.io.atomic import write_text
from cxrview.io.places import places

FORMAT = 1
FILE_NAME = "settings.toml"
_HINT = "Correct it, or delete the file to start afresh."


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user prefers; a command's options win over it.

    Attributes:
        model: id of the model to use; empty for the first one installed.
        engine: `auto`, `onnx`, `openvino` or `torch`.
        device: `auto`, `cpu` or `cuda`.
        threads: of the engine; 0 lets it choose.
        profile: of mouse and keys: `default`, `ohif` or `weasis`.
        keys: of one's own, as `action=keys; action=keys`.
        windows: of one's own, as `name=level/width/FUNCTION/keys; name=level/width`, in modality values.
        heatmap_target: `logit` or `one-against-rest`.
        heatmap_colours: name of a colour table.
        heatmap_opacity: 0 to 1.
        names: whether patient names and ids are shown: `show` or `hide`.
        theme: of the window: `system`, `light` or `dark`.
        answers_mb: memory of the window for answers and heatmaps of images seen before; 0 keeps none.
        auto_score: whether the window scores an image as soon as it is shown.
        cache_mb: megabytes of pictures that the window keeps ready.
        notice_accepted: whether the notice of the first start was accepted.
    """

    model: str = ""
    engine: str = "auto"
    device: str = "auto"
    threads: int = 0
    profile: str = "default"
    keys: str = ""
    windows: str = ""
    heatmap_target: str = "logit"
    heatmap_colours: str = "inferno"
    heatmap_opacity: float = 0.5
    names: str = "show"
    theme: str = "system"
    answers_mb: int = 64
    auto_score: bool = True
    cache_mb: int = 600
    notice_accepted: bool = False


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "engine": ("auto", "onnx", "openvino", "torch"),
    "device": ("auto", "cpu", "cuda"),
    "profile": ("default", "ohif", "weasis"),
    "heatmap_target": ("logit", "one-against-rest"),
    "names": ("show", "hide"),
    "theme": ("system", "light", "dark"),
}
_RANGES: Mapping[str, tuple[float, float]] = {
    "threads": (0, 1024),
    "heatmap_opacity": (0.0, 1.0),
    "answers_mb": (0, 65536),
    "cache_mb": (50, 100_000),
}


def settings_path() -> Path:
    """Give the place of the settings file."""
    return places().config_dir / FILE_NAME


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings; a missing file gives the defaults.

    Raises:
        SettingsError: the file cannot be read, or a field is unknown, of the wrong type or out of range.
    """
    file = path or settings_path()
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"the settings cannot be read ({error}).", hint=_HINT, subject=str(file)) from error
    try:
        return parse_settings(document)
    except SettingsError as error:
        raise error.about(str(file)) from error


def save_settings(settings: Settings, path: Path | None = None) -> None:
    """Write the settings, complete or not at all."""
    import tomli_w

    document = {"format": FORMAT, **dataclasses.asdict(settings)}
    write_text(path or settings_path(), tomli_w.dumps(document))


def parse_settings(document: Mapping[str, object]) -> Settings:
    """Check a parsed file and make the record.

    Raises:
        SettingsError: naming the field.
    """
    values = _migrate(document)
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise SettingsError(f"unknown field `{unknown[0]}`.", hint=f"Known fields: {', '.join(fields)}. {_HINT}")
    defaults = dataclasses.asdict(Settings())
    checked = {name: _checked(name, value, type(defaults[name])) for name, value in values.items()}
    return Settings(**{**defaults, **checked})


def _migrate(document: Mapping[str, object]) -> dict[str, object]:
    """Bring an older file to the present format; a newer one is refused."""
    values = dict(document)
    found = values.pop("format", FORMAT)
    if type(found) is not int or found < 1:
        raise SettingsError("`format` must be a whole number from 1.", hint=_HINT)
    if found > FORMAT:
        raise SettingsError(f"`format` is {found}; this program knows up to {FORMAT}.", hint="Use the newer cxrview that wrote it.")
    return values


def _checked(name: str, value: object, kind: type) -> bool | str | int | float:
    number = float(value) if kind is float and type(value) is int else value
    if type(number) is not kind:
        raise SettingsError(f"`{name}` must be {_KIND_NAMES[kind]}, not {value!r}.", hint=_HINT)
    if isinstance(number, bool):
        return number
    if isinstance(number, str):
        choices = _CHOICES.get(name)
        if choices and number not in choices:
            raise SettingsError(f"`{name}` must be one of {', '.join(choices)}, not {number!r}.", hint=_HINT)
        return number
    assert isinstance(number, (int, float))
    low, high = _RANGES[name]
    if not low <= number <= high:
        raise SettingsError(f"`{name}` must be between {low:g} and {high:g}, not {number!r}.", hint=_HINT)
    return number


_KIND_NAMES: Mapping[type, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
