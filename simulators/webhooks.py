"""Webhook deliveries of both providers (1.8, 2.7), with the ways in which they go wrong."""

import asyncio
import base64
import hashlib
import hmac
import json
import math
import secrets
import time
from typing import Any

import aiohttp

from simulators.bfl_api import BflApi
from simulators.config import WebhookConfig
from simulators.core import PROVIDERS, Core
from simulators.ledger import Record
from simulators.lifecycle import Phase, next_change, start_of
from simulators.replicate_api import ReplicateApi


class Webhooks:
    """One task for each live prediction that asked for webhooks; it waits for the moments of the prediction's life."""

    def __init__(self, core: Core, replicate: ReplicateApi, bfl: BflApi) -> None:
        self._core = core
        self._replicate = replicate
        self._bfl = bfl
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._changed: dict[str, asyncio.Event] = {}

    def resume(self) -> None:
        """Watch what an earlier process left."""
        for provider in PROVIDERS:
            for record in self._core.ledger.of(provider):
                self.watch(record)

    def watch(self, record: Record) -> None:
        if record.id in self._changed:
            self._changed[record.id].set()
        elif record.webhook and not record.webhook_done:
            self._changed[record.id] = asyncio.Event()
            self._watchers[record.id] = asyncio.create_task(self._follow(record.provider, record.id))

    def stop(self) -> None:
        for watcher in self._watchers.values():
            watcher.cancel()
        self._watchers.clear()
        self._changed.clear()

    async def _follow(self, provider: str, prediction_id: str) -> None:
        sent: set[str] = set()
        while (record := self._core.ledger.get(provider, prediction_id)) is not None:
            config = self._core.config.of(provider).webhooks
            seen_at = time.time() - config.delay_seconds
            if seen_at >= start_of(record.plan, record.created_at):
                for event in ("start", "logs"):
                    await self._send_once(record, event, sent, seen_at)
            if seen_at >= record.ends_at():
                if record.state(seen_at).phase is Phase.SUCCEEDED:
                    await self._send_once(record, "output", sent, seen_at)
                await self._send_once(record, "completed", sent, seen_at)
                self._core.ledger.change(record, webhook_done=True)
                break
            moment = next_change(record.plan, record.created_at, seen_at, record.canceled_at) + config.delay_seconds
            await self._sleep_until(prediction_id, moment)
        self._watchers.pop(prediction_id, None)
        self._changed.pop(prediction_id, None)

    async def _sleep_until(self, prediction_id: str, moment: float) -> None:
        """Also wakes when the prediction changes (it is cancelled), and from time to time for a new config."""
        changed = self._changed[prediction_id]
        seconds = min(1.0, moment - time.time()) if math.isfinite(moment) else 1.0
        try:
            await asyncio.wait_for(changed.wait(), max(0.005, seconds))
        except TimeoutError:
            pass
        changed.clear()

    async def _send_once(self, record: Record, event: str, sent: set[str], seen_at: float) -> None:
        config = self._core.config.of(record.provider).webhooks
        if record.webhook is None or event in sent or event not in record.webhook["events"]:
            return
        sent.add(event)
        if config.lost:
            return
        body = json.dumps(await self._body(record, event, seen_at)).encode()
        message_id = f"msg_{secrets.token_hex(12)}"
        if config.forged:
            await self._post(record, config, self._forged(record), f"msg_{secrets.token_hex(12)}", forged=True)
        delivered = await self._post(record, config, body, message_id)
        for _ in range(config.duplicates):
            await self._post(record, config, body, message_id)
        # Only the terminal event is tried again (1.8).
        for pause in config.retry_seconds if event == "completed" else []:
            if delivered:
                break
            await asyncio.sleep(pause)
            delivered = await self._post(record, config, body, message_id)

    async def _body(self, record: Record, event: str, seen_at: float) -> dict[str, Any]:
        if record.provider == "replicate":
            return await self._replicate.render(record, record.base, seen_at, running_with_output=event == "output")
        task = self._bfl.render(record, record.base, seen_at)
        if self._core.config.bfl.webhooks.payload == "new":
            return {"id": record.id, "status": task["status"], "result": task["result"], "timestamp": seen_at}
        is_ready = task["status"] == "Ready"
        return {
            "task_id": record.id, "status": "SUCCESS" if is_ready else "FAILED", "result": task["result"],
            "error": None if is_ready else task["status"], "progress": 1.0,
        }  # fmt: skip

    def _forged(self, record: Record) -> bytes:
        if record.provider == "replicate":
            return json.dumps({"id": record.id, "status": "succeeded", "output": "https://attacker.example/x.png"}).encode()
        return json.dumps({"id": record.id, "status": "Ready", "result": {"sample": "https://attacker.example/x.png"}}).encode()

    async def _post(self, record: Record, config: WebhookConfig, body: bytes, message_id: str, *, forged: bool = False) -> bool:
        assert record.webhook is not None  # noqa: S101 - only records with a webhook are watched
        headers = {"Content-Type": "application/json", **self._signature(record, config, body, message_id, forged)}
        counts = self._core.counts[record.provider]
        try:
            async with self._core.http.post(
                record.webhook["url"], data=body, headers=headers, allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=config.timeout_seconds),
            ) as answer:  # fmt: skip
                is_delivered = 200 <= answer.status < 300
        except (aiohttp.ClientError, TimeoutError, ValueError):
            is_delivered = False
        counts["webhooks_sent"] += 1
        counts["webhooks_failed"] += not is_delivered
        return is_delivered

    def _signature(self, record: Record, config: WebhookConfig, body: bytes, message_id: str, forged: bool) -> dict[str, str]:
        if record.provider == "replicate":
            secret = self._core.config.replicate.webhook_secret
            key = secrets.token_bytes(24) if forged else base64.b64decode(secret.removeprefix("whsec_"))
            timestamp = str(int(time.time() + config.clock_skew_seconds))
            signed = f"{message_id}.{timestamp}.".encode() + body
            signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
            return {
                "webhook-id": message_id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{signature}",
            }  # fmt: skip
        given = (record.webhook or {}).get("secret")
        if not given or config.signature == "none":
            return {}
        key_text = secrets.token_hex(16) if forged else str(given)
        if config.signature == "A":
            return {"X-Webhook-Secret": key_text}
        return {"X-BFL-Signature": f"sha256={hmac.new(key_text.encode(), body, hashlib.sha256).hexdigest()}"}
