"""`python -m eventlog_cli`, where the command is not installed."""

import sys

from eventlog_cli.main import main

sys.exit(main())
