"""`python -m unibridge`: the command line, which launchers of several processes can start."""

import sys

from unibridge.cli import main

if __name__ == "__main__":
    sys.exit(main())
