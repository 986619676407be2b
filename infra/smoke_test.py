"""Ask a deployment whether it works: python infra/smoke_test.py API-ADDRESS PAGE-ADDRESS. Makes no picture, costs nothing."""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from email.message import Message

#: A new app, its roles and its first instance take a while.
PATIENCE_SECONDS = 300.0
PAUSE_SECONDS = 10.0
#: Headers that pages and what traces them send, the first where callers sign in.
SENT = "authorization,baggage,idempotency-key,if-none-match,prefer,request-id,sentry-trace,traceparent,tracestate,x-owner-token"


def ask(url: str, method: str = "GET", headers: Mapping[str, str] | None = None) -> tuple[int, Message, str]:
    """(status, headers, body); status 0 when nobody answered."""
    request = urllib.request.Request(url, method=method, headers=dict(headers or {}))  # noqa: S310 - the operator's own address
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return response.status, response.headers, response.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode(errors="replace")
    except OSError as error:
        return 0, Message(), str(error)


def problems(api: str, page: str) -> Iterator[str]:
    """What is wrong with the deployment now, in sentences: nothing, if all is well."""
    status, _, body = ask(f"{api}/api/health")
    if status != 200:
        yield f"the app is not up: /api/health answered {status} {body[:200]}"
        return
    status, _, body = ask(f"{api}/api/health/ready")
    if status != 200:
        yield f"the app is not ready: {body[:1000]}"
    preflight = {"Origin": page, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": SENT}
    status, headers, _ = ask(f"{api}/api/goods-gen/generate", "OPTIONS", preflight)
    allowed = {name.strip().lower() for name in headers.get("Access-Control-Allow-Headers", "").split(",")}
    if status not in (200, 204) or headers.get("Access-Control-Allow-Origin") != page or not set(SENT.split(",")) <= allowed:
        yield f"browsers may not call the API from {page}: the preflight was answered {status}"
    status, headers, _ = ask(f"{api}/api/options", headers={"Origin": page})
    exposed = headers.get("Access-Control-Expose-Headers", "").lower()
    if headers.get("Access-Control-Allow-Origin") != page or "x-request-id" not in exposed:
        yield f"pages at {page} may not read the API's answers: ALLOWED_ORIGINS of the app, or the site's CORS, lacks it"
    status, _, body = ask(f"{page}/config.js")
    if status != 200 or f'"{api}/api"' not in body:
        yield f"the page does not know the API: /config.js answered {status} {body[:200]}"


def main(api: str, page: str) -> str | None:
    """What is still wrong after a while, or None."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while found := list(problems(api.rstrip("/"), page.rstrip("/"))):
        if time.monotonic() + PAUSE_SECONDS > ends:
            return "\n".join(found)
        time.sleep(PAUSE_SECONDS)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]) if len(sys.argv) == 3 else __doc__)
