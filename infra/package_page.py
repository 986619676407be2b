"""Copy the page to web/dist and tell it where the API is: `azd` runs this before it uploads the page."""

import os
import re
import shutil
import sys
from pathlib import Path

WEB = Path(__file__).resolve().parent.parent / "web"


def package(api: str, source: Path, target: Path) -> None:
    """Make `target` the page that is deployed, with `api` (an origin) as the address of its API. Raises ValueError."""
    if not re.fullmatch(r"https?://[^/\s\"'\\]+", api.rstrip("/")):
        raise ValueError(f"not the address of an API: {api!r}")
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(target.name, "*.md"))
    (target / "config.js").write_text(f'export const apiBase = "{api.rstrip("/")}/api";\n', encoding="utf-8")


if __name__ == "__main__":
    address = os.environ.get("SERVICE_API_URI", "")
    if not address:
        sys.exit("SERVICE_API_URI is not set: run azd provision first")
    package(address, WEB, WEB / "dist")
