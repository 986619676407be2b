"""Which URLs a key or a download may go to. Checked before any request leaves."""

from collections.abc import Callable
from urllib.parse import urlsplit


class UntrustedUrl(Exception):
    """The URL breaks its host rule. The text names the host only: the rest may be signed."""


def check_url(url: str, allowed: Callable[[str], bool], extra_hosts: tuple[str, ...] = ()) -> str:
    """`url` itself when it is https on the default port, without user-info, on a host for which `allowed` holds.

    `extra_hosts` ("host" or "host:port") are trusted as they stand, with plain http too: local work only.
    Raises UntrustedUrl.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise UntrustedUrl("unreadable URL") from None
    if any(c.isspace() or ord(c) < 32 or c == "\\" for c in url):
        raise UntrustedUrl("unreadable URL")
    if parts.username is not None or parts.password is not None:
        raise UntrustedUrl(f"user-info before {host}")
    if parts.scheme in ("http", "https") and (f"{host}:{port}" in extra_hosts or (port is None and host in extra_hosts)):
        return url
    if parts.scheme != "https" or port not in (None, 443) or not allowed(host):
        raise UntrustedUrl(f"{parts.scheme}://{host}{'' if port is None else f':{port}'}")
    return url


def is_host_or_subdomain(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")
