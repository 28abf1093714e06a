"""The operations guide says what works: the commands of its pages are run as they stand, in their order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from postgresql import database, watched_folder
from standby import PROGRAMS, USER, ensure_user_exists, free_port

PAGES = Path(__file__).resolve().parents[1] / "docs" / "operations"
pytestmark = pytest.mark.slow


def commands(page: str) -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def run_all(scripts: list[str], folder: Path, replaced: dict[str, str], user: str | None = None) -> None:
    """Each in a shell; the first command that fails ends it. As root, PostgreSQL's own run as `user`."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(PROGRAMS), os.environ["PATH"]])
    (folder / "out").touch()
    for script in scripts:
        for word, other in replaced.items():
            script = script.replace(word, other)
        with (folder / "out").open("r+") as out:  # a server that stays would keep a pipe open
            done = subprocess.run(
                ["bash", "-ec", script], cwd=folder, user=None if script.startswith("nostro") else user, timeout=90,
                stdout=out, stderr=out, check=False, env={**os.environ, "PATH": path, "HOME": str(folder)},
            )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{(folder / 'out').read_text()}"


def test_failover() -> None:
    with watched_folder() as folder:
        if USER:
            ensure_user_exists(USER)
            folder.chmod(0o777)
        ports = {"5432": str(free_port()), "5433": str(free_port())}
        run_all(commands("failover.md"), folder, {"/srv/pg": str(folder), **ports}, USER)


@pytest.mark.parametrize("page", ["keys.md", "deploy.md", "upgrade.md"])
def test_commands(page: str, tmp_path: Path, postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOSTRO_DATABASE", f"sqlite:///{tmp_path / 'books.db'}")
    with database(postgresql) as url:
        monkeypatch.setenv("POSTGRESQL", url)
        run_all(["\n".join(commands(page))], tmp_path, {})
