"""Runs what the task hub holds: orchestrator episodes and activities on threads, timers from one heap."""

import difflib
import heapq
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from devhost import replay
from devhost.activities import run_activity
from devhost.replay import Event
from devhost.taskhub import TaskHub, Work, utc_now
from devhost.worker_deaths import WorkerDeaths, WorkerDied

log = logging.getLogger("devhost.durable")


class Engine:
    """Goes on with everything in the hub from start() to stop(). Wakes by what is sent, never by looking around."""

    def __init__(
        self, hub: TaskHub, *, max_orchestrators: int = 10, max_activities: int = 10, default_version: str | None = None,
        worker_deaths: WorkerDeaths | None = None,
    ) -> None:  # fmt: skip
        self.hub = hub
        self.default_version = default_version
        self._deaths = worker_deaths
        self._orchestrators: dict[str, replay.Handler] = {}
        self._activities: dict[str, Callable[[Any], Any]] = {}
        self._changed = threading.Condition()
        self._ready: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._busy: set[str] = set()
        self._again: set[str] = set()
        self._timers: list[tuple[float, str]] = []
        self._stopping = False
        self._episodes = [threading.Thread(target=self._run_episodes, daemon=True) for _ in range(max_orchestrators)]
        self._pool = ThreadPoolExecutor(max_activities, thread_name_prefix="activity")
        self._clock = threading.Thread(target=self._run_timers, daemon=True)

    def add_orchestrator(self, name: str, handler: replay.Handler) -> None:
        """Names are compared in any case."""
        self._orchestrators[name.lower()] = handler

    def add_activity(self, name: str, call: Callable[[Any], Any]) -> None:
        self._activities[name.lower()] = call

    def start(self) -> None:
        for thread in (*self._episodes, self._clock):
            thread.start()
        for instance_id, visible_at in self.hub.waiting():
            self._wake(instance_id, visible_at)
        # Nobody else can be running these: the hub has one host.
        for work in self.hub.open_work():
            self._pool.submit(self._run_activity, work)

    def stop(self) -> None:
        """Begin nothing new. What is under way is not waited for: it runs again at the next start."""
        self._stopping = True
        with self._changed:
            self._changed.notify_all()
        for _ in self._episodes:
            self._ready.put(None)
        self._pool.shutdown(wait=False, cancel_futures=True)

    # ---- from outside ----

    def start_instance(
        self, name: str, instance_id: str, input_text: str | None, version: str | None, *, overwrite: bool
    ) -> str | None:
        """None when started, else the status of the live instance that has the id."""
        refused = self.hub.create(utc_now(), name, instance_id, input_text, version or self.default_version, overwrite=overwrite)
        if refused is None:
            self._wake(instance_id)
        return refused

    def send(self, instance_id: str, event: Event) -> str | None:
        refused = self.hub.send(instance_id, event)
        if refused is None:
            self._wake(instance_id)
        return refused

    # ---- episodes ----

    def _wake(self, instance_id: str, visible_at: float = 0.0) -> None:
        with self._changed:
            if visible_at > time.time():
                heapq.heappush(self._timers, (visible_at, instance_id))
                self._changed.notify()
            elif instance_id in self._busy:
                self._again.add(instance_id)
            else:
                self._busy.add(instance_id)
                self._ready.put(instance_id)

    def _run_timers(self) -> None:
        while not self._stopping:
            with self._changed:
                while self._timers and self._timers[0][0] <= time.time():
                    _, instance_id = heapq.heappop(self._timers)
                    if instance_id in self._busy:
                        self._again.add(instance_id)
                    else:
                        self._busy.add(instance_id)
                        self._ready.put(instance_id)
                self._changed.wait(self._timers[0][0] - time.time() if self._timers else None)

    def _run_episodes(self) -> None:
        """One thread: one instance at a time, one episode at a time per instance."""
        while (instance_id := self._ready.get()) is not None and not self._stopping:
            again = False
            try:
                again = self._run_episode(instance_id)
            except Exception:
                log.exception("episode of %s could not be run", instance_id)
            with self._changed:
                if again or instance_id in self._again:
                    self._again.discard(instance_id)
                    self._ready.put(instance_id)
                else:
                    self._busy.discard(instance_id)

    def _run_episode(self, instance_id: str) -> bool:
        """Whether there may be more to do at once."""
        now = utc_now()
        episode = self.hub.load(instance_id, now)
        if episode is None:
            return False
        if _is_newer(episode.version, self.default_version):
            log.warning("%s has version %s, above defaultVersion: Pending until a newer host comes", instance_id, episode.version)
            return False
        handler = self._orchestrators.get(episode.instance.name.lower())
        if handler is not None and self._deaths is not None:
            handler = self._deaths.mortal(handler, "episode", f"of {episode.instance.name} {instance_id}")
        decisions = replay.run_episode(episode.history, episode.messages, now, episode.instance, handler)
        self._refuse_unknown(instance_id, decisions)
        sent = self.hub.commit(episode, decisions, utc_now(), self.default_version)
        for target, visible_at in sent.messages:
            self._wake(target, visible_at)
        for work in sent.work:
            if not self._stopping:
                self._pool.submit(self._run_activity, work)
        return True

    def _refuse_unknown(self, instance_id: str, decisions: replay.Decisions) -> None:
        """As on the engine no event is written for an unknown activity and the instance stays; here at least it is said."""
        known = []
        for task_id, name, text in decisions.activities:
            if name.lower() in self._activities:
                known.append((task_id, name, text))
                continue
            near = difflib.get_close_matches(name, self._activities, 3)
            log.error("%s calls activity %r, which does not exist: it will wait for ever. Near: %s", instance_id, name, near)
            decisions.events = [
                e for e in decisions.events if not (e["EventType"] == replay.TASK_SCHEDULED and e["EventId"] == task_id)
            ]
        decisions.activities = known

    # ---- activities ----

    def _run_activity(self, work: Work) -> None:
        if self._stopping:
            return
        call = self._activities.get(work.name.lower())
        if call is None:
            log.error("activity %r of %s does not exist any more", work.name, work.instance_id)
            return
        if self._deaths is not None:
            call = self._deaths.mortal(call, "activity", f"{work.name} of {work.instance_id}")
        event, error = run_activity(call, work.name, work.task_id, work.input, utc_now)
        if error is not None and not isinstance(error, WorkerDied):
            log.error(
                "activity %s of %s failed: %s: %s", work.name, work.instance_id, type(error).__name__, error, exc_info=error
            )
        if self._stopping:
            return
        self.hub.answer(work, event)
        self._wake(work.instance_id)


def _is_newer(version: str | None, default: str | None) -> bool:
    """CurrentOrOlder, the default match: what is above defaultVersion is left for a newer worker."""

    def parts(text: str) -> list[int]:
        return [int(p) if p.isdigit() else 0 for p in text.split(".")]

    return bool(version) and (default is None or parts(str(version)) > parts(default))
