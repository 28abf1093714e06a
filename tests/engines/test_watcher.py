"""A test run that is killed leaves no PostgreSQL behind."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

START = """
import time
from postgresql import cluster
with cluster() as running:
    print(running._server.pgdata, running._server.get_pid(), flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_killed_run_leaves_no_server() -> None:
    tests = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])}
    run = subprocess.Popen([sys.executable, "-c", START], stdout=subprocess.PIPE, text=True, env=environment)
    assert run.stdout is not None
    folder, server = run.stdout.readline().split()
    assert Path(f"/proc/{server}").exists()
    run.kill()
    run.communicate()
    until = time.monotonic() + 20
    while time.monotonic() < until and (Path(f"/proc/{server}").exists() or Path(folder).exists()):
        time.sleep(0.05)
    assert not Path(f"/proc/{server}").exists()
    assert not Path(folder).exists()
