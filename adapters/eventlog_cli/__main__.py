"""`python -m adapters.cli`, where the command is not installed."""

import sys

from adapters.cli.main import main

sys.exit(main())
