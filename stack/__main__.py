"""`python3 -m stack`, and `opsci-stack` where it is installed: any Python 3.11 will do, with nothing installed."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 -- this is what an older Python meets first
    sys.exit("opsci needs Python 3.11 or newer, and this is %d.%d: try python3.11 -m stack" % sys.version_info[:2])  # noqa: UP031

from stack.command import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
