"""Measure how long the window takes to appear, frozen and from source, in turns, by the clock and in processor time (Linux).

    python3 packaging/start.py PROGRAM [--python PYTHON] [--pairs N] [--display :N]

PROGRAM is the `cxrview` of a frozen folder; PYTHON runs this checkout. The first pair warms the caches of both and is not counted.
Needs Xvfb and xdotool.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60.0
SETTINGS = "format = 1\nnotice_accepted = true\n"


def main(words: list[str]) -> int:
    """Measure, and tell medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--python", default=sys.executable, metavar="PYTHON", help="the Python that runs this checkout")
    parser.add_argument("--pairs", type=int, default=7, metavar="N", help="how often each is started (default: 7)")
    parser.add_argument("--display", default=":86", metavar=":N", help="a display for Xvfb to make (default: :86)")
    arguments = parser.parse_args(words)
    source = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from cxrview.__main__ import main; sys.exit(main())"
    commands = {"frozen": [str(arguments.program.absolute())], "source": [arguments.python, "-P", "-c", source]}
    taken: dict[str, list[Took]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as scratch, Screen(arguments.display) as screen:
        (Path(scratch) / "config").mkdir()
        (Path(scratch) / "config" / "settings.toml").write_text(SETTINGS, encoding="utf-8")
        for number in range(arguments.pairs + 1):
            for name, command in commands.items():
                took = screen.time_to_window([*command, "--basedir", scratch])
                if number:
                    taken[name].append(took)
    for what in ("clock_s", "processor_s"):
        times = {name: [getattr(each, what) for each in all_of_it] for name, all_of_it in taken.items()}
        for name, seconds in times.items():
            print(f"{what} {name}: median {statistics.median(seconds):.2f} of {' '.join(f'{each:.2f}' for each in seconds)}")
        ratios = [frozen / here for frozen, here in zip(times["frozen"], times["source"], strict=True)]
        print(f"{what} frozen / source: median {statistics.median(ratios):.2f} of {' '.join(f'{each:.2f}' for each in ratios)}")
    return 0


@dataclass(frozen=True, slots=True)
class Took:
    """What a start took until the window was there."""

    clock_s: float
    processor_s: float


class Screen:
    """A display without a screen, on which windows appear."""

    def __init__(self, display: str) -> None:
        """Start the server of a display."""
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")} | {"DISPLAY": display}
        words = ["Xvfb", display, "-screen", "0", "1500x950x24", "-nolisten", "tcp", "-noreset"]
        self._server = subprocess.Popen(words, stderr=subprocess.DEVNULL)

    def __enter__(self) -> Screen:
        """Wait until it answers."""
        while subprocess.run(["xdotool", "getdisplaygeometry"], check=False, env=self._environment, capture_output=True).returncode != 0:
            time.sleep(0.1)
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away."""
        self._server.terminate()
        self._server.wait()

    def time_to_window(self, command: Sequence[str]) -> Took:
        """Start a program, give what it took until its window is shown, and end it."""
        begun = time.monotonic()
        with subprocess.Popen(command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as program:
            try:
                search = ["xdotool", "search", "--all", "--onlyvisible", "--pid", str(program.pid), "--name", "cxrview"]
                while time.monotonic() - begun < PATIENCE_S:
                    found = subprocess.run(search, check=False, env=self._environment, capture_output=True, text=True)
                    if found.stdout.strip():
                        return Took(time.monotonic() - begun, processor_seconds(program.pid))
                    time.sleep(0.005)
            finally:
                program.kill()
        raise SystemExit(f"start: no window within {PATIENCE_S:.0f} s: {' '.join(command)}")


def processor_seconds(process: int) -> float:
    """Give the processor time that all threads of a process have had."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
