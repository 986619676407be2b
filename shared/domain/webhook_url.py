"""Which address the end of a job may be told to: the rule for what a URL shows by itself, and the one for where its name leads.

Both guard against a request of ours into a net that only we reach (Standard Webhooks, "Server side request forgery";
owasp.org/www-community/attacks/Server_Side_Request_Forgery).
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

MAX_CHARACTERS = 2048
#: What a URL is written with (RFC 3986, 2).
_SPOKEN = re.compile(r"[!-~]+")
_UNSPOKEN = re.compile(r'["<>\\^`{|}]')
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,61}[a-z0-9])?"
#: A name of the public DNS has a top level, which is no number: "2130706433" and "0x7f.1" are spellings of addresses
#: (url.spec.whatwg.org/#ends-in-a-number-checker).
_NAME = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
#: Names that lead nowhere but to a machine or a net of one's own (iana.org, special-use-domain-names; ICANN: .internal).
_OWN = re.compile(r"(?:.*\.)?(?:localhost|localdomain|local|internal|intranet|lan|home|corp|private|home\.arpa)")
#: Azure's address for its own agent, DHCP and DNS, the same on every machine: public by its number
#: (learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16).
_PLATFORM = frozenset({ipaddress.ip_address("168.63.129.16")})
#: IPv4 behind IPv6 (RFC 6052).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Mistake = tuple[str, str]
_NO_URL: Mistake = (
    f"https://로 시작하는 URL이어야 합니다(ASCII 문자로 {MAX_CHARACTERS}자까지, 한글 도메인은 xn-- 형태로).",
    f"Must be a URL that begins with https://, of at most {MAX_CHARACTERS} ASCII characters; other letters of a host as xn--.",
)
_CREDENTIALS: Mistake = (
    "사용자 이름이나 비밀번호가 들어 있습니다. 지워 주세요. 웹훅에는 서명이 있어 그것으로 확인할 수 있습니다.",
    "It holds a user name or a password. Remove it: the signature tells where a call comes from.",
)
_FRAGMENT: Mistake = ("# 뒤의 부분은 전송되지 않습니다. 지워 주세요.", "What follows # would not be sent. Remove it.")
_PORT: Mistake = ("포트는 443만 쓸 수 있습니다. 포트를 지워 주세요.", "Port 443 is the only one. Remove the port.")
_NOT_PUBLIC: Mistake = (
    "인터넷에서 누구나 접근할 수 있는 호스트여야 합니다. localhost나 내부망 주소에는 보내지 않습니다.",
    "Its host must be one that everybody on the internet can reach: nothing is sent to localhost or into a private net.",
)


def mistake_in(url: str, extra_hosts: tuple[str, ...] = ()) -> Mistake | None:
    """What is wrong with a URL, in Korean and English; None where the end of a job may be told to it.

    `extra_hosts` ("host" or "host:port") are trusted as they stand, with plain http too: local work only.
    """
    parts = _parts(url)
    if parts is None or parts.scheme not in ("https", "http"):
        return _NO_URL
    if parts.username is not None or parts.password is not None:
        return _CREDENTIALS
    if "#" in url:
        return _FRAGMENT
    if is_extra(url, extra_hosts):
        return None
    if parts.scheme != "https":
        return _NO_URL
    if parts.port not in (None, 443):
        return _PORT
    return None if _is_public_host(parts.hostname or "") else _NOT_PUBLIC


def is_extra(url: str, extra_hosts: tuple[str, ...]) -> bool:
    """Whether the host is one of these, as they are spelt."""
    parts = _parts(url)
    if parts is None:
        return False
    host = parts.hostname or ""
    return f"{host}:{parts.port}" in extra_hosts or (parts.port is None and host in extra_hosts)


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: none of a private net, loopback, link-local (where clouds keep their
    metadata services), multicast or the platform's own; nor one that stands for such an address of IPv4."""
    try:
        given = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(one.is_global and not one.is_multicast and one not in _PLATFORM for one in (given, *_inside(given)))


def _inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The addresses of IPv4 that one of IPv6 leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return [one for one in found if one is not None]


def _is_public_host(host: str) -> bool:
    if _NAME.fullmatch(host):
        return len(host) <= 253 and not _OWN.fullmatch(host)
    return is_public(host)


def _parts(url: str) -> SplitResult | None:
    """None for what cannot be read as a URL with a host."""
    if len(url) > MAX_CHARACTERS or not _SPOKEN.fullmatch(url) or _UNSPOKEN.search(url):
        return None
    try:
        parts = urlsplit(url)
        return parts if parts.hostname and parts.port != 0 else None
    except ValueError:  # half an address of IPv6, or a port that is none
        return None
