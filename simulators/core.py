"""What both providers' faces share: config, ledger, faults, limits, and the making and drawing of predictions."""

import asyncio
import hashlib
import random
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from yarl import URL

from simulators import inputs, pictures
from simulators.config import Config, ProviderConfig
from simulators.faults import Fault, Faults
from simulators.ledger import Ledger, Record
from simulators.lifecycle import ENDLESS, Phase, Plan, draw_outcome, draw_seconds, ended_after, steering
from simulators.limits import Limits
from simulators.models import MODELS, Size, cents

T = TypeVar("T")
PROVIDERS = ("replicate", "bfl")
#: Who is counted, logged and faulty.
SERVED = (*PROVIDERS, "translator")
#: Finished pictures that are kept at hand; others are drawn again, to the same bytes.
MAX_CACHED_BYTES = 48 * 1024 * 1024
#: Image links whose fetches are counted; the oldest are forgotten beyond this.
MAX_LINKS = 2000
#: Identical creates with `[[429]]` in the prompt are refused this many times before they pass.
THROTTLED_CREATES = 2


class Core:
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.limits = Limits()
        self.threads = ThreadPoolExecutor(2, thread_name_prefix="simulator-pictures")
        self.log: deque[dict[str, Any]] = deque(maxlen=5000)
        self.http: aiohttp.ClientSession
        #: Set by the webhooks, which watch what is made.
        self.on_change: Callable[[Record], None] = lambda record: None
        self._fresh()
        # What a provider does not forget when it restarts; faults are a matter of the moment.
        self.config = Config().merged(self.ledger.kept("config") or {})
        self._balance_from: dict[str, float] = self.ledger.kept("balance_from") or {}
        self.changed_at = 0.0

    def _fresh(self) -> None:
        self.config = Config()
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in SERVED}
        self.answers: dict[str, Counter[str]] = {name: Counter() for name in SERVED}
        self.faults = {name: Faults([], 0) for name in SERVED}
        #: (provider, URL without its query) -> how often it was fetched, and failed.
        self._fetches: OrderedDict[tuple[str, str], Counter[str]] = OrderedDict()
        self._numbers = dict.fromkeys(PROVIDERS, 0)
        self._sequence_numbers = dict.fromkeys(PROVIDERS, 0)
        self._balance_from = {}
        self._throttled: Counter[str] = Counter()
        self._polls: Counter[str] = Counter()
        self._cache: OrderedDict[str, bytes] = OrderedDict()
        self._cached_bytes = 0
        self._drawing: dict[str, asyncio.Future[bytes]] = {}
        self._ahead: set[asyncio.Future[bytes]] = set()
        self.limits.clear()
        self.log.clear()

    # ---- config, stats ----

    def configure(self, changes: Any) -> None:
        """Merge; all or nothing. Raises ConfigError or FaultError."""
        config = self.config.merged(changes)
        parts = vars(config)
        faults = {name: Faults(parts[name].faults, parts[name].seed) for name in changes if "faults" in changes[name]}
        self.config = config
        self.faults.update(faults)
        now = time.time()
        for name, part in changes.items():
            if "outcome_sequence" in part:
                self._sequence_numbers[name] = 0
            if "seed" in part:
                self._numbers[name] = 0
            if "credits" in part or "credit_usd" in part:
                self._balance_from[name] = now
        kept = config.to_json()
        # A former version of the simulators may be started on this state.
        del kept["translator"]
        for provider in PROVIDERS:
            del kept[provider]["faults"]
        self.ledger.keep("config", kept)
        self.ledger.keep("balance_from", self._balance_from)

    def reset(self) -> None:
        self.stop_drawing()
        self.ledger.clear()
        self._fresh()

    def stop_drawing(self) -> None:
        """Nobody will ask for what is drawn ahead."""
        for task in self._ahead:
            task.cancel()

    def stats(self) -> dict[str, Any]:
        return {
            provider: {
                **self.ledger.stats(provider),
                "create_requests": self.counts[provider]["create"],
                "refused": self.counts[provider]["refused"],
                "polls": self.counts[provider]["poll"],
                "downloads": self.counts[provider]["download"],
                "cancel_requests": self.counts[provider]["cancel"],
                "lists": self.counts[provider]["list"],
                "faults": self.counts[provider]["faults"],
                "fetches": self.counts[provider]["fetches"],
                "fetches_failed": self.counts[provider]["fetches_failed"],
                "webhooks_sent": self.counts[provider]["webhooks_sent"],
                "webhooks_failed": self.counts[provider]["webhooks_failed"],
                "http": dict(self.answers[provider]),
            }
            for provider in PROVIDERS
        } | {"translator": {**self.counts["translator"], "http": dict(self.answers["translator"])}}

    def fetches(self, provider: str | None = None) -> list[dict[str, Any]]:
        """The image links that were fetched, in the order of their first time. Queries are not kept: they may be signatures."""
        return [
            {"provider": name, "url": url, "fetches": counts["fetches"], "failed": counts["failed"]}
            for (name, url), counts in self._fetches.items()
            if provider in (None, name)
        ]

    def spent_usd(self, provider: str) -> float:
        """Billed since the balance was last set."""
        since = self._balance_from.get(provider, 0.0)
        return self.ledger.billed_usd(provider, time.time()) - self.ledger.billed_usd(provider, since)

    # ---- faults ----

    def fault(self, provider: str, operation: str, request: web.Request, body: str) -> Fault | None:
        def fits(fault: Fault) -> bool:
            return fault.kind != "no_output" or self._has_succeeded(provider, request)

        fault = self.faults[provider].take(operation, lambda: f"{request.path_qs}\n{body}", fits)
        if fault and fault.kind == "not_found_after_create":
            return fault if self._is_not_found_yet(provider, fault, request) else None
        return fault

    def _is_not_found_yet(self, provider: str, fault: Fault, request: web.Request) -> bool:
        """Whether this poll is one of the first `polls`, or comes within the first `seconds`, of its prediction."""
        prediction_id, record = self._asked_about(provider, request)
        self._polls[prediction_id] += 1
        is_early_poll = self._polls[prediction_id] <= int(fault.spec.get("polls", 0 if "seconds" in fault.spec else 2))
        return is_early_poll or (record is not None and time.time() < record.created_at + fault.spec.get("seconds", 0))

    def _has_succeeded(self, provider: str, request: web.Request) -> bool:
        _, record = self._asked_about(provider, request)
        return record is not None and record.state(time.time()).phase is Phase.SUCCEEDED

    def _asked_about(self, provider: str, request: web.Request) -> tuple[str, Record | None]:
        prediction_id = request.match_info.get("id") or request.query.get("id", "")
        return prediction_id, self.ledger.get(provider, prediction_id)

    # ---- limits ----

    def seconds_to_wait(self, provider: str, kind: str, per_minute: float | None, burst: float | None = None) -> float:
        if per_minute is None:
            return 0.0
        return self.limits.bucket(f"{provider}:{kind}", per_minute, burst).take()

    def is_throttled_by_prompt(self, prompt: str, body_hash: str) -> bool:
        if not steering(prompt).throttled:
            return False
        self._throttled[body_hash] += 1
        return self._throttled[body_hash] <= THROTTLED_CREATES

    def is_full(self, provider: str, model: str) -> bool:
        """Whether the account, or this model within it, has as many predictions live as it may (2.8)."""
        config = self.config.of(provider)
        limits = ((config.max_active, None), (config.max_active_by_model.get(model), model))
        return any(limit is not None and self.ledger.active(provider, of) >= limit for limit, of in limits)

    # ---- input images ----

    async def linked_image(self, provider: str, name: str, url: str) -> inputs.InputImage:
        """The image behind a link, as if it had come as data."""
        sha = hashlib.sha256(url.encode(errors="replace")).hexdigest()
        if not self.config.of(provider).fetch_urls:
            return inputs.InputImage(name, url, sha, None, None)
        data = await self._fetched(provider, url)
        if data is None:
            return inputs.InputImage(name, url, sha, None, None, "the URL cannot be fetched", is_unfetched=True)
        return await self.in_thread(inputs.from_bytes, name, url, hashlib.sha256(data).hexdigest(), data)

    async def _fetched(self, provider: str, url: str) -> bytes | None:
        shown = inputs.shown(url)
        # Faults on `any` mean requests to the provider; this one is a request of the provider.
        fault = self.faults[provider].take("fetch", lambda: shown, lambda fault: fault.kind == "unfetchable")
        data = None if fault else await inputs.fetch(self.http, url, self.config.of(provider).fetch_timeout_seconds)
        totals, counts = self.counts[provider], self._fetches.setdefault((provider, shown), Counter())
        totals["faults"] += fault is not None
        totals["fetches"] += 1
        totals["fetches_failed"] += data is None
        counts["fetches"] += 1
        counts["failed"] += data is None
        if len(self._fetches) > MAX_LINKS:
            self._fetches.popitem(last=False)
        return data

    # ---- predictions ----

    def cents(self, provider: str, model: str, size: Size, images: list[inputs.InputImage]) -> float:
        """What the picture will cost. An image that is not fetched is not counted."""
        return cents(self.prices(provider, model), size, [image.size for image in images if image.size])

    def prices(self, provider: str, model: str) -> Sequence[float]:
        return self.config.of(provider).prices.get(model) or MODELS[provider][model].prices

    def draw_plan(self, provider: str, model: str, prompt: str, seed: int | None, price_usd: float) -> Plan:
        config = self.config.of(provider)
        number, at = self._numbers[provider], self._sequence_numbers[provider]
        self._numbers[provider] += 1
        self._sequence_numbers[provider] += 1
        rng = random.Random(f"{config.seed}:{provider}:{number}")
        steer = steering(prompt)
        outcome = draw_outcome(config.outcome, config.outcomes, config.outcome_sequence, at, rng)
        end = draw_seconds(config.delay_seconds_by_model.get(model, config.delay_seconds), rng)
        if steer.delay_seconds is not None:
            end = steer.delay_seconds
        return Plan(
            outcome=steer.outcome or outcome,
            start_seconds=min(draw_seconds(config.start_seconds, rng), end),
            end_seconds=end,
            price_usd=price_usd,
            odd_statuses=tuple(config.odd_statuses),
            seed=rng.getrandbits(32) if seed is None else seed,
        )

    def add(self, record: Record) -> None:
        self.ledger.add(record)
        if record.plan.outcome == "succeed":
            # Drawn while the prediction runs, as a provider works: a rush of downloads then only reads.
            self._ahead.add(task := asyncio.ensure_future(self._draw_ahead(record)))
            task.add_done_callback(self._drawn_ahead)
        self.on_change(record)

    def cancel(self, record: Record) -> Record:
        changed = self.ledger.change(record, canceled_at=time.time())
        self.on_change(changed)
        return changed

    def finish(self, most: int | None = None) -> int:
        """Whatever is under way ends now, as its outcome says, unless that is to never end; at most so many of it,
        those that were begun first. How many ended."""
        now = time.time()
        under_way = [
            record for provider in PROVIDERS for record in self.ledger.of(provider)
            if record.is_active(now) and record.plan.outcome not in ENDLESS
        ]  # fmt: skip
        ending = sorted(under_way, key=lambda record: record.created_at)[:most]
        for record in ending:
            self.on_change(self.ledger.change(record, plan=ended_after(record.plan, now - record.created_at)))
        return len(ending)

    # ---- pictures ----

    async def _draw_ahead(self, record: Record) -> bytes:
        await asyncio.sleep(record.plan.end_seconds * 0.5)
        return await self.picture(record)

    def _drawn_ahead(self, task: asyncio.Future[bytes]) -> None:
        self._ahead.discard(task)
        if not task.cancelled():
            task.exception()  # who downloads it will be told

    async def in_thread(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.threads, work, *args)

    async def picture(self, record: Record) -> bytes:
        """The finished file; drawn when it is first asked for, and once however many ask together."""
        if record.id in self._cache:
            self._cache.move_to_end(record.id)
            return self._cache[record.id]
        drawing = self._drawing.get(record.id)
        if drawing is None:
            drawing = self._drawing[record.id] = asyncio.ensure_future(self._draw(record))
            drawing.add_done_callback(lambda _: self._drawing.pop(record.id, None))
        return await asyncio.shield(drawing)

    async def _draw(self, record: Record) -> bytes:
        images = [self.ledger.image(sha) for sha in record.images]

        def work() -> bytes:
            return pictures.draw(
                images, prompt=record.prompt, size=(record.size[0], record.size[1]), seed=record.plan.seed,
                output_format=record.output_format, scene=record.scene, quality=record.quality,
            )  # fmt: skip

        file = await self.in_thread(work)
        self._cache[record.id] = file
        self._cached_bytes += len(file)
        while self._cached_bytes > MAX_CACHED_BYTES:
            self._cached_bytes -= len(self._cache.popitem(last=False)[1])
        return file


def base_of(request: web.Request) -> str:
    """Scheme, host and port that a request came to."""
    return str(request.url.origin())


def on_host(base: str, host: str | None) -> str:
    """`base` with another host and the same port, where one is given."""
    return str(URL(base).with_host(host).origin()) if host else base


def host_of(request: web.Request) -> str:
    return (request.url.host or "").lower()


def is_key_accepted(config: ProviderConfig, key: str) -> bool:
    return bool(key) and (config.keys is None or key in config.keys)


async def json_body(request: web.Request) -> tuple[Any, bool]:
    """The JSON body, and whether it was readable."""
    try:
        return await request.json(), True
    except (ValueError, UnicodeDecodeError):
        return None, False
