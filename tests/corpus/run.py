"""A run: inputs are tried in workers, then looked at by others, then told as tables."""

import collections
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from tests.corpus.compare import Difference, difference
from tests.corpus.mutations import Input
from tests.corpus.views import HEIF_TOOL, ChromiumViews, View, libheif_view
from tests.corpus.workers import Verdict, Worker

_T = TypeVar("_T")


@dataclass(frozen=True)
class Outcome:
    """`is_shown`: whether the other one shows anything of it; None where nobody looked."""

    input: Input
    verdict: Verdict
    is_shown: bool | None = None
    difference: Difference | None = None


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
    browsed = [outcome for outcome in outcomes if not _is_heic(outcome)]
    if chromium is None:
        yield from browsed
    else:
        for batch in _batches(browsed, 20):
            for outcome, view in zip(batch, chromium.see([outcome.input.data for outcome in batch]), strict=True):
                yield _with_view(outcome, view)
    for outcome in outcomes:
        if _is_heic(outcome):
            yield outcome if HEIF_TOOL is None else _with_view(outcome, libheif_view(outcome.input.data))


def _is_heic(outcome: Outcome) -> bool:
    return outcome.input.data[4:8] == b"ftyp" and outcome.input.format == "heic"


def _with_view(outcome: Outcome, view: View | None) -> Outcome:
    is_shown = view is not None and not view.is_empty
    if outcome.verdict.kind != "taken" or view is None:
        return Outcome(outcome.input, outcome.verdict, is_shown)
    return Outcome(outcome.input, outcome.verdict, is_shown, difference(outcome.verdict.sent, view))


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
        over = [outcome for outcome in self.outcomes if outcome.difference is not None and outcome.difference.is_over]
        return sorted(over, key=lambda outcome: -(outcome.difference.mean if outcome.difference else 0))

    def tables(self, most: int = 40) -> Iterator[str]:
        formats = sorted({outcome.input.format for outcome in self.outcomes})
        yield "verdicts by the seed's format"
        yield from _table(formats, self.outcomes, lambda o: f"{o.verdict.kind} {o.verdict.what}")
        shown = [outcome for outcome in self.outcomes if outcome.is_shown is not None]
        if shown:
            yield "and what Chromium (HEIC: libheif's tool) does with them"
            yield from _table(formats, shown, lambda o: f"{o.verdict.kind}, {'shown' if o.is_shown else 'not shown'} there")
        for kind, is_shown in (("taken", False), ("refused", True)):
            odd = [outcome for outcome in shown if outcome.verdict.kind == kind and outcome.is_shown is is_shown]
            if odd:
                yield f"{kind} here, {'shown' if is_shown else 'not shown'} there: by mutation"
                yield from _table(formats, odd, lambda o: "+".join(sorted(set(o.input.mutations))) or "as it is", most=25)
        slow = max(self.outcomes, key=lambda o: o.verdict.cpu_seconds)
        large = max(self.outcomes, key=lambda o: o.verdict.megabytes)
        yield f"most CPU     {slow.verdict.cpu_seconds:.2f} s   {slow.input}"
        yield f"most memory  {large.verdict.megabytes:.0f} MB  {large.input}"
        compared = [outcome for outcome in self.outcomes if outcome.difference is not None]
        if compared:
            alike = sorted(o.difference.mean for o in compared if o.difference)
            yield f"compared {len(compared)}; mean difference: median {alike[len(alike) // 2]:.2f}, worst {alike[-1]:.1f} of 255"
            yield f"over the tolerance: {len(self.disagreements)}"
            for outcome in self.disagreements[:most]:
                yield f"  {outcome.difference}  {outcome.input}"
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
        """The bytes of faults and disagreements, with what was said of each."""
        folder.mkdir(parents=True, exist_ok=True)
        for outcome in (*self.faults, *self.disagreements):
            stem = f"{outcome.input.seed}-{outcome.input.index}-{outcome.input.name}"
            (folder / f"{stem}.{outcome.input.format}").write_bytes(outcome.input.data)
            if outcome.verdict.sent:
                (folder / f"{stem}.sent").write_bytes(outcome.verdict.sent)
            verdict = outcome.verdict
            (folder / f"{stem}.txt").write_text(
                f"{outcome.input}\n{verdict.kind} {verdict.what}\n{outcome.difference}\n{verdict.detail}\n"
            )


def _table(
    columns: Sequence[str], outcomes: Sequence[Outcome], row_of: Callable[[Outcome], str], most: int = 60
) -> Iterator[str]:
    counted = collections.Counter((row_of(outcome), outcome.input.format) for outcome in outcomes)
    rows = collections.Counter(row_of(outcome) for outcome in outcomes)
    width = max(map(len, rows), default=0)
    yield f"  {'':{width}} {'all':>6} " + " ".join(f"{name:>6}" for name in columns)
    for row, total in rows.most_common(most):
        yield f"  {row:{width}} {total:>6} " + " ".join(f"{counted[row, name] or '':>6}" for name in columns)
