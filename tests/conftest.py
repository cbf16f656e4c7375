"""What holds for all tests."""

import os

# As the command line does: without it, threads of small models spin while they wait.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
