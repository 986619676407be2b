"""What 1,000 pictures cost beside the provider's own price, in US dollars, with the example prices of docs/scaling-and-cost.md.

From what was counted now (storage operations, executions) and measured now: the seconds for which instances are active for one
job, where whatever runs counts for a second at least and what runs meanwhile is not paid for again. Three jobs on stacks of their
own, as long at their providers as pictures usually take. Once for jobs of which ten share an instance, each execution a tenth of
a second, as the guide reckons; once for jobs that have the instances to themselves. What is always ready or goes on without any
job costs by the month, and is in neither.
"""

from collections.abc import Iterator

from bench.storage_operations import (
    GB_SECOND,
    INSTANCE_GB,
    OVERLAP,
    PER_MILLION_EXECUTIONS,
    SECONDS_AN_EXECUTION,
    Counted,
    count_all,
)
from bench.table import Row
from shared.domain.kinds import KINDS
from shared.generators.registry import MODELS
from shared.settings import DEFAULT_MODELS

PICTURES = 1000
MOST_USD = 0.30
_INSTANCE_SECOND = INSTANCE_GB * GB_SECOND


def rows(is_long: bool) -> Iterator[Row]:
    jobs = count_all()
    for job in jobs:
        parts = job.per_1000()
        others = sum(usd for name, usd in parts.items() if not name.startswith("compute"))
        shared = next(usd for name, usd in parts.items() if name.startswith("compute") and str(OVERLAP) in name)
        alone = PICTURES * job.active * _INSTANCE_SECOND
        yield _row(f"{job.what}, {OVERLAP} jobs share an instance", job, others + shared, f"compute {shared:.2f}, {_told(parts)}")
        yield _row(
            f"{job.what}, one job at a time", job, others + alone,
            f"compute {alone:.2f}: {job.active:.0f} active seconds a job, of {job.seconds:.0f}",
        )  # fmt: skip
    looks = max(job.seconds for job in jobs)
    each = SECONDS_AN_EXECUTION * _INSTANCE_SECOND / OVERLAP + PER_MILLION_EXECUTIONS / 1e6
    yield Row(
        f"a client that looks once a second, {OVERLAP} share an instance, on top", f"{PICTURES * looks * each:.2f} USD",
        limit=f"{looks:.0f} looks a job; a long poll holds for 30 s and is one",
    )  # fmt: skip


def _row(what: str, job: Counted, usd: float, limit: str) -> Row:
    provider = PICTURES * _price(job.kind)
    return Row(
        what, f"{usd:.2f} USD", f"{provider:.0f} USD (provider)", usd / provider, f"<= {MOST_USD:.2f}", usd <= MOST_USD, limit
    )


def _price(kind: str) -> float:
    """Of one picture, as the default generator's provider lists it."""
    model = next(model for model in MODELS if model.id == DEFAULT_MODELS[kind][0])
    return model.price_usd(len(KINDS[kind].images))


def _told(parts: dict[str, float]) -> str:
    return ", ".join(f"{name} {usd:.2f}" for name, usd in parts.items() if not name.startswith("compute"))
