"""``python -m samframe`` is the ``samframe`` command."""

import sys

from samframe.cli import main

if __name__ == "__main__":
    sys.exit(main())
