"""`python -m labs` is `mlsys-labs`."""

import sys

from labs.cli import main

sys.exit(main())
