"""What `make explore` prints."""

import contextlib
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.explore.explorer import kind_of, play, shrunk
from tests.explore.plan import from_seed
from tests.explore.virtual import close_loops
from tests.explore.world import Counts


def one(seed: int, *, shrink: bool, word: str) -> int:
    plan = from_seed(seed)
    verdict = shrunk(plan, word=word) if shrink else play(plan)
    print("\n".join(verdict.lines()))
    return min(1, len(verdict.wrongs))


@dataclass
class Played:
    """What is left of a story when it is judged."""

    seed: int
    wrongs: list[str]
    counts: Counts
    seconds: float


def explore(seeds: Iterable[int], ends: float | None, *, workers: int, shrink: bool, stories: int) -> int:
    began, counts, kinds = time.monotonic(), Counts(), Counter[str]()
    played: list[Played] = []
    with contextlib.closing(_all_played(seeds, workers)) as stream:
        for one_played in stream:
            played.append(one_played)
            counts.add(one_played.counts)
            kinds.update({kind_of(text) for text in one_played.wrongs})
            if one_played.wrongs:
                print(f"seed {one_played.seed}: {one_played.wrongs[0]}", flush=True)
            if ends is not None and time.monotonic() > ends:
                break
    wrong = [p.seed for p in played if p.wrongs]
    for seed in wrong[:stories]:
        print("\n".join((shrunk(from_seed(seed)) if shrink else play(from_seed(seed))).lines()), flush=True)
    close_loops()
    for text in summary(counts):
        print(text)
    slowest = max(played, key=lambda p: p.seconds)
    print(f"\n{len(played)} seeds, {len(wrong)} wrong, {time.monotonic() - began:.0f} s; ", end="")
    print(f"{1000 * sum(p.seconds for p in played) / len(played):.0f} ms each, {slowest.seconds:.1f} s seed {slowest.seed}")
    for kind, number in kinds.most_common():
        print(f"{number:6} {kind}")
    if wrong:
        print(f"wrong: {' '.join(map(str, wrong))}")
    return min(1, len(wrong))


def _all_played(seeds: Iterable[int], workers: int) -> Iterator[Played]:
    if workers == 1:
        yield from map(_played, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(_played, seeds, chunksize=8)


def _played(seed: int) -> Played:
    began = time.monotonic()
    verdict = play(from_seed(seed))
    return Played(seed, verdict.wrongs, verdict.counts, time.monotonic() - began)


def summary(counts: Counts) -> Iterable[str]:
    for name in ("faults", "at", "answers", "outcomes", "steps"):
        found: Counter[str] = getattr(counts, name)
        yield f"\n{name}"
        for what, number in sorted(found.items(), key=lambda item: (-item[1], item[0])):
            yield f"{number:8} {what}"
