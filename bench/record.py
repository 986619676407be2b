"""What was measured last, by program, in bench/record.json: bench/capacity.py computes the documentation's tables from it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_FILE = Path(__file__).parent / "record.json"


def recorded(program: str) -> Any:
    return json.loads(_FILE.read_text())[program]["measured"]


def day_of(program: str) -> str:
    return str(json.loads(_FILE.read_text())[program]["on"])


def record(program: str, measured: Any) -> None:
    known = json.loads(_FILE.read_text()) if _FILE.exists() else {}
    known[program] = {"on": f"{datetime.now(UTC):%Y-%m-%d}", "measured": measured}
    _FILE.write_text(json.dumps(known, indent=1) + "\n")
