"""What is to go away: said in the document, and with every answer of it from that day on.

The rule (decision 36): nothing is taken away within a major version of the contract. What is to go in the next one is named here,
stays for at least half a year after that, and answers with `Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a link that says
what to use instead.
"""

from datetime import datetime
from email.utils import format_datetime
from typing import NamedTuple

import azure.functions as func


class Deprecation(NamedTuple):
    #: In UTC, both of them.
    since: datetime
    sunset: datetime
    #: Where to read what to use instead.
    link: str


#: By the name of the function that serves it.
DEPRECATED: dict[str, Deprecation] = {}
_HEADERS = "Deprecation, Sunset, Link"


def tell(function: str, response: func.HttpResponse) -> func.HttpResponse:
    """The same answer, with what a client has to know that uses something which is to go."""
    known = DEPRECATED.get(function)
    if known is not None:
        response.headers["Deprecation"] = f"@{int(known.since.timestamp())}"
        response.headers["Sunset"] = format_datetime(known.sunset, usegmt=True)
        response.headers["Link"] = f'<{known.link}>; rel="deprecation"; type="text/html"'
        exposed = response.headers.get("Access-Control-Expose-Headers")
        if exposed:
            response.headers["Access-Control-Expose-Headers"] = f"{exposed}, {_HEADERS}"
    return response
