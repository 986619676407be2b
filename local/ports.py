"""A port that nobody uses, and that nobody else is about to use."""

import fcntl
import json
import os
import secrets
import socket
import tempfile
import time
from pathlib import Path

#: Below those that systems give to outgoing connections (Linux from 32768, RFC 6335 section 6 from 49152): a port of theirs that
#: is free now may be somebody's a moment later, before whoever was given it listens.
_PORTS = range(12_000, 32_000)
#: What processes of this user were given, and when. Who was given a port may not listen yet, or be down for a restart: it looks
#: free then, to another process and to the next draw of the same.
_GIVEN = Path(tempfile.gettempdir(), f"toonconnect-ports-{os.getuid()}.json")
_KEPT_SECONDS = 3600
_MOST_DRAWS = 10_000


def free_port() -> int:
    """A port of 127.0.0.1 that is free, and that no process of this user was given within the last hour.

    Raises OSError where there is none.
    """
    # Not through a link that somebody else may have laid there.
    descriptor = os.open(_GIVEN, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "r+", errors="replace") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        given = _recent(file.read())
        port = _drawn(given)
        file.seek(0)
        file.truncate()
        json.dump({**given, str(port): time.time()}, file)
    return port


def _drawn(given: dict[str, float]) -> int:
    for _ in range(_MOST_DRAWS):
        port = secrets.choice(_PORTS)
        if str(port) not in given and is_free(port):
            return port
    raise OSError(f"{_MOST_DRAWS} ports were looked at, and all are taken or were given away within the hour; see {_GIVEN}")


def _recent(text: str) -> dict[str, float]:
    """What is still to be heeded; nothing of a file that nobody here wrote, or whose writer was killed."""
    try:
        given = json.loads(text)
        return {str(port): at for port, at in given.items() if at > time.time() - _KEPT_SECONDS}
    except (ValueError, TypeError, AttributeError):
        return {}


def is_free(port: int) -> bool:
    """Whether a service could listen there now."""
    with socket.socket() as probe:
        # As servers do: connections that the last one left behind are no use of it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
