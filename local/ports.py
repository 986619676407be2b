"""A port that nobody uses."""

import os
import secrets
import socket
from collections import deque

#: Below those that systems give to outgoing connections (Linux from 32768, RFC 6335 section 6 from 49152): a port of theirs that
#: is free now may be somebody's a moment later, before whoever was given it listens.
_PORTS = range(12_000, 32_000)
#: Processes that ask at the same moment have their own ports, unless their numbers differ by a multiple of this.
_LANES = 32
#: The last ones of this process, which may not be listened to yet: one of seven thousand stacks had two services on one port.
_given: deque[int] = deque(maxlen=64)


def free_port() -> int:
    """A port of 127.0.0.1 that is free, and not one of the last that this process was given."""
    while True:
        port = secrets.choice(_PORTS[os.getpid() % _LANES :: _LANES])
        if port in _given:
            continue
        with socket.socket() as probe:
            # As servers do: connections that the last one left behind are no use of it.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.append(port)
        return port
