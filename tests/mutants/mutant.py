"""What a fault is: other text in one file, and the fast tests of which one must turn red."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mutant:
    """`what` says what the app does wrong with it. `old` is in `file` exactly once."""

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    def applied(self, text: str) -> str:
        """Raises ValueError when the file has changed under it."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.file} holds {self.old!r} {text.count(self.old)} times")
        return text.replace(self.old, self.new)


def of(file: str, *tests: str) -> Callable[[str, str, str], Mutant]:
    """Makes the faults of one file."""
    return lambda what, old, new: Mutant(what, file, old, new, tests)
