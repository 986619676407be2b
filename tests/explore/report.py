"""What `make explore` prints."""

import time
from collections import Counter
from collections.abc import Iterable

from tests.explore.explorer import Verdict, kind_of, play, shrunk
from tests.explore.plan import from_seed
from tests.explore.virtual import close_loops
from tests.explore.world import Counts


def one(seed: int, *, shrink: bool, word: str) -> int:
    plan = from_seed(seed)
    verdict = shrunk(plan, word=word) if shrink else play(plan)
    print("\n".join(verdict.lines()))
    return min(1, len(verdict.wrongs))


def explore(seeds: Iterable[int], ends: float | None, *, shrink: bool, stories: int) -> int:
    began, played, counts = time.monotonic(), 0, Counts()
    wrong: list[Verdict] = []
    kinds: Counter[str] = Counter()
    slowest = (0.0, -1)
    for seed in seeds:
        if ends is not None and time.monotonic() > ends:
            break
        at = time.monotonic()
        verdict = play(from_seed(seed))
        played += 1
        slowest = max(slowest, (time.monotonic() - at, seed))
        counts.add(verdict.counts)
        if verdict.wrongs:
            kinds.update({kind_of(text) for text in verdict.wrongs})
            if len(wrong) < stories:
                shown = shrunk(verdict.plan) if shrink else verdict
                print("\n".join(shown.lines()), flush=True)
            else:
                print(f"seed {seed}: {verdict.wrongs[0]}", flush=True)
            verdict.world.story.clear()
            wrong.append(verdict)
    close_loops()
    for text in summary(counts):
        print(text)
    seconds = time.monotonic() - began
    print(f"\n{played} seeds, {len(wrong)} wrong, {seconds:.0f} s, {1000 * seconds / max(1, played):.0f} ms each; ", end="")
    print(f"the slowest was seed {slowest[1]} with {slowest[0]:.1f} s")
    for kind, number in kinds.most_common():
        print(f"{number:6} {kind}")
    if wrong:
        print(f"wrong: {' '.join(str(verdict.plan.seed) for verdict in wrong)}")
    return min(1, len(wrong))


def summary(counts: Counts) -> Iterable[str]:
    for name in ("faults", "at", "answers", "outcomes", "steps"):
        found: Counter[str] = getattr(counts, name)
        yield f"\n{name}"
        for what, number in sorted(found.items(), key=lambda item: (-item[1], item[0])):
            yield f"{number:8} {what}"
