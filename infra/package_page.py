"""Copy the page to web/dist and tell it where the API is and who signs callers in: `azd` runs this before it uploads the page."""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

WEB = Path(__file__).resolve().parent.parent / "web"
_ADDRESS = r"https?://[^\s\"'\\?#]+"


def package(api: str, source: Path, target: Path, sign_in: Mapping[str, str] | None = None) -> None:
    """Make `target` the page that is deployed, with `api` (an origin) as the address of its API.

    `sign_in` holds the issuer, the page's client id and the scope. Raises ValueError.
    """
    if not re.fullmatch(r"https?://[^/\s\"'\\]+", api.rstrip("/")):
        raise ValueError(f"not the address of an API: {api!r}")
    if sign_in and not (re.fullmatch(_ADDRESS, sign_in["issuer"]) and sign_in["clientId"] and sign_in["scope"]):
        raise ValueError(f"not where callers could sign in: {dict(sign_in)!r}")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(target.name, "*.md"))
    spelt = f"{{ {', '.join(f'{name}: {json.dumps(value)}' for name, value in sign_in.items())} }}" if sign_in else "null"
    lines = [f'export const apiBase = "{api.rstrip("/")}/api";', f"export const signIn = {spelt};"]
    (target / "config.js").write_text("\n".join([*lines, ""]), encoding="utf-8")


def sign_in_from(environ: Mapping[str, str]) -> dict[str, str] | None:
    """What the deployment says of sign-in (outputs of infra/main.bicep); None where nobody has to."""
    if not environ.get("AUTH_PAGE_ISSUER"):
        return None
    names = {"issuer": "AUTH_PAGE_ISSUER", "clientId": "AUTH_PAGE_CLIENT", "scope": "AUTH_PAGE_SCOPE"}
    return {name: environ.get(variable, "") for name, variable in names.items()}


if __name__ == "__main__":
    address = os.environ.get("SERVICE_API_URI", "")
    if not address:
        sys.exit("SERVICE_API_URI is not set: run azd provision first")
    package(address, WEB, WEB / "dist", sign_in_from(os.environ))
