"""What holds for all tests."""

import os
import signal

# As the command line does: without it, threads of small models spin while they wait.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# A shell's background jobs ignore Ctrl-C, and so would the programs that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
