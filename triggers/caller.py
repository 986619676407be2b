"""From where a request comes, as far as it can be believed."""

import ipaddress

import azure.functions as func

#: Requests of which nobody tells an address share one.
NOWHERE = "unknown"
#: What one customer of a provider has of IPv6 at least (RFC 6177, 2): with one such network come 2^64 addresses.
_NETWORK_BITS = 64


def address(req: func.HttpRequest) -> str:
    """The address of who spoke to the platform's front end, an IPv6 address cut to its network.

    The front end adds it, with its port, to the end of X-Forwarded-For, behind whatever the caller wrote there, and the host
    hands that on as it is (observed: Azure/azure-functions-host issue 11254, sergiodxa/remix-utils pull 496, where it equals
    the CLIENT-IP that the front end overwrites: Azure/app-service-linux-docs, Things_You_Should_Know/headers.md). So only the
    last entry is looked at: all before it can be made up. Behind a proxy of your own that is the proxy.
    """
    last = str(req.headers.get("x-forwarded-for", "")).rpartition(",")[2].strip()
    try:
        known = ipaddress.ip_address(_without_port(last))
    except ValueError:
        return NOWHERE
    if isinstance(known, ipaddress.IPv4Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(ipaddress.ip_network((int(known), _NETWORK_BITS), strict=False))


def _without_port(text: str) -> str:
    if text.startswith("["):
        return text[1:].partition("]")[0]
    # An IPv6 address without brackets has no port.
    return text.partition(":")[0] if text.count(":") == 1 else text
