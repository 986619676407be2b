"""How long a POST of two images of 1 MB takes until its 202: one at a time with nothing else to do, beside writing the same blobs
(both images and a job document) one after the other from here; with 32 jobs running; and 32 at once, beside 32 threads that write
the same blobs.

Once with photos, and once with noise of as many bytes: that has so few pixels that it is decoded before the answer. Photos have
more, and are not.
"""

import json
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient, ContainerClient
from requests.adapters import HTTPAdapter

from bench import clients, hosts
from bench.clients import Form
from bench.table import Row, percentile, spread
from tests import pictures
from tests.hub import Hub
from tests.stack import Stack

BYTES, ALONE, BURST, ROUNDS = 1_000_000, 15, 32, 2
IDLE_GOAL, BURST_GOAL = 3.0, 1.0
#: Longer than the case: these jobs only wait meanwhile.
RUNNING_SECONDS = 100


def rows(is_long: bool) -> Iterator[Row]:
    yield from _rows("photos", pictures.grainy_jpeg(BYTES))
    yield from _rows("noise", pictures.noisy_jpeg(BYTES))


def _rows(what: str, image: bytes) -> Iterator[Row]:
    form = clients.ppl(image, image)
    with hosts.fresh_stack(0.5) as stack:
        _post(stack, [form], apart=0)
        Hub(stack.folder).wait_until_idle(hosts.PATIENCE_SECONDS)
        alone, written = _alone(stack, form, image)
        burst, written_at_once = [], []
        for number in range(ROUNDS):
            written_at_once += _written_at_once(stack, f"burst-{number}", image)
            burst += _post(stack, [form] * BURST, apart=0)
            Hub(stack.folder).wait_until_idle(hosts.PATIENCE_SECONDS)
        hosts.let_providers_take(stack, RUNNING_SECONDS)
        _post(stack, [form] * BURST, apart=0.3)
        time.sleep(3)
        beside = _post(stack, [form] * ALONE, apart=0.5)
    ratio = statistics.median(alone) / statistics.median(written)
    yield Row(
        f"{what}: alone", _told(alone), spread(written, "ms", 1000, 0), ratio, f"<= {IDLE_GOAL:.0f} x", ratio <= IDLE_GOAL,
        "three writes, and the form's parsing",
    )  # fmt: skip
    yield Row(
        f"{what}: {BURST} jobs running", _told(beside), limit="the host's one Python, which these POSTs' own jobs use as well"
    )
    p95, base = percentile(burst, 95), percentile(written_at_once, 95)
    yield Row(
        f"{what}: {BURST} at once", _told(burst), _told(written_at_once), p95 / base, f"p95 <= {BURST_GOAL:.0f} s",
        p95 <= BURST_GOAL, "both cores: these POSTs, and what their own jobs do meanwhile",
    )  # fmt: skip


def _alone(stack: Stack, form: Form, image: bytes) -> tuple[list[float], list[float]]:
    """POSTs, and writes of the same, in turns: seconds of each."""
    alone, written = [], []
    with BlobServiceClient.from_connection_string(stack.connection_string) as account:
        container = account.create_container("bench")
        for number in range(ALONE):
            alone += _post(stack, [form], apart=0)
            Hub(stack.folder).wait_until_idle(hosts.PATIENCE_SECONDS)
            written.append(_write(container, str(number), image))
    return alone, written[1:]


def _written_at_once(stack: Stack, folder: str, image: bytes) -> list[float]:
    """What BURST threads wait for that each write a POST's blobs, with a connection for each."""
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=BURST))
    transport = RequestsTransport(session=session, session_owner=False)
    with (
        session,
        BlobServiceClient.from_connection_string(stack.connection_string, transport=transport) as account,
        ThreadPoolExecutor(BURST) as pool,
    ):
        container = account.create_container(folder)
        return list(pool.map(lambda number: _write(container, str(number), image), range(BURST)))


def _write(container: ContainerClient, folder: str, image: bytes) -> float:
    document = json.dumps({"kind": "ppl", "prompt": "x" * 1500}).encode()
    began = time.perf_counter()
    for name, data in (("character", image), ("product", image), ("job", document)):
        container.upload_blob(f"{folder}/{name}", data)
    return time.perf_counter() - began


def _post(stack: Stack, forms: list[Form], apart: float) -> list[float]:
    return [seen.answered - seen.posted for seen in clients.posted(stack.url, forms, apart=apart)]


def _told(seconds: list[float]) -> str:
    return f"p50 {percentile(seconds, 50) * 1000:.0f} ms, p95 {percentile(seconds, 95) * 1000:.0f} ms"
