"""Uploads that come while others are taken in: they wait for their turn, and hold no memory meanwhile."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from azure.functions.http import HttpRequest

from shared.storage.image_names import upload_name
from tests.triggers.calls import IMAGE, FakeHub, body, form, user
from triggers import bodies, generate

LARGE = IMAGE.ljust(bodies.SET_ASIDE_FROM_BYTES + 1, b"\0")


@pytest.fixture(autouse=True)
def _of_this_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A semaphore belongs to the event loop in which somebody waited for it first."""
    monkeypatch.setattr(generate, "accepting", asyncio.Semaphore(4))


@asynccontextmanager
async def no_place_left() -> AsyncIterator[None]:
    places = 0
    while not generate.accepting.locked():
        await generate.accepting.acquire()
        places += 1
    try:
        yield
    finally:
        for _ in range(places):
            generate.accepting.release()


def sent(image: bytes) -> HttpRequest:
    return form({"prompt": "a mug"}, {"input_image": image})


async def has_come_to_wait() -> None:
    async with asyncio.timeout(10):
        while not generate.accepting._waiters:
            await asyncio.sleep(0.01)


def accepted(hub: FakeHub, req: HttpRequest) -> asyncio.Task[Any]:
    return asyncio.create_task(user(generate.BY_KIND["goods"])(req=req, client=hub))


async def test_a_large_upload_holds_no_memory_while_it_waits_and_arrives_whole(app: Any, hub: FakeHub) -> None:
    req = sent(LARGE)
    async with no_place_left():
        waiting = accepted(hub, req)
        await has_come_to_wait()
        assert req.get_body() == b""
    job = body(await waiting)
    assert app.blobs.images[upload_name(job["id"], "input_image", "jpg")] == LARGE
    assert req.get_body() == b"", "nor while its answer waits"


async def test_a_small_one_is_not_worth_a_file(app: Any, hub: FakeHub) -> None:
    req = sent(IMAGE)
    async with no_place_left():
        waiting = accepted(hub, req)
        await has_come_to_wait()
        assert IMAGE in req.get_body()
    assert (await waiting).status_code == 202


async def test_where_no_file_can_be_written_it_waits_in_memory(app: Any, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_full() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", is_full)
    async with no_place_left():
        waiting = accepted(hub, sent(LARGE))
        await has_come_to_wait()
    job = body(await waiting)
    assert app.blobs.images[upload_name(job["id"], "input_image", "jpg")] == LARGE


async def test_who_gives_up_waiting_leaves_no_file_behind(app: Any, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    files = []
    known = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda: files.append(known()) or files[-1])
    async with no_place_left():
        waiting = accepted(hub, sent(LARGE))
        await has_come_to_wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert [file.closed for file in files] == [True]
