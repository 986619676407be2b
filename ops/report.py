"""What a command answers: data for programs, and the same as tables for people."""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_URL = re.compile(r"\b(https?://[^\s?#\"']+)[?#][^\s\"']*")
_SECRETS = re.compile(r"(?i)\b(sig|sas|key|token|code|AccountKey|Authorization)=[^\s&;\"']+|\br8_\w+|\b[A-Za-z0-9+/]{80,}={0,2}")


@dataclass(frozen=True)
class Report:
    data: dict[str, Any]
    lines: Sequence[str] = field(default_factory=tuple)
    code: int = 0

    def printed(self, *, as_json: bool) -> str:
        return json.dumps(self.data, ensure_ascii=False, indent=2, default=str) if as_json else "\n".join(self.lines)


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Aligned columns; Korean letters count as the two columns that they take."""
    cells = [[str(name).upper() for name in head], *(["-" if cell is None else str(cell) for cell in row] for row in rows)]
    widths = [max(_width(row[n]) for row in cells) for n in range(len(head))]
    return [
        "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    ]


def clean(text: object, most: int = 200) -> str:
    """Text of an unknown author without what must not be seen: the query of an address, keys, image data."""
    found = _SECRETS.sub("[removed]", _URL.sub(r"\1?[removed]", str(text)))
    return " ".join(found.split())[:most]


def length(seconds: float) -> str:
    """As people say it: 0.4 s, 42 s, 3 min 5 s, 2 h 10 min, 3 d 4 h."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    for unit, size, small, part in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{whole} s"


def size(count: int) -> str:
    return f"{count / 1_048_576:.1f} MB" if count >= 1_048_576 else f"{count / 1024:.1f} KB" if count >= 1024 else f"{count} B"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
