"""Commands of this package, run without importing torch and Lightning again for each.

A server imports them once and forks a process for each command: as in a terminal, it has its own
arguments, folder and environment; only its modules are there already.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRAIN = str(ROOT / "train.py")

SERVER = """
import json, os, runpy, sys
from tratree.large_imports import large_imports
with large_imports():
    import lightning, tratree.cli.train, tratree.data.pairs, tratree.modules.imitation
    import tratree.policy.workers, tratree.runs.run, tratree.stages.bases

def run(argv, folder, environment, out, err):
    for path, number in ((os.devnull, 0), (out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_RDWR), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[:] = argv
    sys.path[0] = os.path.dirname(argv[0])  # not the folder that it runs in
    runpy.run_path(argv[0], run_name="__main__")

replies = os.fdopen(os.dup(1), "w")
requests = os.fdopen(os.dup(0))
for line in requests:
    child = os.fork()
    if child == 0:
        requests, line = None, json.loads(line)
        run(**line)
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=replies, flush=True)
"""


@functools.cache
def _server() -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SERVER]
    server = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.kill)
    return server


def train(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``train.py`` in a folder, with the environment of the tests or another one."""
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    argv = [TRAIN, *arguments]
    with tempfile.NamedTemporaryFile("r") as out, tempfile.NamedTemporaryFile("r") as err:
        request = {
            "argv": argv,
            "folder": str(folder),
            "environment": dict(os.environ if environment is None else environment),
            "out": out.name,
            "err": err.name,
        }
        print(json.dumps(request), file=server.stdin, flush=True)
        code = int(server.stdout.readline())
        return subprocess.CompletedProcess(argv, code, out.read(), err.read())
