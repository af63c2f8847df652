"""What the program remembers of a person's wishes: from the settings into the first state, and back; no Qt."""

from __future__ import annotations

from dataclasses import replace

from cxrview.app.layers import Layer, layer_colours, window_layers
from cxrview.app.own_keys import keys_text
from cxrview.app.own_windows import parse_windows, windows_text
from cxrview.app.profiles import PROFILES, parse_keys
from cxrview.app.state import AppState, AskedEngine, ThemeName
from cxrview.io.settings import Settings

SYSTEM = "system"


def check_wishes(settings: Settings) -> None:
    """Check what the settings file holds as text.

    Raises:
        SettingsError: naming the field.
    """
    parse_keys(settings.keys)
    parse_windows(settings.windows)


def first_state(settings: Settings, system_theme: ThemeName) -> AppState:
    """Give the state that the window starts with."""
    is_of_system = settings.theme == SYSTEM
    return AppState(
        theme=system_theme if is_of_system else ThemeName(settings.theme),
        system_theme=system_theme,
        is_theme_of_system=is_of_system,
        profile=PROFILES[settings.profile],
        own_keys=parse_keys(settings.keys),
        own_windows=parse_windows(settings.windows),
        layers=window_layers(_first_layer(settings)),
        asked=AskedEngine(settings.engine, settings.device),
        is_hiding_names=settings.names == "hide",
        is_notice_accepted=settings.notice_accepted,
        is_auto_scoring=settings.auto_score,
        default_model=settings.model,
        cache_mb=settings.cache_mb,
        answers_mb=settings.answers_mb,
    )


def kept_settings(settings: Settings, state: AppState) -> Settings:
    """Give the settings with what the person changed in the window."""
    return replace(
        settings,
        theme=SYSTEM if state.is_theme_of_system else str(state.theme),
        profile=state.profile.name,
        keys=settings.keys if parse_keys(settings.keys) == state.own_keys else keys_text(state.own_keys),
        windows=windows_text(state.own_windows),
        heatmap_opacity=round(state.layers.first_map.opacity, 2),
        heatmap_colours=_colours_of(state),
        engine=state.asked.engine,
        device=state.asked.device,
        names="hide" if state.is_hiding_names else "show",
        notice_accepted=state.is_notice_accepted,
        auto_score=state.is_auto_scoring,
        model=state.default_model,
        cache_mb=state.cache_mb,
        answers_mb=state.answers_mb,
    )


def _first_layer(settings: Settings) -> Layer:
    table = settings.heatmap_colours if settings.heatmap_colours in layer_colours() else layer_colours()[0]
    return Layer(opacity=settings.heatmap_opacity, table=table)


def _colours_of(state: AppState) -> str:
    layer = state.layers.first_map
    return layer_colours()[0] if layer.is_signed else layer.table
