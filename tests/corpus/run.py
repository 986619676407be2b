"""A run: inputs are tried in workers, then looked at by others, then told as tables."""

import collections
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

from tests.corpus.compare import Difference, difference, is_same_view
from tests.corpus.mutations import Input, seed_files
from tests.corpus.views import HEIF_TOOL, ChromiumViews, View, libheif_view
from tests.corpus.workers import Verdict, Worker

_T = TypeVar("_T")


#: Seeds of which another one sees something else, and is not followed.
REASONS = {
    "png-gamma": "a gamma that no display has makes the picture all black or all white in Chromium; here it is ignored",
    "avif-animated": "Chromium takes an image sequence for limited range; its boxes say full, and libavif obeys them",
}
_HEVC = "damaged HEVC: it has no checksums, and each version of a decoder conceals in its own way"


@dataclass(frozen=True)
class Outcome:
    """`shown` by the other one: not, otherwise than the seed (half of it, in other colours), or whole; "" where nobody looked."""

    input: Input
    verdict: Verdict
    shown: Literal["", "not", "otherwise", "whole"] = ""
    difference: Difference | None = None

    @property
    def reason(self) -> str:
        """Why a disagreement is right as it is."""
        told = REASONS.get(self.input.name, "")
        return told or (_HEVC if self.input.format == "heic" and self.input.mutations else "")


def tried(inputs: Iterable[Input], workers: int = 1) -> Iterator[Outcome]:
    """In no particular order."""
    local, opened, lock = threading.local(), [], threading.Lock()

    def one(given: Input) -> Outcome:
        if not hasattr(local, "worker"):
            local.worker = Worker()
            with lock:
                opened.append(local.worker)
        return Outcome(given, local.worker.try_out(given.data))

    try:
        with ThreadPoolExecutor(workers) as pool:
            for batch in _batches(inputs, 200):
                yield from pool.map(one, batch)
    finally:
        for worker in opened:
            worker.__exit__()


def looked_at(outcomes: Sequence[Outcome], chromium: ChromiumViews | None) -> Iterator[Outcome]:
    """The same, with what Chromium or libheif shows of each."""
    heics = [outcome for outcome in outcomes if _is_heic(outcome)]
    others = [outcome for outcome in outcomes if not _is_heic(outcome)]
    seeds = seed_files()
    if chromium is None:
        yield from others
    else:
        whole: dict[str, View | None] = {}
        for some in _batches(sorted({outcome.input.name for outcome in others}), 20):
            whole |= zip(some, chromium.see([seeds[name] for name in some]), strict=True)
        for batch in _batches(others, 20):
            for outcome, view in zip(batch, chromium.see([outcome.input.data for outcome in batch]), strict=True):
                yield _with_view(outcome, view, whole[outcome.input.name])
    if HEIF_TOOL is None:
        yield from heics
        return
    whole_heics = {name: libheif_view(seeds[name]) for name in {outcome.input.name for outcome in heics}}
    for outcome in heics:
        yield _with_view(outcome, libheif_view(outcome.input.data), whole_heics[outcome.input.name])


def _is_heic(outcome: Outcome) -> bool:
    return outcome.input.data[4:8] == b"ftyp" and outcome.input.format == "heic"


def _with_view(outcome: Outcome, view: View | None, whole: View | None) -> Outcome:
    if view is None or view.is_empty:
        return replace(outcome, shown="not")
    shown: Literal["whole", "otherwise"] = "whole" if whole is not None and is_same_view(view, whole) else "otherwise"
    if outcome.verdict.kind != "taken":
        return replace(outcome, shown=shown)
    is_jpeg = outcome.input.data.startswith(b"\xff\xd8")
    return replace(outcome, shown=shown, difference=difference(outcome.verdict.sent, view, is_opaque=is_jpeg))


def _batches(items: Iterable[_T], size: int) -> Iterator[list[_T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


@dataclass
class Report:
    outcomes: list[Outcome] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    @property
    def faults(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.verdict.kind == "fault"]

    @property
    def disagreements(self) -> list[Outcome]:
        """Of what is taken, worst first; not what the other one does not show at all."""
        return [outcome for outcome in self.over_tolerance if not outcome.reason]

    @property
    def over_tolerance(self) -> list[Outcome]:
        over = [outcome for outcome in self.outcomes if outcome.difference is not None and outcome.difference.is_over]
        return sorted(over, key=lambda outcome: -(outcome.difference.mean if outcome.difference else 0))

    def tables(self, most: int = 40) -> Iterator[str]:
        formats = sorted({outcome.input.format for outcome in self.outcomes})
        yield "verdicts by the seed's format"
        yield from _table(formats, self.outcomes, lambda o: f"{o.verdict.kind} {o.verdict.what}")
        shown = [outcome for outcome in self.outcomes if outcome.shown]
        if shown:
            yield "and what Chromium (HEIC: libheif's tool) shows of them"
            yield from _table(formats, shown, lambda o: f"{o.verdict.kind}, {_SHOWN[o.shown]}")
        for kind, seen in (("taken", "not"), ("refused", "whole"), ("refused", "otherwise")):
            odd = [outcome for outcome in shown if (outcome.verdict.kind, outcome.shown) == (kind, seen)]
            if odd:
                yield f"{kind} here, {_SHOWN[seen]}"
                yield from _table(formats, odd, _refusal_and_cause if kind == "refused" else _cause, most=25)
        slow = max(self.outcomes, key=lambda o: o.verdict.cpu_seconds)
        large = max(self.outcomes, key=lambda o: o.verdict.megabytes)
        yield f"most CPU     {slow.verdict.cpu_seconds:.2f} s   {slow.input}"
        yield f"most memory  {large.verdict.megabytes:.0f} MB  {large.input}"
        compared = [outcome for outcome in self.outcomes if outcome.difference is not None]
        if compared:
            alike = sorted(o.difference.mean for o in compared if o.difference)
            yield f"compared {len(compared)}; mean difference: median {alike[len(alike) // 2]:.2f}, worst {alike[-1]:.1f} of 255"
            yield f"over the tolerance: {len(self.over_tolerance)}, of them without a reason: {len(self.disagreements)}"
            for outcome in self.disagreements[:most]:
                yield f"  {outcome.difference}  {outcome.input}"
            reasons = collections.Counter(outcome.reason for outcome in self.over_tolerance if outcome.reason)
            for reason, times in reasons.most_common():
                yield f"  {times} times: {reason}"
        notes = collections.Counter(
            note for o in self.outcomes if o.verdict.kind == "taken" and o.verdict.detail for note in o.verdict.detail.split("; ")
        )
        for note, times in notes.most_common(8):
            yield f"said while one was taken, {times} times: {note[:160]}"
        yield f"faults: {len(self.faults)}"
        for outcome in self.faults[:most]:
            cost = f"{outcome.verdict.cpu_seconds:.1f} s, {outcome.verdict.megabytes:.0f} MB"
            yield f"  {outcome.verdict.what} ({cost})  {outcome.input}"
        yield f"inputs {len(self.outcomes)} in {time.monotonic() - self.started:.0f} s"

    def keep(self, folder: Path) -> None:
        """The bytes of faults, disagreements and what is refused though shown whole, with what was said of each."""
        folder.mkdir(parents=True, exist_ok=True)
        strict = [outcome for outcome in self.outcomes if (outcome.verdict.kind, outcome.shown) == ("refused", "whole")]
        for outcome in (*self.faults, *self.disagreements, *strict):
            stem = f"{outcome.input.seed}-{outcome.input.index}-{outcome.input.name}"
            (folder / f"{stem}.{outcome.input.format}").write_bytes(outcome.input.data)
            if outcome.verdict.sent:
                (folder / f"{stem}.sent").write_bytes(outcome.verdict.sent)
            verdict = outcome.verdict
            (folder / f"{stem}.txt").write_text(
                f"{outcome.input}\n{verdict.kind} {verdict.what}\n{outcome.difference}\n{verdict.detail}\n"
            )


_SHOWN = {"not": "not shown there", "otherwise": "shown otherwise there (half, other colours)", "whole": "shown whole there"}


def _refusal_and_cause(outcome: Outcome) -> str:
    return f"{outcome.verdict.what}: {_cause(outcome)}"


def _cause(outcome: Outcome) -> str:
    """Two of its mutations tell enough."""
    return "+".join(sorted(set(outcome.input.mutations))[:2]) or "as it is"


def _table(
    columns: Sequence[str], outcomes: Sequence[Outcome], row_of: Callable[[Outcome], str], most: int = 60
) -> Iterator[str]:
    counted = collections.Counter((row_of(outcome), outcome.input.format) for outcome in outcomes)
    rows = collections.Counter(row_of(outcome) for outcome in outcomes)
    width = max(map(len, rows), default=0)
    yield f"  {'':{width}} {'all':>6} " + " ".join(f"{name:>6}" for name in columns)
    for row, total in rows.most_common(most):
        yield f"  {row:{width}} {total:>6} " + " ".join(f"{counted[row, name] or '':>6}" for name in columns)
