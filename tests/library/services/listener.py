"""Another user of the machine who listens at a port."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.rights import NOBODY

# Listens at a host and port, 0 for any. Says its port, answers as the begin of HTTP/2 does, and says in hexadecimal
# what it was sent until its input ends.
LISTENER = r"""
import socket, sys, threading
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
server = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family)
print(server.getsockname()[1], flush=True)
told = []
def serve():
    while True:
        connection, _ = server.accept()
        connection.sendall(b"\0\0\0\4\0\0\0\0\0" + b"\0\0\0\4\1\0\0\0\0")
        def read(connection=connection):
            while part := connection.recv(65536):
                told.append(part)
        threading.Thread(target=read, daemon=True).start()
threading.Thread(target=serve, daemon=True).start()
sys.stdin.read()
print(b"".join(told).hex(), flush=True)
"""


@contextmanager
def listener_of_another(host: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[int, Callable[[], bytes]]]:
    """Its port, and a function that ends it and gives what it was sent."""
    python = str(Path(sys.executable).resolve())  # the environment may be in a folder that is closed to others
    command = ["setpriv", f"--reuid={NOBODY}", "--clear-groups", python, "-I", "-c", LISTENER, host, str(port)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd="/") as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), lambda: bytes.fromhex(process.communicate(timeout=20)[0].strip())
        finally:
            process.kill()
