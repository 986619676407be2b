"""`python -m tests.contract`: what the document of today would break, beside that of the last release. With `--release` it is
kept as the document of a release, which the next ones are held against."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.contract.changes import breaking
from triggers.contract.document import VERSION, build

RELEASES = Path(__file__).resolve().parents[2] / "docs/openapi"


def released() -> tuple[str, dict[str, Any]]:
    """The newest version that was released, and its document."""
    newest = max(RELEASES.glob("*.json"), key=lambda path: [int(part) for part in path.stem.split(".")])
    return newest.stem, json.loads(newest.read_text())


def main() -> int:
    if "--release" in sys.argv:
        path = RELEASES / f"{VERSION}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(build(), ensure_ascii=False, indent=1) + "\n")
        print(f"kept as {path.name}")
        return 0
    version, document = released()
    found = breaking(document, build())
    print("\n".join(found) or f"nothing that {version} promised is broken")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
