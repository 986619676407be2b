"""`python -m bench.kills [--kills 1000] [--seed N] [--write]`: kill -9 of the host and deaths of its worker over real jobs.

Jobs of both kinds are posted all the time by clients who keep their Idempotency-Key and send again what was not answered. The
host is killed at any moment, from its start on; Azurite and the providers live. Half of the kills are of the worker
(DEVHOST_WORKER_DEATHS). What is left is judged by the explorer's rules. Ends with 1 if anything is wrong.
"""

import argparse
import asyncio
import itertools
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psutil
import requests
from azure.storage.blob import BlobServiceClient

import local.__main__ as launcher
from bench.table import Row, keep, markdown, spread, where
from clients.python.toonconnect import ApiError, Client, NoAnswer
from devhost.taskhub import TERMINAL
from shared.domain.ledger import Ledger
from shared.domain.submission import MAX_SENDS
from tests import pictures
from tests.azurite import Azurite
from tests.beside import client_of
from tests.explore.real import RealWorld
from tests.hub import Hub
from tests.stack import ROOT, Stack
from triggers import housekeeping

T = TypeVar("T")

CLIENTS = 14
#: This share of hosts is killed before it is ready; the others live at most so long after that.
STILLBORN, LIFE_SECONDS = 0.2, 4.0
START_SECONDS = 120.0
#: Of its calls the worker dies in about so many, and never in more.
SHARE, MAX_SHARE = 0.008, 0.02
#: So long after the last kill every job has ended: a lost send is left alone for a minute, twice at most, and a dead story is
#: found by whoever looks.
END_SECONDS = 600.0
#: What watches a prediction beyond the end of its job ends within this.
LATE_SECONDS = 120.0
_DEATH = re.compile(r"the worker dies in (activity|episode) (?:of )?(\w+) ")
#: Providers take a while to answer a create of which they have made something.
_SLOW = [{"on": "create", "kind": "late", "seconds": 0.2, "probability": 0.5}]
_PRESETS = ["tshirt", "mug", "keyring"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--kills", type=int, default=1000, help="of host and worker together")
    parser.add_argument("--seed", type=int, default=random.randrange(10_000), help="of the moments and the jobs")
    parser.add_argument("--write", action="store_true", help="keep the table in docs/performance.md")
    asked = parser.parse_args()
    # As Ctrl-C does: what was started ends too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    run_on = where()
    print(f"{run_on}, seed {asked.seed}\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), asked.kills, asked.seed, tell=lambda text: print(text, file=sys.stderr, flush=True))
    table = markdown(found.rows())
    print(table)
    for wrong in found.wrongs:
        print(f"WRONG: {wrong}")
    if asked.write:
        keep("kills", table, run_on)
    return 1 if found.wrongs else 0


# ---- what is killed ----


class MortalStack(Stack):
    """A stack whose host alone is started and killed. Azurite keeps everything in memory: it outlives all hosts."""

    def start(self, path: str = "/api/health/ready") -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as running:
            azurite = running.enter_context(Azurite(self.folder))
            urls = {"blob": azurite.blob_url, "queue": azurite.queue_url, "table": azurite.table_url}
            (self.folder / "azurite.json").write_text(json.dumps({name: urlsplit(url).port for name, url in urls.items()}))
            state = self.folder / "simulators.sqlite"
            simulators = self._leashed("simulators", "--port", str(self.sim_port), "--state", str(state))
            running.callback(_end, simulators)
            self.start_host()
            running.callback(lambda: _end(self._host))
            _until(lambda: self.is_ready(1), START_SECONDS)
            self._running = running.pop_all()

    def start_host(self, deaths: float = 0.0, seed: int = 0) -> None:
        """Start it, and go on at once."""
        plan = launcher.Plan(self.port, self.sim_port, self.folder, simulators=True)
        own = {"DEVHOST_WORKER_DEATHS": str(deaths), "DEVHOST_SEED": str(seed)}
        command = ["devhost", "--app", str(ROOT), "--port", str(self.port), "--state", str(self.folder)]
        self._host = self._leashed(*command, **launcher.environment(plan), **self.settings, **own)

    def _leashed(self, *command: str, **settings: str) -> subprocess.Popen[bytes]:
        """A module that runs no longer than we do."""
        with (self.folder / "stack.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "local.leash", sys.executable, "-m", *command], cwd=ROOT, stdin=subprocess.PIPE,
                env={**os.environ, **settings}, stdout=log, stderr=log,
            )  # fmt: skip

    def kill_host(self) -> None:
        """kill -9, also when it has hardly begun."""
        _until(lambda: bool(self._of_host()), 10)
        for process in self._of_host():
            process.kill()
        self._host.communicate(timeout=20)

    def _of_host(self) -> list[psutil.Process]:
        return psutil.Process(self._host.pid).children() if self._host.poll() is None else []

    def is_ready(self, seconds: float) -> bool:
        try:
            return requests.get(f"{self.url}/api/health/ready", timeout=seconds).status_code == 200
        except requests.RequestException:
            return False

    def stop(self) -> None:
        self._running.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.communicate(timeout=20)


def _until(is_so: Callable[[], bool], seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(0.02)


# ---- who posts ----


@dataclass(frozen=True)
class Wish:
    """What one client asks for: the same for the same seed and number."""

    number: int
    kind: str
    pictures: int
    cancel_after: float | None
    #: Whether it is posted once more when it has ended.
    is_asked_again: bool
    pause: float

    @classmethod
    def of(cls, seed: int, number: int) -> "Wish":
        rng = random.Random(f"{seed}:{number}")
        kind = rng.choices(["goods", "ppl", "sheet"], [45, 45, 10])[0]
        several = len(_PRESETS) if kind == "sheet" else rng.choices([1, 2], [9, 1])[0]
        cancel = rng.uniform(0.0, 3.0) if rng.random() < 0.05 else None
        return cls(number, kind, several, cancel, rng.random() < 0.1, rng.uniform(0.0, 4.0))

    def post(self, client: Client, image: bytes, seed: int) -> dict[str, Any]:
        prompt, key = f"kill drill {seed}, number {self.number}", f"kills-{seed}-{self.number}"
        if self.kind == "sheet":
            return client.sheet(image, _PRESETS, prompt, key=key)
        if self.kind == "goods":
            return client.goods(image, prompt, key=key, n=self.pictures)
        return client.ppl(image, image, prompt, key=key, n=self.pictures)


@dataclass
class Order:
    """A wish, and what its client was told."""

    wish: Wish
    job_id: str | None = None
    has_ended: bool = False


class Clients:
    """Threads that post, follow, cancel and post again, and never give up before they are told to."""

    def __init__(self, stack: Stack, seed: int, number: int) -> None:
        self.orders: list[Order] = []
        self.wrongs: list[str] = []
        self._stack, self._seed = stack, seed
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._posting = 0
        self._is_over, self._gives_up = threading.Event(), threading.Event()
        self._image = pictures.photo_jpeg(300, 300)
        self._threads = [threading.Thread(target=self._live, daemon=True) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    @property
    def posting(self) -> int:
        """How many wait for the answer to a POST."""
        return self._posting

    def finish(self, seconds: float) -> None:
        """Nothing new; whoever has a job sees it to its end, within the time."""
        self._is_over.set()
        ends = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.1, ends - time.monotonic()))
        self._gives_up.set()

    def _live(self) -> None:
        client = self._stack.client()
        while not self._is_over.is_set():
            with self._lock:
                order = Order(Wish.of(self._seed, next(self._numbers)))
                self.orders.append(order)
            try:
                self._serve(client, order)
            except _GivenUp:
                return
            except ApiError as error:
                self.wrongs.append(f"number {order.wish.number} was refused: {error}")
            self._is_over.wait(order.wish.pause)

    def _serve(self, client: Client, order: Order) -> None:
        order.job_id = self._post(client, order)
        if order.wish.cancel_after is not None:
            time.sleep(order.wish.cancel_after)
            self._insist(lambda: _cancel(client, str(order.job_id)))
        self._insist(lambda: client.wait(str(order.job_id), timeout=60, raise_on_failure=False))
        order.has_ended = True
        if order.wish.is_asked_again and (again := self._post(client, order)) != order.job_id:
            self.wrongs.append(f"one key made {order.job_id} and {again}")

    def _post(self, client: Client, order: Order) -> str:
        def post() -> dict[str, Any]:
            with self._counted():
                return order.wish.post(client, self._image, self._seed)

        return str(self._insist(post)["id"])

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._posting += 1
        try:
            yield
        finally:
            with self._lock:
                self._posting -= 1

    def _insist(self, ask: Callable[[], T]) -> T:
        """As the contract says: what was not answered, or may pass, is sent again as it was. Raises ApiError, _GivenUp."""
        while not self._gives_up.is_set():
            pause = random.uniform(0.2, 0.5)
            try:
                return ask()
            except (NoAnswer, TimeoutError):
                pass
            except ApiError as error:
                if not error.retryable:
                    raise
                pause = error.retry_after or pause
            time.sleep(pause)
        raise _GivenUp


class _GivenUp(Exception):
    """The run is over, and this was not answered."""


def _cancel(client: Client, job_id: str) -> None:
    """Unless it has ended meanwhile."""
    try:
        client.cancel(job_id)
    except ApiError as error:
        if error.code != "job_already_finished":
            raise


# ---- the run ----


@dataclass
class Found:
    """What came of a run."""

    seed: int
    asked: int
    host: int = 0
    activities: Counter[str] = field(default_factory=Counter)
    episodes: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    ready: list[float] = field(default_factory=list)
    seconds: float = 0.0
    jobs: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    pictures: int = 0
    lost: list[str] = field(default_factory=list)
    submits: int = 0
    #: By provider.
    flagged: Counter[str] = field(default_factory=Counter)
    unflagged: list[str] = field(default_factory=list)
    #: Pictures of which both sends were killed: missing, and told as perhaps charged.
    unanswered: int = 0
    restarted: int = 0
    judged: list[str] = field(default_factory=list)

    @property
    def worker(self) -> int:
        return self.activities.total() + self.episodes.total()

    @property
    def wrongs(self) -> list[str]:
        return [*self.lost, *self.unflagged, *self.judged]

    def rows(self) -> list[Row]:
        deaths, stories = _counts(self.activities + self.episodes), f"{self.restarted} stories begun again"
        return [
            Row("kills", f"{self.host + self.worker:,}", goal=f"{self.asked:,}", holds=self.host + self.worker >= self.asked),
            Row("of the host (kill -9)", f"{self.host}", limit=f"under way then: {_counts(self.moments)}"),
            Row(
                "of its worker",
                f"{self.worker} ({self.episodes.total()} in an episode)",
                limit=f"in: {deaths}",
            ),
            Row(
                "jobs",
                f"{self.jobs:,}, {self.pictures:,} pictures",
                limit=f"{_counts(self.statuses)}; {stories}",
            ),
            Row("lost jobs and pictures", f"{len(self.lost)}", goal="0", holds=not self.lost),
            Row("submits", f"{self.submits:,}"),
            Row("second submits that are flagged", f"{self.flagged.total()}", limit=_counts(self.flagged)),
            Row("second submits that are not", f"{len(self.unflagged)}", goal="0", holds=not self.unflagged),
            Row("pictures whose two sends both died, told as such", f"{self.unanswered}"),
            Row("what else the explorer's judge finds wrong", f"{len(self.judged)}", goal="0", holds=not self.judged),
            Row("from kill to ready again", spread(self.ready) if self.ready else "never"),
            Row("the whole", f"{self.seconds / 60:.0f} minutes", limit=f"seed {self.seed}"),
        ]


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counted.most_common())


def run(
    folder: Path, kills: int, seed: int, *, number: int = CLIENTS, share: float = SHARE,
    tell: Callable[[str], None] = lambda text: None,
) -> Found:  # fmt: skip
    """Jobs of so many clients, and kills until there were enough of each kind, and what is left then. `share`: of its calls the
    worker dies in about so many."""
    stack = MortalStack(folder, BFL_MAX_ACTIVE="24", BFL_KONTEXT_MAX_ACTIVE="24", QUEUE_TIMEOUT_SECONDS="3600")
    stack.settings["PUBLIC_BASE_URL"] = stack.url
    found, began = Found(seed, kills), time.monotonic()
    with stack:
        common: dict[str, Any] = {"delay_seconds": [1.0, 3.0], "longest_side": 64, "faults": _SLOW, "seed": seed}
        stack.configure(replicate=common, bfl={**common, "max_active": 24})
        clients = Clients(stack, seed, number)
        try:
            _kill(stack, clients, found, random.Random(seed), share, tell)
            clients.finish(END_SECONDS)
        except BaseException:
            clients.finish(0)
            raise
        asyncio.run(_settle(stack))
        _judge(stack, clients, found)
    found.seconds = time.monotonic() - began
    return found


def _kill(
    stack: MortalStack, clients: Clients, found: Found, rng: random.Random, share: float, tell: Callable[[str], None]
) -> None:
    """Half of the kills are the host's; its worker dies so often that it comes to the other half."""
    of_each, killed_at, deaths = -(-found.asked // 2), None, _Deaths(stack.folder / "stack.log")
    while found.host < of_each:
        is_up = rng.random() >= STILLBORN
        if is_up:
            _until(lambda: stack.is_ready(1), START_SECONDS)
            if killed_at is not None:
                found.ready.append(time.monotonic() - killed_at)
        time.sleep(rng.uniform(0.0, LIFE_SECONDS if is_up else statistics.median(found.ready or [1.0])))
        posting = clients.posting
        stack.kill_host()
        killed_at, found.host = time.monotonic(), found.host + 1
        found.moments.update(_moment(stack, posting, is_up=is_up))
        deaths.count(found)
        stack.start_host(_share(found, share), rng.randrange(1 << 30))
        if found.host % 10 == 0:
            tell(f"{found.host} kills of the host, {found.worker} of its worker, {len(clients.orders)} jobs")
    while found.worker < of_each:
        time.sleep(1.0)
        deaths.count(found)
    stack.kill_host()
    stack.start_host()
    _until(lambda: stack.is_ready(1), START_SECONDS)


def _share(found: Found, share: float) -> float:
    """Of its calls the worker dies in these: more where it is behind the host, and never so many that a story dies five times."""
    return min(MAX_SHARE, share * (found.host + 5) / (found.worker + 5))


def _moment(stack: Stack, posting: int, *, is_up: bool) -> set[str]:
    """What was going on, each thing once."""
    if not is_up:
        return {"start-up"}
    steps = {*Hub(stack.folder).under_way(), *(["POST"] if posting else [])}
    return steps or {"waiting"}


class _Deaths:
    """Counts what the devhost says of its worker's deaths, as it goes on writing."""

    def __init__(self, log: Path) -> None:
        self._log, self._read = log, 0

    def count(self, found: Found) -> None:
        with self._log.open("rb") as log:
            log.seek(self._read)
            new = log.read().rpartition(b"\n")[0]
        self._read += len(new)
        for kind, name in _DEATH.findall(new.decode(errors="replace")):
            (found.activities if kind == "activity" else found.episodes)[name] += 1


async def _settle(stack: Stack) -> None:
    """What goes on after the ends of jobs ends too; housekeeping comes, as it would within minutes."""
    hub = Hub(stack.folder)
    async with client_of(stack) as client:
        await housekeeping.tidy(client, datetime.now(UTC))
        ends = time.monotonic() + LATE_SECONDS
        # A file tells nobody of its changes.
        while time.monotonic() < ends and any(row["status"] not in TERMINAL for row in hub.rows()):  # noqa: ASYNC110
            await asyncio.sleep(0.5)
        # Uploads are left alone while they are young.
        await housekeeping.tidy(client, datetime.now(UTC) + timedelta(minutes=11))


# ---- the verdict ----


def _judge(stack: Stack, clients: Clients, found: Found) -> None:
    client = stack.client(retries=3)
    found.judged += clients.wrongs
    views = {}
    for order in clients.orders:
        if order.job_id is None or not order.has_ended:
            found.lost.append(f"number {order.wish.number} ({order.job_id or 'never accepted'}) has no end")
        if order.job_id is not None:
            views[order.job_id] = client.get(order.job_id)
    found.jobs, found.statuses = len(views), Counter(view["status"] for view in views.values())
    found.pictures = sum(len(view["pictures"]) for view in views.values())
    found.restarted = sum(name == "job_restarted" for _, name, _ in stack.events)
    found.lost += _not_served(views)
    with BlobServiceClient.from_connection_string(stack.connection_string) as account:
        world = RealWorld(stack.folder, account, [(name, fields) for _, name, fields in stack.events])
    for job_id, view in views.items():
        count_missing(job_id, view, world.document(job_id), found)
    count_submits(world, views, found)
    found.judged += world.wrongs(views)


def _not_served(views: dict[str, dict[str, Any]]) -> list[str]:
    """Pictures that a job has, and whose link does not give them."""
    lost = []
    with requests.Session() as session:
        for job_id, view in views.items():
            for output in view["outputs"]:
                answer = session.get(output["url"], timeout=20)
                if answer.status_code != 200 or len(answer.content) != output["bytes"]:
                    lost.append(f"{job_id}/{output['index']}: its link gives {answer.status_code}")
    return lost


def count_missing(job_id: str, view: dict[str, Any], document: dict[str, Any], found: Found) -> None:
    """No provider fails here: a picture that nobody canceled is missing only where both sends died before they were answered,
    at a provider that has no list to look in, and then the charge is told to be unknown. Of several pictures of a job that is
    canceled some may be there."""
    made = {output["index"] for output in view["outputs"]}
    for picture in document["pictures"]:
        shown = next(p for p in view["pictures"] if p["index"] == picture["index"])
        is_canceled = shown["status"] == "canceled" and document["cancel_requested_at"] is not None
        if picture["index"] in made or is_canceled:
            continue
        sends = Ledger.from_payload(picture["sends"] or ()).sends
        told = shown["error"] or {}
        if [send.state for send in sends] == ["open"] * MAX_SENDS and told.get("charged") == "unknown":
            found.unanswered += 1
        else:
            found.lost.append(f"{job_id}/{picture['index']} is missing: {told.get('code')}, {[send.state for send in sends]}")


def count_submits(world: RealWorld, views: dict[str, dict[str, Any]], found: Found) -> None:
    """Every prediction of a picture after its first is a second submit; the job must say so, and its picture's ledger."""
    of_picture = Counter((*prediction.owner[:2], prediction.provider) for prediction in world.ledger.predictions)
    found.submits = of_picture.total() + len(world.strangers)
    for (job_id, index, provider), made in of_picture.items():
        if made == 1:
            continue
        picture = next(p for p in world.document(job_id)["pictures"] if p["index"] == index)
        if views[job_id]["possible_duplicate"] and Ledger.from_payload(picture["sends"] or ()).possible_duplicate:
            found.flagged[provider] += made - 1
        else:
            found.unflagged.append(f"{job_id}/{index} was submitted {made} times, and nothing says so")


if __name__ == "__main__":
    sys.exit(main())
