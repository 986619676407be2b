"""A port that nobody uses."""

import secrets
import socket

#: Below those that systems give to outgoing connections (Linux from 32768, RFC 6335 section 6 from 49152): a port of theirs that
#: is free now may be somebody's a moment later, before whoever was given it listens.
_PORTS = range(12_000, 32_000)


def free_port() -> int:
    """A port of 127.0.0.1 that is free. Two who ask at the same moment are most likely given two, however `random` was seeded."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            # As servers do: connections that the last one left behind are no use of it.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
