"""The frozen program starts here; the same file is the window, every command, and every worker process."""

import multiprocessing
import sys

from cxrview.__main__ import main

if __name__ == "__main__":
    multiprocessing.freeze_support()  # a worker process is this program again: it must not open a second window
    sys.exit(main())
