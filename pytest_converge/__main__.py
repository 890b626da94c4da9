"""`python -m pytest_converge` is the command `converge`."""

from __future__ import annotations

import sys

from pytest_converge.command.main import main

if __name__ == "__main__":
    sys.exit(main())
