"""`python -m bench.threads [--app DIR ...]`: what others wait for while something slow holds the app's threads.

Four uploads whose storage is slow, twelve readers beside them; and sixteen submits to a provider that answers late, readers
beside those. With `--app` other checkouts are measured, each by its own devhost.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import requests

from local.ports import free_port
from tests import pictures
from tests.azurite import ACCOUNT, ACCOUNT_KEY
from tests.stack import ROOT, Stack

UPLOADS, SUBMITS, READERS = 4, 16, 12
STORAGE_SECONDS = PROVIDER_SECONDS = 3.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.threads", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--app", type=Path, action="append", help="a checkout to measure; this one by default")
    for app in parser.parse_args().app or [ROOT]:
        print(app)
        with tempfile.TemporaryDirectory() as folder:
            measure(app.resolve(), Path(folder))
    return 0


def measure(app: Path, folder: Path) -> None:
    image = pictures.photo_jpeg(512, 512)
    with slow_storage(folder) as (storage, connection_string):
        stack = Stack(folder, AzureWebJobsStorage=connection_string, BFL_MAX_ACTIVE="64", BFL_KONTEXT_MAX_ACTIVE="64")
        stack.root = app
        with stack:
            stack.configure(bfl={"delay_seconds": 1, "max_active": 64})
            ended = stack.goods(image, {"Prefer": "wait=60"}).json()["id"]

            def read() -> None:
                requests.get(f"{stack.url}/api/jobs/{ended}", timeout=60).raise_for_status()

            told("a GET, nothing beside it", asked_meanwhile(lambda: time.sleep(2), read, readers=1))
            storage.seconds = STORAGE_SECONDS
            told(f"{READERS} readers, {UPLOADS} slow uploads", asked_meanwhile(lambda: together(stack, image, UPLOADS), read))
            storage.seconds = 0
            time.sleep(5)
            stack.configure(bfl={"faults": [{"on": "create", "kind": "late", "seconds": PROVIDER_SECONDS}]})
            began = time.monotonic()
            told(f"a GET, {SUBMITS} slow submits", asked_meanwhile(lambda: all_ended(stack, image), read, readers=1))
            print(f"  {SUBMITS} jobs of 1 s with submits of {PROVIDER_SECONDS:.0f} s: {time.monotonic() - began:.1f} s")


def together(stack: Stack, image: bytes, number: int) -> list[str]:
    with ThreadPoolExecutor(number) as pool:
        return [answer.json()["id"] for answer in pool.map(lambda _: stack.goods(image), range(number))]


def all_ended(stack: Stack, image: bytes) -> None:
    for job in together(stack, image, SUBMITS):
        stack.ended(job)


def asked_meanwhile(work: Callable[[], object], read: Callable[[], None], readers: int = READERS) -> list[float]:
    """The seconds of each read while `work` lasts."""
    seconds: list[float] = []
    over = threading.Event()

    def reader() -> None:
        while not over.is_set():
            began = time.perf_counter()
            read()
            seconds.append(time.perf_counter() - began)
            over.wait(0.1)

    with ThreadPoolExecutor(readers) as pool:
        reading = [pool.submit(reader) for _ in range(readers)]
        try:
            work()
        finally:
            over.set()
        for each in reading:
            each.result()
    return seconds


def told(what: str, seconds: list[float]) -> None:
    figures = {"p50": statistics.median(seconds), "p95": statistics.quantiles(seconds, n=20)[-1], "longest": max(seconds)}
    print(f"  {what:36}" + "".join(f"{name:>9} {value * 1000:6.0f} ms" for name, value in figures.items()))


class SlowStorage:
    """Passes on to a stack's Azurite what it gets. A write of an upload waits `seconds` first."""

    seconds = 0.0

    def __init__(self, port: int) -> None:
        self._port = port

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        answers = asyncio.ensure_future(self._pass_on(there, writer, 0.0))
        await self._pass_on(reader, back, None)
        await answers

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, seconds: float | None) -> None:
        try:
            while data := await source.read(65536):
                first_line = data[: data.find(b"\r\n")]
                if seconds is None and first_line.startswith(b"PUT ") and b"/uploads/" in first_line:
                    await asyncio.sleep(self.seconds)
                target.write(data)
                await target.drain()
        except ConnectionError:
            pass
        target.close()


@contextmanager
def slow_storage(folder: Path) -> Iterator[tuple[SlowStorage, str]]:
    """Between a stack, which is given the connection string, and its Azurite."""
    ports = {service: free_port() for service in ("blob", "queue", "table")}
    (folder / "azurite.json").write_text(json.dumps(ports))
    storage, port = SlowStorage(ports["blob"]), free_port()
    loop = asyncio.new_event_loop()
    loop.run_until_complete(asyncio.start_server(storage.serve, "127.0.0.1", port))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    yield storage, f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={ACCOUNT_KEY};BlobEndpoint={endpoint};"
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


if __name__ == "__main__":
    sys.exit(main())
