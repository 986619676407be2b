"""The operator's guides as data: their sections and their code blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUIDES = tuple(
    ROOT / "docs" / name
    for name in (
        "troubleshooting.ko.md", "troubleshooting.en.md", "operations.ko.md", "operations.en.md", "models.ko.md", "models.en.md",
        "requests.ko.md", "requests.en.md",
        "scaling-and-cost.md", "security.md",
    )
)  # fmt: skip
#: For whoever writes a client: its samples are run by tests/e2e.
API_GUIDES = (ROOT / "docs/api.ko.md", ROOT / "docs/api.en.md")


@dataclass(frozen=True)
class Block:
    language: str
    text: str


def text_of(guide: Path) -> str:
    return guide.read_text()


def blocks(guide: Path) -> list[Block]:
    return [
        Block(language, text) for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", text_of(guide), re.MULTILINE | re.DOTALL)
    ]


def sections(guide: Path) -> dict[int, str]:
    """The numbered sections, each with its heading."""
    parts = re.split(r"^(?=## )", text_of(guide), flags=re.MULTILINE)
    return {int(found.group(1)): part for part in parts if (found := re.match(r"## (\d+)\. ", part))}


def section(row: int, language: str) -> str:
    return sections(ROOT / f"docs/troubleshooting.{language}.md")[row]


def commands(row: int) -> list[str]:
    """The row's local commands, the same in both languages."""
    found = re.findall(r"^```sh\n(.*?)^```$", section(row, "ko"), re.MULTILINE | re.DOTALL)
    return [str(text) for text in found]
