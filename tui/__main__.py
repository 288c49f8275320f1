"""`python3 -m tui` is `opsci-tui`."""

import sys

from tui.command import main

if __name__ == "__main__":
    sys.exit(main())
