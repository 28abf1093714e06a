"""A `nostro` command that is warm: a program that has imported everything forks itself for each call.

Pages of the documentation call the command a dozen times; each of them would spend most of its time on imports. What
runs is the command's own `main`, with the caller's arguments, directory, environment and streams.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Asks for one run, and ends as it ends. Without `site`, which would take longer than the rest.
CLIENT = """#!{python} -IS
import array, json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
server.sendmsg([len(asked).to_bytes(4, "big")], streams)
server.sendall(asked)
sys.exit((server.recv(1) or b"\\1")[0])
"""
SERVER = """
import json, os, signal, socket, sys
import nostro.app, nostro.cli.main, nostro.networks.csv_statement, nostro.reconciliation.run
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
while True:
    asker, _ = listener.accept()
    if os.fork():
        asker.close()
        continue
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    listener.close()
    size, streams, _, _ = socket.recv_fds(asker, 4, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")
    with asker.makefile("rb") as said:
        words, folder, environment = json.loads(said.read(int.from_bytes(size, "big")))
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["nostro", *words]
    code = 0
    try:
        nostro.cli.main.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        import traceback
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    asker.send(bytes([code]))
    os._exit(code)
"""


@contextmanager
def warm(folder: Path) -> Iterator[Path]:
    """A directory for the front of PATH, with the command in it."""
    address = folder / "warm"
    bin = folder / "bin"
    bin.mkdir()
    command = bin / "nostro"
    command.write_text(CLIENT.format(python=sys.executable, address=str(address)))
    command.chmod(0o755)
    server = subprocess.Popen([sys.executable, "-c", SERVER, str(address)], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None and server.stdout.readline() == b"ready\n"
        yield bin
    finally:
        server.kill()
        server.communicate()
