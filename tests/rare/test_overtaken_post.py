"""POST A takes a key, and stands still for more than a minute; POST B takes the key and the job's id over. One of them fails."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest
from azure.core.exceptions import ServiceRequestError

from shared.services import Services, use_services
from shared.storage.quota_store import QuotaStore
from tests.fakes import make_services
from tests.triggers.calls import Clock, FakeHub, body, post
from triggers import generate

KEY = {"Idempotency-Key": "k", "X-Owner-Token": "a" * 40}
PATIENCE = 10.0


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub()


@pytest.fixture
def moved() -> Clock:
    return Clock()


@pytest.fixture
def app(moved: Clock) -> Iterator[Services]:
    made = make_services(clock=moved)
    made.__dict__["quotas"] = QuotaStore(made.documents, 5, 50, made.now)
    use_services(made)
    yield made
    use_services(None)


class Two:
    """Two POSTs in threads of their own, each of which stands still where it is told to until the other has come so far."""

    def __init__(self, hub: FakeHub) -> None:
        self._hub = hub
        self._threads: dict[str, threading.Thread] = {}
        self.answers: dict[str, func.HttpResponse] = {}

    def start(self, name: str) -> None:
        def run() -> None:
            self.answers[name] = asyncio.run(post(self._hub, headers=KEY))

        self._threads[name] = threading.Thread(target=run)
        self._threads[name].start()

    def join(self, name: str) -> None:
        self._threads[name].join(PATIENCE)
        assert name in self.answers, f"{name} does not end"


def at_calls(what: Callable[..., Any], *steps: Callable[[], None]) -> Callable[..., Any]:
    """The first call does the first step before its work, and so on."""
    left = list(steps)

    def call(*args: Any) -> Any:
        if left and not str(args[0]).startswith(("idempotency/", "owners/")):
            left.pop(0)()
        return what(*args)

    return call


def stands_until(reached: threading.Event, goes_on: threading.Event) -> Callable[[], None]:
    def step() -> None:
        reached.set()
        assert goes_on.wait(PATIENCE)

    return step


def fails() -> None:
    raise ServiceRequestError("no connection")


def counted(app: Services) -> int:
    """Jobs in the owner's limits."""
    (name,) = [name for name in app.blobs.documents if name.startswith("owners/")]  # type: ignore[attr-defined]
    return len(app.blobs.read_document(name)[0]["active"])  # type: ignore[index]


@pytest.fixture(autouse=True, params=[True, False], ids=["small", "large"])
def _of_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small images are stored as they were prepared, larger ones as they came: both belong to their POST."""
    if not request.param:
        monkeypatch.setattr(generate, "prepare_small", lambda data, facts: None)


def images(app: Services) -> set[str]:
    return set(app.blobs.images)  # type: ignore[attr-defined]


def listed(app: Services) -> list[str]:
    return [name for name in app.blobs.documents if name.startswith("index/")]  # type: ignore[attr-defined]


def test_a_post_that_fails_takes_nothing_from_the_one_that_makes_its_job(app: Any, hub: FakeHub, moved: Clock) -> None:
    """B has stored its images and is about to create the job when A, late, is answered with an error."""
    posts, a_stands, a_fails = Two(hub), threading.Event(), threading.Event()
    repeated: list[func.HttpResponse] = []

    def a_is_late() -> None:
        stands_until(a_stands, a_fails)()
        fails()

    def a_gives_up() -> None:
        a_fails.set()
        posts.join("A")
        repeated.append(asyncio.run(post(hub, headers=KEY)))

    app.blobs.put_image = at_calls(app.blobs.put_image, a_is_late)
    app.blobs.create_document = at_calls(app.blobs.create_document, a_gives_up)
    posts.start("A")
    assert a_stands.wait(PATIENCE)
    moved.pass_by(seconds=61)
    posts.start("B")
    posts.join("B")

    job = app.jobs.read(body(posts.answers["B"])["id"])
    assert posts.answers["B"].status_code == 202
    assert images(app) == set(job["images"].values())
    assert counted(app) == len(listed(app)) == 1
    # The key was B's all the time: nobody else could begin while A gave up.
    assert [body(answer)["code"] for answer in (posts.answers["A"], *repeated)] == ["idempotency_in_progress"] * 2
    assert [body(answer)["charged"] for answer in (posts.answers["A"], *repeated)] == ["unknown"] * 2
    assert body(asyncio.run(post(hub, headers=KEY)))["id"] == job["id"]
    assert len(hub.started_jobs) == 1


def test_a_post_that_was_overtaken_loses_nothing_when_the_other_one_fails(app: Any, hub: FakeHub, moved: Clock) -> None:
    """A has stored its images and stands still before it creates the job; B, which has the key by then, fails."""
    posts, a_stands, b_has_failed = Two(hub), threading.Event(), threading.Event()
    app.blobs.put_image = at_calls(app.blobs.put_image, lambda: None, fails)
    app.blobs.create_document = at_calls(app.blobs.create_document, stands_until(a_stands, b_has_failed))
    posts.start("A")
    assert a_stands.wait(PATIENCE)
    moved.pass_by(seconds=61)
    posts.start("B")
    posts.join("B")
    b_has_failed.set()
    posts.join("A")

    job = app.jobs.read(body(posts.answers["A"])["id"])
    assert [posts.answers[name].status_code for name in "AB"] == [202, 500]
    assert images(app) == set(job["images"].values())


def test_of_two_that_make_one_job_the_second_keeps_no_upload(app: Any, hub: FakeHub, moved: Clock) -> None:
    posts, a_stands, b_is_done = Two(hub), threading.Event(), threading.Event()
    app.blobs.put_image = at_calls(app.blobs.put_image, stands_until(a_stands, b_is_done))
    posts.start("A")
    assert a_stands.wait(PATIENCE)
    moved.pass_by(seconds=61)
    posts.start("B")
    posts.join("B")
    b_is_done.set()
    posts.join("A")

    ids = {body(posts.answers[name])["id"] for name in "AB"}
    (job,) = map(app.jobs.read, ids)
    assert images(app) == set(job["images"].values())
    assert counted(app) == 1
    assert len(listed(app)) == 1, "what the first one wrote into the list would outlive the job"


def test_a_post_that_fails_alone_leaves_nothing(app: Any, hub: FakeHub, moved: Clock) -> None:
    app.blobs.create_document = at_calls(app.blobs.create_document, fails)
    assert asyncio.run(post(hub, headers=KEY)).status_code == 500
    assert (images(app), counted(app)) == (set(), 0)
    moved.ahead += timedelta(seconds=1)
    assert asyncio.run(post(hub, headers=KEY)).status_code == 202
