"""`python -m tests.fuzz`: see `tests.fuzz.long_run`."""

import sys

from tests.fuzz.long_run import main

sys.exit(main())
