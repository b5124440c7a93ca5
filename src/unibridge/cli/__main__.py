"""`python -m unibridge.cli`."""

import sys

from unibridge.cli import main

if __name__ == "__main__":
    sys.exit(main())
