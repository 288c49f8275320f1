"""`python3 -m stack`, and `opsci-stack` where it is installed: runs on any Python 3.11, without other packages."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 -- this is what an older Python meets first
    sys.exit("opsci needs Python 3.11 or newer, and this is %d.%d: try python3.11 -m stack" % sys.version_info[:2])  # noqa: UP031

__all__ = ["main"]


def main() -> int:
    """Run the command line, and exit without a traceback at a Ctrl-C during the imports."""
    try:
        from stack.command import main as run_command  # noqa: PLC0415

        return run_command()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
