"""What a seed means: the settings, what users do, what the providers do with each create, and what breaks. Data only.

A plan is made from its seed before anything runs, so a story can be told again with parts of it left out (`Plan.without`).
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

REPLICATE, BFL = "replicate", "bfl"

#: What becomes of a step that reaches a certain operation. "lost": the operation is done, its answer is not heard.
DIE_BEFORE, DIE_AFTER = "host dies before", "host dies after"
WORKER_BEFORE, WORKER_AFTER = "worker dies before", "worker dies after"
STALL, TWICE, LOST, REFUSED = "stalls", "answered twice", "answer is lost", "refused once"

#: Whose operations an outage hits.
STORAGE, HUB = "storage", "hub"
#: How a provider is away.
UNREACHABLE, ANSWERS_503, ANSWERS_500, SILENT = "unreachable", "503", "500", "silent"


@dataclass(frozen=True)
class Create:
    """What a provider does with one create, and with the prediction it makes."""

    #: "ok", an HTTP status as text ("429", "503", "500", ...), or how the answer is lost.
    answer: str = "ok"
    #: Whether a create whose answer tells nothing has made a prediction all the same.
    is_made: bool = True
    takes: float = 0.4
    outcome: str = "ready"
    seconds: float = 8.0
    #: Seconds until it begins to run, and until the list shows it.
    starts_after: float = 0.5
    list_lag: float = 0.0
    #: By number of the look: what it is answered instead of the truth.
    looks: tuple[tuple[int, str], ...] = ()
    downloads: tuple[tuple[int, str], ...] = ()
    cancels: tuple[tuple[int, str], ...] = ()
    lists: tuple[tuple[int, str], ...] = ()
    #: Whether a run that failed, or that was stopped after it had begun, is paid for (Replicate does not say).
    bills_failed: bool = False
    shape: str = "url"
    #: What its webhook does: "on time", "late", "twice", "lost".
    webhook: str = "on time"
    echoes_webhook: bool = True
    echoes_links: bool = False


@dataclass(frozen=True)
class Act:
    """What a user or an operator does with a job, `after` seconds from its first POST."""

    after: float
    name: str


@dataclass(frozen=True)
class Job:
    at: float
    kind: str = "goods"
    n: int = 1
    seed: int | None = None
    key: str | None = None
    prompt: str = "a hero"
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True)
class Fault:
    """At the `operation`-th operation of the `run`-th run of a step (an activity, or an HTTP function), counted from 0."""

    step: str
    run: int
    operation: int
    kind: str
    seconds: float = 60.0


@dataclass(frozen=True)
class Outage:
    what: str
    at: float
    seconds: float
    how: str = UNREACHABLE


@dataclass(frozen=True)
class Plan:
    seed: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    #: By provider, in order; after the last one the first comes again.
    creates: dict[str, tuple[Create, ...]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    outages: tuple[Outage, ...] = ()
    #: Numbers of the episodes in which the worker dies, counted over all instances.
    deaths: tuple[int, ...] = ()
    shuffle: int | None = None

    def create(self, provider: str, number: int) -> Create:
        known = self.creates.get(provider) or (Create(),)
        return known[number % len(known)]

    def without(self) -> "Iterator[Plan]":
        """This plan with one thing less, for each thing."""
        for name in ("faults", "outages", "deaths", "jobs"):
            things: tuple[Any, ...] = getattr(self, name)
            for i in range(len(things)):
                yield replace(self, **{name: things[:i] + things[i + 1 :]})
        for i, job in enumerate(self.jobs):
            for k in range(len(job.acts)):
                changed = replace(job, acts=job.acts[:k] + job.acts[k + 1 :])
                yield replace(self, jobs=(*self.jobs[:i], changed, *self.jobs[i + 1 :]))
            if job.n > 1:
                yield replace(self, jobs=(*self.jobs[:i], replace(job, n=job.n - 1), *self.jobs[i + 1 :]))
        for provider, creates in self.creates.items():
            for i, create in enumerate(creates):
                if create != Create():
                    changed_creates = (*creates[:i], Create(), *creates[i + 1 :])
                    yield replace(self, creates={**self.creates, provider: changed_creates})
        if self.shuffle is not None:
            yield replace(self, shuffle=None)

    def lines(self) -> Iterator[str]:
        """The plan, as it stands above a story."""
        yield f"seed {self.seed}"
        yield f"  settings {self.settings}"
        for part in (*self.jobs, *self.outages, *self.faults):
            yield f"  {_told(part)}"
        if self.deaths:
            yield f"  the worker dies in episodes {', '.join(map(str, self.deaths))}"
        for provider, creates in self.creates.items():
            for number, create in enumerate(creates):
                if create != Create():
                    yield f"  {provider} create {number}: {_told(create)}"


def _told(part: Any) -> str:
    """A dataclass, with what is not as by default."""
    plain = type(part)(**{name: getattr(part, name) for name in _required(type(part))})
    shown = {name: value for name, value in vars(part).items() if name in _required(type(part)) or value != getattr(plain, name)}
    return f"{type(part).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


def _required(kind: type) -> tuple[str, ...]:
    return {"Act": ("after", "name"), "Job": ("at",), "Fault": ("step", "run", "operation", "kind"),
            "Outage": ("what", "at", "seconds")}.get(kind.__name__, ())  # fmt: skip


# ---- from a seed ----

#: How often each way of answering a create comes; most are answered as they should be.
_ANSWERS = (
    ("ok", 40), ("lost", 5), ("html", 1), ("half", 1), ("500", 2), ("502", 1), ("429", 2), ("503", 2), ("never sent", 1),
    ("400", 1), ("401", 1), ("402", 1), ("408", 1), ("slow", 2), ("slow and lost", 2),
)  # fmt: skip
_OUTCOMES = {
    REPLICATE: (
        ("ready", 60), ("moderated input", 3), ("moderated output", 3), ("E003", 6), ("PA", 2), ("E1000", 2), ("E4875", 1),
        ("unknown", 1), ("canceled", 1), ("aborted", 1), ("never", 2), ("no output", 2),
    ),
    BFL: (
        ("ready", 60), ("moderated input", 3), ("moderated output", 3), ("Error", 6), ("Failed", 2), ("not found", 1),
        ("never", 2), ("no output", 2), ("odd status", 2),
    ),
}  # fmt: skip
_LOOKS = ("500", "503", "401", "429", "404", "html", "half", "list", "dropped", "not found")
_DOWNLOADS = ("500", "broken off", "dropped", "not an image", "403", "404", "stranger", "empty", "too large")
_ACTS = ("cancel", "delete", "get", "list", "result", "post again", "terminate", "suspend", "purge")
#: Steps, how often they are struck, and about how many operations each has.
STEPS = {
    "prepare_image": (2, 3), "submit_prediction": (16, 10), "check_prediction": (12, 9), "cancel_prediction": (5, 4),
    "leave_gate": (3, 3), "finish_job": (6, 5), "keep_leftover": (5, 4), "tell_job": (4, 3), "forget_deleted": (4, 9),
    "post": (7, 8), "get": (2, 4), "cancel": (3, 6), "delete": (5, 14), "housekeeping": (2, 5), "webhook": (1, 2),
}  # fmt: skip
_KINDS = {DIE_BEFORE: 3, DIE_AFTER: 4, WORKER_BEFORE: 2, WORKER_AFTER: 3, STALL: 5, TWICE: 2, LOST: 4, REFUSED: 3}


#: From here on kinds have several generators; those before tell the stories that they always told.
SEEDS_WITH_MODELS = 100_000


def from_seed(seed: int) -> Plan:
    rng = random.Random(f"plan {seed}")
    calm = rng.random() < 0.15
    settings = _settings(rng)
    if seed >= SEEDS_WITH_MODELS:
        settings |= _models(random.Random(f"models {seed}"))
    jobs = tuple(_jobs(rng))
    plan = Plan(
        seed=seed, settings=settings, jobs=jobs,
        creates={provider: tuple(_create(rng, provider, calm=calm) for _ in range(8)) for provider in (REPLICATE, BFL)},
        shuffle=rng.randrange(1 << 30) if rng.random() < 0.5 else None,
    )  # fmt: skip
    if calm and rng.random() < 0.5:
        return plan
    watched = random.Random(f"visitors {seed}")
    if watched.random() < 0.2:
        return _watched(watched, plan)
    return replace(
        plan,
        faults=tuple(_fault(rng) for _ in range(rng.choice((0, 1, 2, 3, 4, 6, 8)))),
        outages=tuple(_outage(rng) for _ in range(rng.choice((0, 0, 0, 1, 1, 2)))),
        deaths=tuple(sorted({int(rng.expovariate(1 / 25)) for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 7)))})),
    )


def _settings(rng: random.Random) -> dict[str, str]:
    settings = {
        "BFL_MAX_ACTIVE": str(rng.choice((1, 2, 3, 6))), "REPLICATE_MAX_ACTIVE": str(rng.choice((1, 2, 5, 50))),
        "GENERATION_TIMEOUT_SECONDS": str(rng.choice((20, 30, 60, 120))),
        "QUEUE_TIMEOUT_SECONDS": str(rng.choice((60, 300, 600))),
        "PPL_FALLBACK": rng.choice(("none", "bfl")), "PROVIDER_DOWN": rng.choice(("wait", "fail")),
    }  # fmt: skip
    if rng.random() < 0.4:
        settings["PUBLIC_BASE_URL"] = "https://app.example"
    if rng.random() < 0.2:
        settings["MAX_ACTIVE_JOBS_PER_OWNER"] = str(rng.choice((2, 4)))
    return settings


def _models(rng: random.Random) -> dict[str, str]:
    """Several generators for each kind, some of one account, where one has a share of its own."""
    kontext, flux, other = "flux-kontext-max", "flux-2-pro", "flux-kontext-apps/multi-image-kontext-max"
    return {
        "PPL_MODELS": ",".join(rng.choice(((other,), (other, flux), (other, flux, kontext), (flux, other), (kontext, other)))),
        "GOODS_MODELS": ",".join(rng.choice(((kontext,), (flux,), (kontext, flux), (flux, kontext)))),
        "BFL_MAX_ACTIVE": str(rng.choice((2, 4, 8))), "BFL_KONTEXT_MAX_ACTIVE": str(rng.choice((1, 2, 6))),
    }  # fmt: skip


def _jobs(rng: random.Random) -> Iterator[Job]:
    at = 0.0
    for number in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        at += rng.choice((0.0, 0.0, 0.3, 3.0, 20.0, 200.0)) if number else 0.0
        key = f"key-{number}" if rng.random() < 0.5 else None
        acts = sorted((_act(rng) for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3)))), key=lambda act: act.after)
        seed = rng.choice((7, 4294967295)) if rng.random() < 0.3 else None
        # A double click without a key: the same request, once more.
        prompt = "a hero, twice" if seed is not None and rng.random() < 0.3 else f"a hero of job {number}"
        yield Job(at, rng.choice(("ppl", "goods")), rng.choice((1, 1, 1, 2, 3, 4)), seed, key, prompt, tuple(acts))


def _watched(rng: random.Random, plan: Plan) -> Plan:
    """Nothing breaks but what the providers do, and users look often and change their minds: it can be held to the second."""
    plan = replace(plan, jobs=tuple(_looked_at(rng, job) for job in plan.jobs))
    if rng.random() < 0.6:
        creates = tuple(Create(seconds=round(rng.uniform(5, 90), 1), bills_failed=rng.random() < 0.5) for _ in range(8))
        plan = replace(plan, creates={REPLICATE: creates, BFL: creates})
    return plan


def _looked_at(rng: random.Random, job: Job) -> Job:
    """The job with a user who looks every other second, and who mostly stops it while it runs."""
    looks = [Act(round(1.0 + 2.3 * i, 1), "get") for i in range(rng.choice((0, 12, 30)))]
    changes = [Act(round(rng.choice((rng.uniform(0, 4), rng.uniform(2, 20))), 1), rng.choice(("cancel", "cancel", "delete")))]
    acts = [*job.acts, *looks, *(changes if rng.random() < 0.7 else [])]
    return replace(job, acts=tuple(sorted(acts, key=lambda act: act.after)))


def _act(rng: random.Random) -> Act:
    name = rng.choices(_ACTS, (5, 6, 8, 2, 3, 4, 1, 1, 1))[0]
    return Act(round(rng.choice((rng.uniform(0, 3), rng.uniform(0, 15), rng.uniform(0, 200), rng.uniform(0, 1500))), 1), name)


def _create(rng: random.Random, provider: str, *, calm: bool) -> Create:
    seconds = round(rng.choice((rng.uniform(1, 12), rng.uniform(1, 12), rng.uniform(1, 40), rng.uniform(100, 160))), 1)
    if calm:
        return Create(seconds=min(seconds, 40.0), bills_failed=rng.random() < 0.5)
    answer = rng.choices(*zip(*_ANSWERS, strict=True))[0]
    outcome = rng.choices(*zip(*_OUTCOMES[provider], strict=True))[0]
    return Create(
        answer=answer, is_made=rng.random() < 0.6, takes=_takes(rng, answer), outcome=outcome, seconds=seconds,
        starts_after=rng.choice((0.5, 0.5, 5.0)), list_lag=rng.choice((0.0, 0.0, 3.0, 10.0, 25.0)),
        looks=_odd(rng, _LOOKS, 10, 0.25), downloads=_odd(rng, _DOWNLOADS, 3, 0.2),
        cancels=_odd(rng, ("500", "404", "dropped", "429"), 2, 0.2), lists=_odd(rng, ("500", "dropped", "429"), 2, 0.15),
        bills_failed=rng.random() < 0.5, shape=rng.choice(("url", "url", "list", "data")),
        webhook=rng.choice(("on time", "on time", "late", "twice", "lost")),
        echoes_webhook=rng.random() < 0.8, echoes_links=rng.random() < 0.2,
    )  # fmt: skip


def _takes(rng: random.Random, answer: str) -> float:
    return round(rng.uniform(8, 14), 1) if answer == "slow" else 35.0 if answer == "slow and lost" else 0.4


def _odd(rng: random.Random, ways: tuple[str, ...], most: int, chance: float) -> tuple[tuple[int, str], ...]:
    """Odd answers by number: one, or a few in a row."""
    if rng.random() >= chance:
        return ()
    first, way = rng.randrange(most), rng.choice(ways)
    return tuple((first + i, way) for i in range(rng.choice((1, 1, 1, 2, 4))))


def _fault(rng: random.Random) -> Fault:
    step = rng.choices(list(STEPS), [often for often, _ in STEPS.values()])[0]
    # Most looks find it running; the one that stores comes later.
    run = rng.randrange(10) if step == "check_prediction" else int(rng.expovariate(1 / 1.5))
    seconds = rng.choice((rng.uniform(1, 10), rng.uniform(10, 90), rng.uniform(90, 600)))
    kind = rng.choices(list(_KINDS), list(_KINDS.values()))[0]
    return Fault(step, run, rng.randrange(STEPS[step][1]), kind, round(seconds, 1))


def _outage(rng: random.Random) -> Outage:
    what = rng.choices((STORAGE, HUB, REPLICATE, BFL), (4, 1, 3, 3))[0]
    at = round(rng.choice((rng.uniform(0, 5), rng.uniform(0, 30), rng.uniform(0, 200))), 1)
    seconds = round(rng.choice((rng.uniform(1, 10), rng.uniform(10, 100), rng.uniform(100, 1500))), 1)
    return Outage(what, at, seconds, rng.choice((UNREACHABLE, ANSWERS_503, ANSWERS_500, SILENT)))
