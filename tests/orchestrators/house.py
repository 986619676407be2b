"""The real orchestrators and the real activities over storage and a provider in memory, all on the bench's clock."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import orchestrators
from activities import (
    cancel_prediction,
    check_prediction,
    finish_job,
    forget_jobs,
    keep_leftover,
    leave_gate,
    look_at_child,
    prepare_image,
    record_prediction,
    submit_prediction,
    tell_job,
    translate_prompt,
)
from devhost.bench import Bench
from shared import canceling, delivering, forgetting, names, starting
from shared.domain.job import asked_to_cancel
from shared.domain.problem import Problem
from shared.generators.generator import Order
from shared.providers.provider import Failed, Handle, NotFound, ProviderError, Ready, Running
from shared.storage.image_names import upload_name
from shared.task_hub import find_instance
from tests import pictures
from tests.bench_client import BenchClient
from tests.fakes import FakeBlobs, FakeGenerator, images_of, make_job, make_services
from tests.orchestrators.story import JOB

PHOTO = pictures.photo_jpeg(160, 160)
LOST = ProviderError(Problem("provider_unavailable", charged="unknown", params={"provider": "Fake"}), maybe_done=True)


class Hooks:
    """Something that happens once, when a step is about to do a thing."""

    def __init__(self) -> None:
        self._next: dict[str, list[Callable[[], Any]]] = {}

    def once(self, what: str, step: Callable[[], Any]) -> None:
        self._next.setdefault(what, []).append(step)

    def reached(self, what: str) -> None:
        if self._next.get(what):
            self._next[what].pop(0)()


class Blobs(FakeBlobs):
    def __init__(self, hooks: Hooks) -> None:
        super().__init__()
        self._hooks = hooks

    def get_image(self, name: str) -> bytes:
        self._hooks.reached("get_image")
        return super().get_image(name)

    def put_image(self, name: str, data: bytes, content_type: str, metadata: dict[str, str] | None = None) -> None:
        self._hooks.reached("put_image")
        super().put_image(name, data, content_type, metadata)


class Provider(FakeGenerator):
    """Makes each picture in so many seconds, and bills what ran to its end."""

    #: As the kind of job knows it.
    name, on_cancel = "bfl", "going on"

    def __init__(self, clock: Callable[[], datetime], hooks: Hooks, *, can_find: bool) -> None:
        super().__init__(can_find=can_find)
        self._clock = clock
        self._hooks = hooks
        self.picture = PHOTO
        #: By the number of the send, from 1.
        self.seconds: dict[int, float] = {}
        self.list_lags = 0.0
        self.forgets_answer_of: set[int] = set()
        self.began: dict[str, datetime] = {}
        self._takes: dict[str, float] = {}
        self._stopped: set[str] = set()

    def require_key(self) -> None:
        self._hooks.reached("require_key")

    def submit(self, order: Order, *, timeout_seconds: int) -> Handle:
        handle = super().submit(order, timeout_seconds=timeout_seconds)
        number = len(self.submitted)
        self.began[handle.id], self._takes[handle.id] = self._clock(), self.seconds.get(number, 10.0)
        self._hooks.reached("submit")
        if number in self.forgets_answer_of:
            raise LOST
        return handle

    def find(self, order: Order, since: datetime) -> Iterator[Handle]:
        known = [name for name, began in self.began.items() if began >= since - timedelta(seconds=60)]
        listed = [name for name in known if self._age(name) >= self.list_lags]
        return iter([Handle(name, f"https://fake/{name}") for name in listed])

    def look(self, handle: Handle) -> Any:
        self._hooks.reached("look")
        if handle.id not in self.began:
            return NotFound()
        if handle.id in self._stopped:
            return Failed(Problem("provider_unavailable", charged="unknown", params={"provider": "Fake"}))
        return Ready(f"https://fake/{handle.id}") if self._has_ended(handle.id) else Running()

    def download(self, ready: Ready) -> bytes:
        self._hooks.reached("download")
        return super().download(ready)

    def cancel(self, handle: Handle) -> Any:
        self.canceled.append(handle.id)
        if self._has_ended(handle.id):
            return "finished"
        if self.on_cancel == "canceled":
            self._stopped.add(handle.id)
        return self.on_cancel

    @property
    def billed(self) -> int:
        return sum(self._has_ended(name) for name in self.began if name not in self._stopped)

    @property
    def running(self) -> int:
        return sum(not self._has_ended(name) and name not in self._stopped for name in self.began)

    def _age(self, name: str) -> float:
        return (self._clock() - self.began[name]).total_seconds()

    def _has_ended(self, name: str) -> bool:
        return self._age(name) >= self._takes[name]


class Deaths:
    """Lets the worker die in episodes; `of` counts them by instance, from 1."""

    def __init__(self) -> None:
        self.of: Counter[str] = Counter()
        self.when: Callable[[str, int], bool] = lambda instance, number: False
        self.happened = 0

    def __call__(self, instance: str) -> bool:
        self.of[instance] += 1
        dies = self.when(instance, self.of[instance])
        self.happened += dies
        return dies


class House:
    """`slots`: how many predictions the provider serves at once. `twice`: each activity is delivered twice."""

    def __init__(self, *, slots: int = 6, twice: bool = False, can_find: bool = True, **environ: str) -> None:
        self.hooks, self.deaths = Hooks(), Deaths()
        self.twice = twice
        self.bench = self._hub()
        self.blobs = Blobs(self.hooks)
        self.provider = Provider(lambda: self.bench.now, self.hooks, can_find=can_find)
        self.services = make_services(self.provider, lambda: self.bench.now, blobs=self.blobs, slots=slots, **environ)
        self.client: Any = BenchClient(self.bench)

    def _hub(self) -> Bench:
        return Bench(
            orchestrators.blueprints, before_episode=self.deaths, default_version=str(names.STORY_VERSION),
            duplicate_activities=1 if self.twice else 0, activities={str(name): body for name, body in self._bodies().items()},
        )  # fmt: skip

    def _bodies(self) -> dict[str, Callable[[Any], Any]]:
        def plain(body: Any) -> Callable[[Any], Any]:
            return lambda payload: body(self.services, payload)

        def hub(body: Any) -> Callable[[Any], Any]:
            return lambda payload: body(self.services, self.client, payload)

        return {
            names.PREPARE_IMAGE: plain(prepare_image.prepare), names.TRANSLATE_PROMPT: plain(translate_prompt.translate),
            names.SUBMIT_PREDICTION: hub(submit_prediction.submit),
            names.RECORD_PREDICTION: plain(record_prediction.record),
            names.CHECK_PREDICTION: hub(check_prediction.check), names.CANCEL_PREDICTION: hub(cancel_prediction.cancel),
            names.LEAVE_GATE: hub(leave_gate.leave), names.TELL_JOB: hub(tell_job.tell),
            names.LOOK_AT_CHILD: hub(look_at_child.look),
            names.FINISH_JOB: hub(finish_job.finish_and_forget), names.KEEP_LEFTOVER: hub(keep_leftover.keep_and_forget),
            names.FORGET_DELETED: hub(forget_jobs.forget),
            names.SEND_WEBHOOK: lambda payload: delivering.deliver(self.services, payload["job_id"]),
        }  # fmt: skip

    # ---- what people do ----

    def move(self) -> Bench:
        """To a new, empty task hub, at the same time of day. Returns the old one, which nobody runs any more."""
        former, self.bench = self.bench, self._hub()
        self.bench.let_pass((former.now - self.bench.now).total_seconds())
        self.client = BenchClient(self.bench)
        return former

    @contextmanager
    def at(self, hub: Bench) -> Iterator[None]:
        """As one of the instances that run another hub."""
        here, client = self.bench, self.client
        self.bench, self.client = hub, BenchClient(hub)
        yield
        self.bench, self.client = here, client

    def accept(self, pictures: int = 1, job_id: str = JOB, **changes: Any) -> dict[str, Any]:
        """A job's image and document, as a POST writes them before it starts the job."""
        upload = upload_name(job_id, "input_image", "jpg")
        FakeBlobs.put_image(self.blobs, upload, PHOTO, "image/jpeg")
        asked = {
            "prompt_sent": "a hero", "aspect_ratio": "1:1", "output_format": "png", "safety_tolerance": 2, "n": pictures,
        }  # fmt: skip
        return make_job(self.services, job_id, **{
            "images": {"input_image": upload}, "seeds": list(range(7, 7 + pictures)), "input": asked, "polls": 0,
            "created_at": self.bench.now.isoformat(), "usage": {"cost_usd": 0.08, "estimated": True, "settled": False},
            "provider": "bfl", "fallback_used": False, **changes,
        })  # fmt: skip

    def post(self, pictures: int = 1, job_id: str = JOB) -> None:
        document = self.accept(pictures, job_id)
        do(starting.ensure_started(self.services, self.client, document, is_new=True))

    def cancel(self, job_id: str = JOB) -> None:
        now = self.bench.now
        do(canceling.wake(self.client, self.services.jobs.update(job_id, lambda job: asked_to_cancel(job, now))))

    def delete(self, job_id: str = JOB) -> None:
        do(forgetting.begin(self.services, self.client, job_id))

    def see(self, job_id: str = JOB) -> dict[str, Any] | None:
        """As whoever looks at a job: it is started again when it died. None: there is no such job."""
        document = self.services.jobs.read(job_id)
        if document is None:
            return None
        status = do(find_instance(self.client, job_id))
        return do(starting.revive(self.services, self.client, document, status))

    def see_every(self, seconds: float, times: int = 100) -> None:
        for n in range(1, times + 1):
            self.bench.at(n * seconds, self.see)

    def go_on(self, seconds: float = 7200.0) -> None:
        self.bench.run_until_idle(seconds)

    # ---- what came of it ----

    def job(self, job_id: str = JOB) -> dict[str, Any]:
        document = self.services.jobs.read(job_id)
        assert document is not None
        return document

    def count_running(self) -> list[int]:
        """Filled from now on, once a second: how many predictions run at the provider."""
        seen: list[int] = []
        for second in range(400):
            self.bench.at(float(second), lambda: seen.append(self.provider.running))
        return seen

    @property
    def held(self) -> set[str]:
        """Who holds a slot."""
        found = self.blobs.read_document("gates/bfl.json")
        return set(found[0]["active"]) if found else set()

    def left_of(self, job_id: str = JOB) -> list[str]:
        """Every blob, document and instance of a job."""
        documents = {name: document for name, (document, _) in self.blobs.documents.items() if not name.startswith("gates/")}
        named = [*documents, *self.bench.instances()]
        claims = [name for name, document in documents.items() if document.get("job_id") == job_id]
        return sorted({*(name for name in named if job_id in name), *claims, *images_of(self.blobs.images, job_id)})


def do(step: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(step)
