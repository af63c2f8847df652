"""Every directory the program uses, and the files it ships with."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

APP_NAME = "cxrview"
BASEDIR_VARIABLE = "CXRVIEW_BASEDIR"


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie; nothing is created until somebody writes there.

    Attributes:
        config_dir: settings and window layout.
        data_dir: what the user would miss: models, runs, the library.
        cache_dir: may be deleted at any time.
        log_dir: log files and crash reports.
        models_dir: model packages the user added.
        runs_dir: trainings started from the window.
    """

    config_dir: Path
    data_dir: Path
    cache_dir: Path
    log_dir: Path
    models_dir: Path
    runs_dir: Path


def places() -> Places:
    """Give the directories: under CXRVIEW_BASEDIR when it is set, else where the system keeps such things."""
    basedir = os.environ.get(BASEDIR_VARIABLE, "")
    return _places_below(Path(basedir).absolute()) if basedir else _places_of_system()


def use_basedir(folder: Path) -> None:
    """Move every directory below `folder`, for this process and the ones it starts (`--basedir`)."""
    os.environ[BASEDIR_VARIABLE] = str(folder.absolute())


def resource(name: str) -> Path:
    """Give the path of a shipped file or folder, such as `models` or `resources/icons/open.svg`.

    Works from the source tree, an installed wheel and the frozen program. The path is not checked for existence.
    """
    return _resource_root() / name


def program_command() -> tuple[str, ...]:
    """Give the words that start this same program in a process of its own; a command line follows: `(*program_command(), "train", ...)`.

    Works from a checkout that is not installed, a wheel and the frozen program, whatever the child's working directory.
    """
    if is_frozen():
        return (sys.executable,)
    home = str(Path(__file__).parents[2])
    return (sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {home!r}); from cxrview.__main__ import main; sys.exit(main())")


def how_to_get(extra: str) -> str:
    """Tell how an optional part comes here, such as `train`; nobody installs a package into a frozen program."""
    return "the full installer of cxrview has it" if is_frozen() else f'`pip install "cxrview[{extra}]"`'


def is_frozen() -> bool:
    """Tell whether this is the self-contained program, which has no Python beside it."""
    return bool(getattr(sys, "frozen", False))


def _places_below(basedir: Path) -> Places:
    data_dir = basedir / "data"
    return Places(
        config_dir=basedir / "config",
        data_dir=data_dir,
        cache_dir=basedir / "cache",
        log_dir=basedir / "log",
        models_dir=data_dir / "models",
        runs_dir=data_dir / "runs",
    )


def _places_of_system() -> Places:
    from platformdirs import PlatformDirs

    dirs = PlatformDirs(APP_NAME, appauthor=False)
    data_dir = Path(dirs.user_data_dir)
    return Places(
        config_dir=Path(dirs.user_config_dir),
        data_dir=data_dir,
        cache_dir=Path(dirs.user_cache_dir),
        log_dir=Path(dirs.user_log_dir),
        models_dir=data_dir / "models",
        runs_dir=data_dir / "runs",
    )


def _resource_root() -> Path:
    frozen_root = getattr(sys, "_MEIPASS", None)  # set by PyInstaller
    if frozen_root is not None:
        return Path(frozen_root)
    package = Path(__file__).parents[1]
    bundled = package / "_bundled"
    return bundled if bundled.is_dir() else package.parent
