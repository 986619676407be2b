"""`python -m bench.capacity [--write]`: how much the service carries, how long a job takes and what a month costs, in tables.

All of it is computed: from what this project's programs measured last (bench/record.json), from the figures of the engine below,
from the defaults of the code and from the example prices of bench/storage_operations.py. `--write` puts the tables into
docs/scaling-and-cost.md, where a test holds them.
"""

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.features import BEFORE, FORMER
from bench.record import recorded
from bench.storage_operations import (
    AVAILABILITY_RUN,
    DURABLE_STEP,
    GB_SECOND,
    INSTANCE_GB,
    LOG_ALERT,
    LOG_GB,
    LOG_KB_AN_EXECUTION,
    OVERLAP,
    PER_10_000,
    PER_MILLION_EXECUTIONS,
    SECONDS_AN_EXECUTION,
    Counted,
    counted_last,
)
from bench.way import POST, STORE, STORED, WAIT
from shared.generators.generator import Model
from shared.generators.registry import MODELS
from shared.settings import DEFAULT_MODELS, Settings

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs/scaling-and-cost.md"


@dataclass(frozen=True)
class Engine:
    """What was measured on the engine itself: Durable extension 3.14.1 with DurableTask.AzureStorage 2.9.1 over Azurite, two
    cores, November 2026. One goods job of 1 s, polled, by the version of before: 11 activities, 6 timers, 18 episodes."""

    activities: int = 11
    timers: int = 6
    episodes: int = 18
    #: Once warm; the first dozen jobs cost the host 1.1 s each.
    host_cpu: float = 0.23
    worker_cpu: float = 0.20
    #: Queue messages, reads and writes of history and of the instances table; polls that find nothing left out.
    operations: int = 29 * 3 + 18 + 18 + 18
    seconds_over_provider: float = 1.7
    #: maxQueuePollingInterval in seconds, operations a second of an idle host with four partitions, seconds of a job of 1 s with
    #: one host and with two.
    polling: tuple[tuple[float, float, float, float | None], ...] = (
        (0.1, 51, 2.71, None), (0.5, 11, 2.72, 2.73), (1, 6, 3.22, 2.76), (2, 4.5, 2.74, 2.98),
    )  # fmt: skip

    @property
    def cpu(self) -> float:
        return self.host_cpu + self.worker_cpu

    @property
    def round_seconds(self) -> float:
        """From one episode to the next, the app's own work in between included."""
        return self.seconds_over_provider / self.episodes


ENGINE = Engine()
#: Rounds of the engine that a job waits through: its start, the answers of prepare and submit, its waking, the answer of the look
#: that stores. Those in between pass while the provider works, since looks are aimed at the time when it is ready.
ROUNDS_WAITED = 5

MONTH_SECONDS = 365 * 86_400 // 12
#: Cores of an instance by its megabytes, and how much of them is planned with.
CORES, PLANNED = {512: 0.25, 2048: 1.0, 4096: 2.0}, 0.7
ALWAYS_READY_GB_SECOND = 0.000004
#: The scale controller looks at each queue of the hub every ten seconds.
PLATFORM_POLL_SECONDS = 10
#: Documented targets (learn.microsoft.com, storage/queues/scalability-targets): messages a second.
QUEUE_MESSAGES, ACCOUNT_MESSAGES = 2_000, 20_000
#: Actions a second of the Durable Task Scheduler: consumption, and each capacity unit of the dedicated plan.
SCHEDULER_ACTIONS = {"Consumption": 500, "Dedicated": 2_000}
#: Decision 8: changes a second that one gate takes, and those of a picture.
GATE_CHANGES, CHANGES_A_PICTURE = 150, 3
REPLICATE_CREATES_A_MINUTE = 600
MOST_PARTITIONS = 16
JOBS_A_MONTH = (100, 10_000, 1_000_000)

Row = Sequence[str]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the tables into docs/scaling-and-cost.md")
    if parser.parse_args().write:
        GUIDE.write_text(with_tables(GUIDE.read_text()))
    for name, table in tables().items():
        print(f"{name}\n\n{table}\n")
    return 0


def tables() -> dict[str, str]:
    """Markdown by the name that stands in the guide's comment before it."""
    jobs = counted_last()
    makers: dict[str, Callable[[], str]] = {
        "slots": slots,
        "way": way,
        "polling": polling,
        "operations": lambda: operations(jobs),
        "features": features,
        "thousand": lambda: thousand(jobs),
        "instances": lambda: instances(jobs),
        "first": lambda: first(jobs[0]),
        "month": lambda: month(jobs[0]),
    }
    return {name: make() for name, make in makers.items()}


def with_tables(guide: str) -> str:
    """The guide with every table as it is computed now. Each stands behind a comment with its name."""
    for name, table in tables().items():
        before, mark, after = guide.partition(f"<!-- bench.capacity: {name} -->\n")
        if not mark:
            raise LookupError(f"the guide has no place for the table {name}")
        guide = before + mark + table + "\n" + re.sub(r"\A(\|.*\n)*", "", after)
    return guide


# ---- what the providers let through ----


def jobs_a_minute(model: Model, settings: Settings) -> float:
    return 60 * slots_of(model, settings) / model.expected_seconds


def slots_of(model: Model, settings: Settings) -> int:
    account = settings.bfl_max_active if model.provider == "bfl" else settings.replicate_max_active
    return min(account, model.cap(settings)) if model.cap else account


def slots() -> str:
    settings = Settings.from_environ({})
    by_rate: dict[tuple[str, int, int], list[str]] = {}
    for model in MODELS:
        by_rate.setdefault((model.provider, slots_of(model, settings), model.expected_seconds), []).append(f"`{model.id}`")
    rows = [
        (", ".join(names), str(count), str(seconds), f"{60 * count / seconds:.0f}", f"{3600 * count / seconds:,.0f}")
        for (_, count, seconds), names in by_rate.items()
    ]
    return _table(("Model", "Slots", "Seconds", "Pictures a minute", "an hour"), rows)


# ---- how long a job takes ----

STEPS = {
    POST: "POST: fields, sizes and formats checked, image and document stored, orchestration started",
    "prepare_image": "`prepare_image`, several at once: fetched, decoded, brought to size, stored",
    "submit_prediction": "`submit_prediction`: slot taken, intent recorded, sent, handle recorded",
    WAIT: "waits on timers, or for the webhook",
    "check_prediction": "`check_prediction`: a look that finds it running",
    STORE: "`check_prediction`: the look that finds it ready, downloads and stores it",
    STORED: "**POST to stored picture**",
    "finish_job": "`finish_job`: the job's document ended",
}


def way() -> str:
    measured = recorded("way")
    rows = [
        (title, *(_step(steps.get(name), is_long=name in (WAIT, STORED)) for steps in measured.values()))
        for name, title in STEPS.items()
    ]
    over = [steps[STORED][1] - _provider_seconds(what) for what, steps in measured.items()]
    reckoned = ROUNDS_WAITED * ENGINE.round_seconds
    rows += [
        ("over the provider's own time, on the devhost", *(f"{seconds:.1f} s" for seconds in over)),
        (f"{ROUNDS_WAITED} rounds of the engine (reckoned)", *(f"+ {reckoned:.1f} s" for _ in over)),
        ("**over the provider's own time, on the engine (reckoned)**", *(f"**{seconds + reckoned:.1f} s**" for seconds in over)),
    ]
    return _table(("", *measured), rows)


def _provider_seconds(what: str) -> int:
    return int(re.findall(r"(\d+) s", what)[0])


def _step(step: Sequence[float] | None, *, is_long: bool) -> str:
    if step is None:
        return "–"
    times, seconds = step
    shown = f"{seconds:.1f} s" if is_long else f"{seconds * 1000:.0f} ms"
    return shown if times == 1 else f"{times:.0f} × {shown}"


def polling() -> str:
    now = polling_interval()
    rows = [
        (
            f"**{seconds:g} s**" if seconds == now else f"{seconds:g} s", f"{idle:g}",
            f"{idle * MONTH_SECONDS / 1e6:.0f} million", f"{_queue_usd(idle * MONTH_SECONDS):.2f}",
            f"{one:.2f} s", f"{two:.2f} s" if two else "–",
        )
        for seconds, idle, one, two in ENGINE.polling
    ]  # fmt: skip
    head = (
        "`maxQueuePollingInterval`",
        "operations a second, idle",
        "a month",
        "USD a month",
        "a job of 1 s, one host",
        "two hosts",
    )
    return _table(head, rows)


def polling_interval() -> float:
    """Of host.json, in seconds."""
    hours, minutes, seconds = _hub()["storageProvider"]["maxQueuePollingInterval"].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


# ---- what a job takes ----


def operations(jobs: list[Counted]) -> str:
    lines: list[tuple[str, Callable[[Counted], str]]] = [
        ("blob writes", lambda job: str(job.blobs["blob write"] + job.blobs["blob list"])),
        ("blob reads", lambda job: str(job.blobs["blob read"])),
        ("blob deletes: uploads, when the job has ended", lambda job: str(job.blobs["blob delete"])),
        ("**blob operations (counted)**", lambda job: f"**{job.blobs.total()}**"),
        ("activities, timers, events", lambda job: ", ".join(str(job.steps[name]) for name in ("activity", "timer", "event"))),
        ("queue operations (estimated)", lambda job: str(job.durable["queue"])),
        ("table operations (estimated)", lambda job: str(job.durable["table"])),
        ("**storage operations in all**", lambda job: f"**{operations_of(job)}**"),
        ("executions billed", lambda job: str(job.executions)),
        ("CPU seconds on the engine (reckoned)", lambda job: f"{cpu_of(job):.2f}"),
    ]
    return _by_job(jobs, lines)


def features() -> str:
    """Each kind's job of the former release, of today, and with each thing that may be asked for."""
    head = ("one job", "blob writes, reads, deletes", "activities besides looks", "instances", "messages of the queue")
    lines = []
    for kind, rows in recorded("features").items():
        for what, row in {f"before ({FORMER})": BEFORE[kind], **rows}.items():
            blobs, steps = Counter(row["blobs"]), Counter(row["steps"])
            told = ", ".join(str(blobs[name]) for name in ("blob write", "blob read", "blob delete"))
            lines.append((f"{kind}: {what}", told, str(beside_looks(row)), str(steps["instance"]), str(row.get("queue", 0))))
    return _table(head, lines)


def beside_looks(row: Mapping[str, Any]) -> int:
    """Each look at a prediction is an activity and a timer: how many there are is a matter of how the machine was loaded."""
    return int(row["steps"]["activity"] - row["steps"].get("timer", 0))


def operations_of(job: Counted) -> int:
    return job.blobs.total() + job.durable.total()


def estimated_of_the_engines_job() -> int:
    """The estimate of the job whose operations were counted on the engine."""
    steps = {"instance": 1, "activity": ENGINE.activities, "timer": ENGINE.timers}
    return sum(DURABLE_STEP[step] * count for step, count in steps.items())


def cpu_of(job: Counted) -> float:
    """CPU follows the activities: each is two messages, an episode and its own work."""
    return ENGINE.cpu * job.steps["activity"] / ENGINE.activities


def thousand(jobs: list[Counted]) -> str:
    names = list(jobs[0].per_1000())
    shared = names[1]
    lines: list[tuple[str, Callable[[Counted], str]]] = [(name, partial(_usd_of, name)) for name in names]
    for what, left_out in (("one job at a time", shared), (f"{OVERLAP} jobs share an instance", names[0])):
        lines.append((f"**in all, {what}**", partial(_usd_without, left_out)))
    lines.append(("*the provider, for comparison*", lambda job: f"*{1000 * _price(job.kind):.0f}*"))
    return _by_job(jobs, lines)


def _usd_of(name: str, job: Counted) -> str:
    return f"{job.per_1000()[name]:.2f}"


def _usd_without(name: str, job: Counted) -> str:
    return f"**{_without(job.per_1000(), name):.2f}**"


def _price(kind: str) -> float:
    """Of a picture by the kind's default model."""
    model = next(model for model in MODELS if model.id == DEFAULT_MODELS[kind][0])
    return model.price_usd(2 if kind == "ppl" else 1)


def instances(jobs: list[Counted]) -> str:
    cases = [("the engine's own job", ENGINE.activities, ENGINE.cpu)]
    cases += [(job.what, job.steps["activity"], cpu_of(job)) for job in jobs]
    rows = [
        (what, str(activities), f"{cpu:.2f}", *(_whole(_jobs_of(cores, cpu)) for cores in CORES.values()))
        for what, activities, cpu in cases
    ]
    return _table(("", "activities", "CPU seconds", *(f"{megabytes:,} MB" for megabytes in CORES)), rows)


def _jobs_of(cores: float, cpu: float) -> float:
    """A minute, on an instance that is busy for the planned part of its time."""
    return PLANNED * 60 * cores / cpu


# ---- what gives first ----


def first(job: Counted) -> str:
    settings, hub = Settings.from_environ({}), _hub()
    models = {model.id: model for model in MODELS}
    kontext, pro, multi = (models[name] for name in ("flux-kontext-max", "flux-kontext-pro", DEFAULT_MODELS["ppl"][0]))
    # The measured figure, which is above today's jobs.
    one, partitions = _jobs_of(CORES[2048], ENGINE.cpu), hub["storageProvider"]["partitionCount"]
    activities = job.steps["activity"]
    actions = 1 + 2 * activities + job.steps["timer"]
    messages = 1 + 2 * activities + job.steps["timer"]
    most = int(_default("maximumInstanceCount"))
    limits = [
        (
            f"gate of `flux-kontext-max`: {slots_of(kontext, settings)} slots", jobs_a_minute(kontext, settings),
            "another model first in `GOODS_MODELS`; a higher limit from BFL, then `BFL_KONTEXT_MAX_ACTIVE`",
        ),
        (
            f"gate of BFL: {settings.bfl_max_active} slots, with `flux-kontext-pro`", jobs_a_minute(pro, settings),
            "a higher limit from BFL, then `BFL_MAX_ACTIVE`; a quicker model",
        ),
        (
            f"gate of Replicate: {settings.replicate_max_active} slots", jobs_a_minute(multi, settings),
            "`REPLICATE_MAX_ACTIVE`, which is ours",
        ),
        ("Replicate's creates", REPLICATE_CREATES_A_MINUTE, "a higher limit from Replicate"),
        ("CPU of one instance of 2,048 MB", one, "nothing: the platform adds instances; `INSTANCE_MEMORY_MB=4096` has two cores"),
        (
            f"CPU of the {partitions} instances that run orchestrations, were all done there", partitions * one,
            f"`INSTANCE_MEMORY_MB=4096`; in a new hub `PARTITION_COUNT`, with {MOST_PARTITIONS} {_whole(MOST_PARTITIONS * one)}",
        ),
        (f"CPU of {most} instances", most * one, "`MAXIMUM_INSTANCE_COUNT`; a region's quota of 250 cores"),
        (
            f"one gate's document: {GATE_CHANGES} changes a second, {CHANGES_A_PICTURE} a picture",
            60 * GATE_CHANGES / CHANGES_A_PICTURE, "an account for each half of the work ([decision 8](decisions/0008-gate.md))",
        ),
        (
            f"the work-item queue: {QUEUE_MESSAGES:,} messages a second, {activities} a job", 60 * QUEUE_MESSAGES / activities,
            "`DURABLE_BACKEND=durableTaskScheduler`",
        ),
        (
            f"the host's storage account: {ACCOUNT_MESSAGES:,} messages a second, {messages} a job",
            60 * ACCOUNT_MESSAGES / messages, "the same",
        ),
        (
            f"Durable Task Scheduler, consumption: {SCHEDULER_ACTIONS['Consumption']} actions a second, {actions} a job",
            60 * SCHEDULER_ACTIONS["Consumption"] / actions,
            f"its dedicated plan: {_whole(60 * SCHEDULER_ACTIONS['Dedicated'] / actions)} for each capacity unit",
        ),
    ]  # fmt: skip
    rows = [(what, _whole(number), way_out) for what, number, way_out in sorted(limits, key=lambda limit: limit[1])]
    return _table(("Limit", "Jobs a minute", "The way out"), rows)


def _hub() -> Any:
    return json.loads((ROOT / "host.json").read_text())["extensions"]["durableTask"]


def _default(parameter: str) -> str:
    """Of a parameter of the deployment."""
    return str(re.findall(rf"^param {parameter} int = (\d+)$", (ROOT / "infra/main.bicep").read_text(), re.MULTILINE)[0])


# ---- what a month costs ----


def month(job: Counted) -> str:
    costs = [monthly(job, jobs) for jobs in JOBS_A_MONTH]
    rows = [(name, *(_usd(cost[name]) for cost in costs)) for name in costs[0]]
    ready, alone = [sum(cost.values()) for cost in costs], [_without(cost, _READY, _IDLE, _WATCH) for cost in costs]
    paid = [jobs * _price(job.kind) for jobs in JOBS_A_MONTH]
    rows += [
        ("**in all, production**", *(f"**{_usd(usd)}**" for usd in ready)),
        ("**in all, with neither ready instances nor alerts**", *(f"**{_usd(usd)}**" for usd in alone)),
        ("*the provider, for comparison*", *(f"*{_usd(usd)}*" for usd in paid)),
        ("production, as a share of it", *(_percent(usd / whole) for usd, whole in zip(ready, paid, strict=True))),
        ("without, as a share of it", *(_percent(usd / whole) for usd, whole in zip(alone, paid, strict=True))),
    ]
    return _table(("USD a month (example)", *(f"{jobs:,} jobs" for jobs in JOBS_A_MONTH)), rows)


FIVE_MINUTES = 300
#: What infra/app/alerts.bicep deploys: rules that search logs, by the minutes between two searches; where the availability test
#: runs from, every five minutes.
LOG_ALERTS, TESTED_FROM = {5: 19, 15: 2}, 5
#: Lists and reads of a run of housekeeping, every five minutes, that finds nothing to do; the lists are 10 once an hour.
TIDYING = {"blob list": 4, "blob read": 2}
_WATCH = "alert rules and the availability test"
_READY, _IDLE = "two instances that are always ready (one for orchestrations, one for HTTP)", "polls of idle queues"


def monthly(job: Counted, jobs: int) -> dict[str, float]:
    """Goods jobs, spread over the month. Compute is the time that instances are active: never more than the jobs' CPU needs
    instances for, and one at least."""
    executions = jobs * job.executions
    busy = math.ceil(jobs / MONTH_SECONDS * 60 / _jobs_of(CORES[2048], ENGINE.cpu))
    active = min(executions * SECONDS_AN_EXECUTION, busy * MONTH_SECONDS)
    durable = job.durable
    thousand = job.per_1000()
    queues = 1 + int(_hub()["storageProvider"]["partitionCount"])
    idle = next(idle for seconds, idle, _, _ in ENGINE.polling if seconds == polling_interval())
    return {
        _READY: 2 * INSTANCE_GB * MONTH_SECONDS * ALWAYS_READY_GB_SECOND,
        _IDLE: _queue_usd((idle + queues / PLATFORM_POLL_SECONDS) * MONTH_SECONDS),
        _WATCH: watching(),
        "housekeeping": tidying(),
        "compute": active * INSTANCE_GB * GB_SECOND,
        "executions": executions * PER_MILLION_EXECUTIONS / 1e6,
        "storage operations": jobs / 1000 * thousand["blob operations"]
        + jobs * sum(durable[name] * PER_10_000[name] / 10_000 for name in ("queue", "table")),
        "pictures kept for a month": jobs / 1000 * thousand["pictures kept a month"],
        "logs": executions * LOG_KB_AN_EXECUTION / 1024 / 1024 * LOG_GB,
    }


def watching() -> float:
    runs = TESTED_FROM * MONTH_SECONDS / FIVE_MINUTES
    return sum(count * LOG_ALERT[minutes] for minutes, count in LOG_ALERTS.items()) + runs * AVAILABILITY_RUN


def tidying() -> float:
    storage = sum(count * PER_10_000[name] / 10_000 for name, count in TIDYING.items())
    execution = SECONDS_AN_EXECUTION * INSTANCE_GB * GB_SECOND + PER_MILLION_EXECUTIONS / 1e6
    return MONTH_SECONDS / FIVE_MINUTES * (execution + storage)


def _without(cost: dict[str, float], *names: str) -> float:
    return sum(usd for name, usd in cost.items() if name not in names)


def _queue_usd(count: float) -> float:
    return count * PER_10_000["queue"] / 10_000


# ---- how it is written ----


def _by_job(jobs: list[Counted], lines: list[tuple[str, Callable[[Counted], str]]]) -> str:
    return _table(("", *(job.what for job in jobs)), [(name, *(say(job) for job in jobs)) for name, say in lines])


def _table(head: Row, rows: Iterable[Row]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]])


def _whole(number: float) -> str:
    """Two figures below a thousand, three above: nothing of this is known better."""
    digits = 2 if number < 1000 else 3
    return f"{round(number, digits - 1 - math.floor(math.log10(number))):,.0f}"


def _usd(usd: float) -> str:
    return f"{usd:,.2f}" if usd < 10 else f"{usd:,.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share < 0.1 else f"{100 * share:.0f} %"


if __name__ == "__main__":
    sys.exit(main())
