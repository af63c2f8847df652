"""Start: `python -m cxrview` and the `cxrview` script."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line of this process; give the exit code."""
    from cxrview.cli.main import main as run

    return run()


if __name__ == "__main__":
    sys.exit(main())
