"""`python -m bridge` is the same as `opsci-bridge`."""

import sys

from bridge.command import main

if __name__ == "__main__":
    sys.exit(main())
