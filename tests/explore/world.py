"""A world in memory, with one clock: storage, providers, a task hub, hosts that run the real app, and what breaks of it all."""

import contextlib
import functools
import importlib
import inspect
import io
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from unittest import mock

from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from PIL import Image

import activities
from shared import telemetry
from shared.providers.http import Unreachable
from shared.services import use_services
from tests.explore import hosts
from tests.explore.engine import Client, Engine, HostDied, HubAnswers500, WorkerDied
from tests.explore.ledger import Ask, Ledger, Owner, Prediction
from tests.explore.plan import (
    ANSWERS_500,
    BFL,
    DIE_AFTER,
    DIE_BEFORE,
    HUB,
    LOST,
    REFUSED,
    REPLICATE,
    STALL,
    STORAGE,
    TWICE,
    WORKER_AFTER,
    WORKER_BEFORE,
    Create,
    Fault,
    Plan,
)  # fmt: skip
from tests.explore.providers import Bfl, Model, ModelHttp, Replicate
from tests.explore.records import Records
from tests.explore.store import MemoryBlobs, Store
from tests.explore.troubles import STEP_SECONDS, STORY_DIED, STORY_SECONDS, Troubles
from tests.explore.virtual import run, virtual

T = TypeVar("T")

#: Steps that stand still within one another; deeper ones only let time pass.
_DEEPEST = 3
_OPERATION_SECONDS = 0.02
_BEFORE, _AFTER = (DIE_BEFORE, WORKER_BEFORE), (DIE_AFTER, WORKER_AFTER)


@dataclass
class Frame:
    """A run of a step: an activity, or an HTTP function."""

    step: str
    run: int
    host: "hosts.Host"
    payload: dict[str, Any]
    again: Callable[[float], None] | None
    faults: dict[int, Fault]
    operations: int = 0
    is_dead: bool = False
    #: It stood still in the operation that it is at: past all checks, so what it does now nobody could stop.
    is_frozen: bool = False
    #: Something that is none of the app's doing went wrong in it.
    is_hit: bool = False
    #: Predictions whose end it was told.
    ends: list[Prediction] = field(default_factory=list)


@dataclass
class Line:
    """A line of the story."""

    at: float
    depth: int
    who: str
    text: str


@dataclass
class Counts:
    """What happened, over many stories."""

    faults: Counter[str] = field(default_factory=Counter)
    at: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, other: "Counts") -> None:
        for name in vars(self):
            getattr(self, name).update(getattr(other, name))


class World:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = random.Random(f"world {plan.seed}")
        self.story: list[Line] = []
        self.counts = Counts()
        self.ledger = Ledger()
        self.records = Records(self)
        self.store = Store(self.records)
        self.engine = Engine(self, plan.shuffle)
        self.began = self.engine.now
        self.troubles = Troubles()
        for outage in plan.outages:
            self.troubles.add(outage.at, outage.seconds, None, f"{outage.what} is away")
        #: (job, picture) of those whose submit was struck.
        self.struck: set[tuple[str, int]] = set()
        self.frames: list[Frame] = []
        self.models: dict[str, Model] = {REPLICATE: Replicate(self), BFL: Bfl(self)}
        self.hosts = [hosts.Host(self, number) for number in range(_DEEPEST + 3)]
        self._runs: Counter[str] = Counter()
        self._creates: Counter[str] = Counter()
        self._episodes = 0
        self._bodies = _bodies()
        #: The users, as the explorer has them come.
        self.customers: list[Any] = []
        #: Who brings a provider's call to the app.
        self.on_webhook: Callable[[str], None] = lambda url: None
        #: Events that the app logged.
        self.logged: list[tuple[str, dict[str, Any]]] = []

    @contextlib.contextmanager
    def at_play(self) -> Iterator[None]:
        """All code of the app lives in this world until the end."""
        with virtual(lambda: self.now, self.sleep, self.rng), mock.patch.object(telemetry, "event", self._app_event):
            try:
                yield
            finally:
                use_services(None)

    # ---- time ----

    @property
    def now(self) -> datetime:
        return self.engine.now

    @property
    def seconds(self) -> float:
        return (self.now - self.began).total_seconds()

    def sleep(self, seconds: float) -> None:
        """The app waits within a step: the world goes on meanwhile, unless that would be too deep."""
        if seconds >= 0.2 and len(self.frames) <= _DEEPEST:
            self.engine.let_pass(seconds)
            self._check_alive()
        else:
            self.engine.skip(seconds)

    def take(self, seconds: float) -> None:
        """An exchange takes its time."""
        self.sleep(seconds) if seconds > 2 else self.engine.skip(seconds)

    # ---- the story ----

    def note(self, text: str, who: str = "") -> None:
        frame = self.frames[-1] if self.frames else None
        told = who or (f"{frame.host.name} {frame.step}#{frame.run}" if frame else "")
        self.story.append(Line(self.seconds, len(self.frames), told, text))

    def _app_event(self, name: str, level: int = 0, **fields: Any) -> None:
        self.logged.append((name, fields))
        told = " ".join(f"{key}={value}" for key, value in fields.items() if value is not None and key != "request_id")
        self.note(f"  log: {name} {told}")

    # ---- operations ----

    def operation(self, area: str, what: str, call: Callable[[], T]) -> T:
        """Everything that a step does to the outside passes here, and may go wrong here."""
        if not self.frames:
            return call()
        frame = self.frames[-1]
        self._check_alive()
        number, frame.operations = frame.operations, frame.operations + 1
        fault = frame.faults.pop(number, None)
        frame.is_frozen = fault is not None and fault.kind == STALL
        self.engine.skip(_OPERATION_SECONDS)
        if fault is not None:
            self._before(frame, fault, area, what)
        self._away(frame, area, what)
        try:
            result = call()
        except Exception as error:
            self.note(f"{what} -> {type(error).__name__} {str(error)[:80]}")
            raise
        self.note(f"{what}{_result(result)}")
        if fault is not None and fault.kind in (*_AFTER, LOST):
            self._hit(frame, fault, what)
            self._fail(frame, fault.kind, area)
        return result

    def _before(self, frame: Frame, fault: Fault, area: str, what: str) -> None:
        if fault.kind in (*_BEFORE, REFUSED):
            self._hit(frame, fault, what)
            self._fail(frame, fault.kind, area)
        if fault.kind == STALL and len(self.frames) < _DEEPEST:
            self._hit(frame, fault, what)
            if frame.again is not None:
                frame.again(0.5)
            self.engine.let_pass(fault.seconds)
            self._check_alive()
            self.note("goes on")

    def _hit(self, frame: Frame, fault: Fault, what: str) -> None:
        self.counts.faults[fault.kind] += 1
        self.counts.at[f"{frame.step}: {fault.kind}"] += 1
        frame.is_hit = True
        lasting = fault.seconds if fault.kind in (STALL, TWICE) else 0.0
        # A GET that fails is in nobody's way.
        job = frame.payload.get("job_id") or ("" if frame.step == "get" else None)
        self.troubles.add(self.seconds, lasting + STEP_SECONDS, job, f"{frame.step}: {fault.kind}")
        seconds = f" for {fault.seconds:.0f} s" if fault.kind == STALL else ""
        self.note(f"*** {fault.kind}{seconds}: {what}")

    def _fail(self, frame: Frame, kind: str, area: str) -> None:
        if kind in (DIE_BEFORE, DIE_AFTER):
            frame.is_dead = True
            raise HostDied
        if kind in (WORKER_BEFORE, WORKER_AFTER):
            frame.is_dead = True
            raise WorkerDied
        raise _trouble(area, is_lost=kind == LOST)

    def _check_alive(self) -> None:
        if self.frames and self.frames[-1].is_dead:
            raise HostDied

    def _away(self, frame: Frame, area: str, what: str) -> None:
        """Storage and hub are away in whole; what a provider answers in its outage is the provider's own matter."""
        if area in (STORAGE, HUB) and (how := self.outage(area)):
            frame.is_hit = True
            self.counts.faults[f"{area} is away"] += 1
            self.note(f"{what} -> {area} is away ({how})")
            raise HubAnswers500 if (area, how) == (HUB, ANSWERS_500) else _trouble(area, is_lost=False)

    def outage(self, what: str) -> str | None:
        at = self.seconds
        how = next((o.how for o in self.plan.outages if o.what == what and o.at <= at < o.at + o.seconds), None)
        if how is not None and what in (REPLICATE, BFL):
            self.counts.faults[f"{what} is away"] += 1
            if self.frames:
                self.frames[-1].is_hit = True
        return how

    # ---- steps ----

    def perform(self, name: str, payload: Any, again: Callable[[float], None]) -> Any:
        body = self._bodies[name]
        with self.frame(name, payload, again) as frame:
            frame.host.note_start(payload)
            arguments = {"services": frame.host.services, "client": frame.host.client, "payload": payload}
            answer = body(**{name: arguments[name] for name in inspect.signature(body).parameters})
            answer = run(answer) if inspect.iscoroutine(answer) else answer
            self._end(frame)
            for prediction in frame.ends:
                prediction.seen_at = prediction.seen_at or self.now
            self.note(f"= {_short(answer)}")
            return answer

    def _end(self, frame: Frame) -> None:
        """Faults that were meant for operations beyond the last one."""
        self._check_alive()
        for fault in frame.faults.values():
            if fault.kind == TWICE and frame.again is not None:
                self._hit(frame, fault, "the whole step")
                frame.again(fault.seconds)
            elif fault.kind in (*_BEFORE, *_AFTER):
                self._hit(frame, fault, "at its end")
                self._fail(frame, fault.kind, STORAGE)

    def request(self, step: str, call: Callable[[Client], Any]) -> tuple[Any, bool]:
        """What an HTTP function answers (None when its host died), and whether anything was in its way."""
        with contextlib.suppress(HostDied, WorkerDied), self.frame(step, {}, None) as frame:
            try:
                answer = run(call(frame.host.client))
            except Exception as error:  # noqa: BLE001 - a function that fails, as the host would log it
                self.note(f"failed: {error!r}")
                return None, frame.is_hit
            self._end(frame)
            return answer, frame.is_hit
        return None, True

    def episode_dies(self, instance_id: str) -> bool:
        number, self._episodes = self._episodes, self._episodes + 1
        if number not in self.plan.deaths:
            return False
        self.counts.faults["worker dies in an episode"] += 1
        job = instance_id.partition("-")[0] if instance_id.startswith("job_") else None
        self.troubles.add(self.seconds, STORY_SECONDS, job, STORY_DIED)
        self.note(f"*** the worker dies in an episode of {instance_id}", who="engine")
        return True

    @contextlib.contextmanager
    def frame(self, step: str, payload: dict[str, Any], again: Callable[[float], None] | None) -> Iterator[Frame]:
        number, self._runs[step] = self._runs[step], self._runs[step] + 1
        self.counts.steps[step] += 1
        host = self.rng.choice([host for host in self.hosts if not any(frame.host is host for frame in self.frames)])
        faults = {}
        for fault in self.plan.faults:
            if (fault.step, fault.run) == (step, number):
                # Once is enough to be answered twice, at whichever operation it stands.
                faults[fault.operation if fault.kind != TWICE else 10_000 + fault.operation] = fault
        frame = Frame(step, number, host, payload, again, faults)
        self.frames.append(frame)
        use_services(host.services)
        try:
            yield frame
        except (HostDied, WorkerDied):
            host.restart()
            raise
        finally:
            self.frames.pop()
            if frame.is_hit and step == "submit_prediction":
                self.struck.add((payload["job_id"], payload["index"]))
            use_services(self.frames[-1].host.services if self.frames else None)

    def parts(self) -> tuple[MemoryBlobs, dict[str, ModelHttp], Client]:
        """What a host reaches the world through."""
        return (
            MemoryBlobs(self.store, functools.partial(self.operation, STORAGE), lambda: self.now),
            {name: ModelHttp(model, functools.partial(self.operation, name)) for name, model in self.models.items()},
            Client(self.engine, functools.partial(self.operation, HUB)),
        )

    # ---- what the providers' models ask ----

    def create_plan(self, provider: str) -> tuple[int, Create]:
        number, self._creates[provider] = self._creates[provider], self._creates[provider] + 1
        plan = self.plan.create(provider, number)
        self.ledger.asked.append(Ask(provider, self.owner(), self.now, is_struck=self.frames[-1].is_hit))
        self.records.sending(provider, self.owner())
        self.counts.answers[f"{provider}: {plan.answer}"] += 1
        return number, plan

    def list_answers(self) -> tuple[tuple[int, str], ...]:
        return self.plan.create(REPLICATE, 0).lists

    def owner(self) -> Owner:
        payload = self.frames[-1].payload
        return payload["job_id"], payload["index"], payload["attempt"]

    def made(self, prediction: Prediction) -> None:
        self.ledger.predictions.append(prediction)
        self.counts.outcomes[f"{prediction.provider}: {prediction.plan.outcome}"] += 1
        self.note(f"{prediction.provider} makes {prediction.id}: {prediction.plan.outcome} after {prediction.plan.seconds} s")
        webhook = prediction.body.get("webhook")
        if webhook and prediction.plan.webhook != "lost":
            late = 20.0 if prediction.plan.webhook == "late" else 0.3
            for repeat in range(2 if prediction.plan.webhook == "twice" else 1):
                moment = prediction.ends_at + timedelta(seconds=late + repeat)
                self.engine.at((moment - self.now).total_seconds(), functools.partial(self.on_webhook, webhook))

    def heard(self, prediction: Prediction) -> None:
        if self.frames:
            self.frames[-1].ends.append(prediction)

    def picture(self, prediction: Prediction) -> bytes:
        return _picture(prediction.number % 250, prediction.provider == BFL)

    def cap(self, provider: str) -> int | None:
        return int(self.plan.settings.get("BFL_MAX_ACTIVE", "24")) if provider == BFL else None

    def share(self, model: str) -> int | None:
        """How many of its provider's predictions may be of a model."""
        return int(self.plan.settings.get("BFL_KONTEXT_MAX_ACTIVE", "6")) if model == "flux-kontext-max" else None

    def sending_model(self, provider: str, model: str) -> None:
        self.records.sending_model(provider, model, self.owner())


def _bodies() -> dict[str, Callable[..., Any]]:
    """The functions behind the registered activities, by name: the one of each module that takes the services; of two the one
    that takes the client too, which calls the other."""
    found: dict[str, Callable[..., Any]] = {}
    for name in activities.__dict__.get("__all__", ()) or _modules():
        module = importlib.import_module(f"activities.{name}")
        for candidate in sorted(vars(module).values(), key=_takes_a_client):
            if not inspect.isfunction(candidate) or candidate.__module__ != module.__name__ or candidate.__name__.startswith("_"):
                continue
            parameters = list(inspect.signature(candidate).parameters)
            if parameters in (["services", "payload"], ["services", "client", "payload"]):
                for registered in _registered(module):
                    found[registered] = candidate
    return found


def _takes_a_client(candidate: Any) -> bool:
    return inspect.isfunction(candidate) and "client" in inspect.signature(candidate).parameters


def _modules() -> list[str]:
    return [name for name, value in vars(activities).items() if inspect.ismodule(value) and hasattr(value, "blueprint")]


def _registered(module: Any) -> Iterator[str]:
    for builder in module.blueprint._function_builders:
        trigger = builder._function.get_trigger()
        yield trigger.activity or builder._function.get_function_name()


def _trouble(area: str, *, is_lost: bool) -> Exception:
    if area == STORAGE:
        if is_lost:
            return ServiceResponseError("the answer was lost")
        return ServiceRequestError("storage is away")
    if area == HUB:
        return ConnectionError("the answer was lost" if is_lost else "the hub is away")
    return Unreachable("connection dropped" if is_lost else "ConnectTimeout", never_sent=not is_lost)


def _result(result: Any) -> str:
    status = getattr(result, "status", None)
    if isinstance(status, int):
        return f" -> {status}"
    runtime = getattr(result, "runtime_status", None)
    if runtime is not None:
        return f" -> {runtime.name}"
    return " -> nothing" if result is None else ""


def _short(answer: Any) -> str:
    text = str(answer)
    return text if len(text) < 300 else f"{text[:300]}..."


@functools.lru_cache(maxsize=600)
def _picture(number: int, is_bfl: bool) -> bytes:
    """Tiny, and unlike the others."""
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), (number, 200 if is_bfl else 20, 80)).save(buffer, "PNG")
    return buffer.getvalue()
