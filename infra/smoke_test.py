"""Ask a deployment whether it works: python infra/smoke_test.py API-ADDRESS PAGE-ADDRESS. Makes no picture, costs nothing.

Browsers' preflights are tried as well, and a caller who forges what the platform's sign-in says of callers.
"""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from email.message import Message

#: A new app, its roles and its first instance take a while.
PATIENCE_SECONDS = 300.0
PAUSE_SECONDS = 10.0
#: A job that nobody has: asking for it costs nothing. Only who is signed in learns that.
NO_JOB = "job_00000000000000000000000000"
#: What the platform says of a caller whom it knows; whoever sends it themselves must not be believed.
FORGED = {
    "X-MS-CLIENT-PRINCIPAL-ID": "smoke-test", "X-MS-CLIENT-PRINCIPAL-NAME": "smoke-test", "X-MS-CLIENT-PRINCIPAL-IDP": "aad",
    "X-MS-CLIENT-PRINCIPAL": "eyJjbGFpbXMiOltdfQ==", "X-MS-TOKEN-AAD-ID-TOKEN": "smoke-test",
}  # fmt: skip
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
    status, _, body = ask(f"{api}/api/jobs/{NO_JOB}")
    forged, _, _ = ask(f"{api}/api/jobs/{NO_JOB}", headers=FORGED)
    if status not in (401, 404):
        yield f"nobody can be let in: a job was answered {status} {body[:500]}"
    elif forged != status:
        yield f"a caller who only says who they are is believed: {forged}, not {status}. Stop the app, then look at its sign-in"
    needs_sign_in = status == 401
    status, _, body = ask(f"{page}/config.js")
    if status != 200 or f'"{api}/api"' not in body:
        yield f"the page does not know the API: /config.js answered {status} {body[:200]}"
    elif needs_sign_in != ("issuer:" in body):
        asks = "asks" if needs_sign_in else "does not ask"
        yield f"the API {asks} callers to sign in, the page thinks otherwise: deploy it again"


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
