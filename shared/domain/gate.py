"""The gate before a provider: who may use one of its few slots, in which order, and when nobody may. Pure.

A provider serves a limited number of predictions at once, and of some of its generators fewer (BFL: 24 an account, 6 of them
of flux-kontext-max, providers reference 2.8), however many instances of the app there are. A holder is one picture of one job,
"job_.../0"; ids of jobs sort by the time they were accepted, so the holder that sorts first came first.

Owners take turns, and an owner who is given a slot goes behind all others who wait; each owner's own holders go in the order
in which they came. A slot is given in two steps by this one rule. Whose turn it is at the provider says for which generator it
is: that of this owner's first holder whose generator is not full. Whose turn it is at that generator gets it.
"""

import bisect
import statistics
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from shared.domain.polling import is_late

#: Failures in a row, of whatever job, after which the provider is left alone.
BREAKER_FAILURES = 5
BREAKER_SECONDS = 30.0
BREAKER_SECONDS_MAX = 300.0
#: A holder that has said nothing for so long may be dead: the task hub is asked. One that waits need not before it looks again.
VERIFY_ACTIVE_SECONDS = 60.0
VERIFY_WAITING_SECONDS = 90.0
#: How often a provider whose credit was used up is asked whether it has been topped up.
BALANCE_CHECK_SECONDS = 60.0
#: Who waits is woken when it has a slot. It looks by itself as a safety net, sooner when its turn is near: so many seconds after
#: the last look at least and at most.
LOOK_AGAIN_SECONDS, LOOK_AGAIN_SECONDS_MAX = 15.0, 60.0
#: A look by itself changes the document and runs a step of a story, so all who wait look no more than so often together: of a
#: thousand each does once in eight minutes.
LOOKS_A_SECOND = 2.0
#: A slot that its holder was told of, and has not come for: the word may be lost. Whoever comes to the gate next tells it again,
#: so many at a time.
TELL_AGAIN_SECONDS, TOLD_AGAIN_AT_ONCE = 20.0, 5
#: A provider that accepted a first try after an outage and does not end it is tried by one more.
PROBE_SECONDS = 60.0
_REMEMBERED_HOLDS = 20
#: So few that a provider which has become slower or quicker is known after three of its pictures.
RECENT_HOLDS = 5
#: A picture is first looked for at 0.6 of the usual time (watch.py): one that was there by then may have been there long before.
#: Two of them in a row are believed at once, so that the next one is looked for sooner.
_QUICK_FACTOR, _QUICK_HOLDS = 0.75, 2
#: What the gate notes of a holder. The former version wrote entries without generator, owner and turns.
Entry = dict[str, Any]
#: Where an entry notes its owner's turn: at its generator, and at the provider.
_TURN, _PROVIDER_TURN = "turn", "provider_turn"


def holder_name(job_id: str, index: int) -> str:
    return f"{job_id}/{index}"


def _names(holder: str) -> dict[str, str]:
    job_id, _, index = holder.partition("/")
    return {"job_id": job_id, "index": index}


def _owner(holder: str, entry: Entry) -> str:
    """Of holders whose owner is not known, those of the former version, each has turns of its own: none waits for the others."""
    return str(entry.get("owner", "")) or holder


def _turns(waiting: Mapping[str, Entry], turn: str) -> dict[str, tuple[int, str]]:
    """By owner: its turn and its first holder. The least is next, so that of equal turns that of the first holder is."""
    turns: dict[str, tuple[int, str]] = {}
    for holder, entry in waiting.items():
        # Who waits since the former version came before all who were given a turn.
        number, owner = entry.get(turn, 0), _owner(holder, entry)
        least, first = turns.get(owner, (number, holder))
        turns[owner] = min(least, number), min(first, holder)
    return turns


def _whose_turn(waiting: Mapping[str, Entry], turn: str) -> str:
    """The first holder of the owner whose turn it is."""
    return min(_turns(waiting, turn).values())[1]


class _Line:
    """The order in which those who wait for one generator will have its slots."""

    def __init__(self, queue: Mapping[str, Entry]) -> None:
        turns = _turns(queue, _TURN)
        of_owner: dict[str, list[str]] = {}
        for holder in sorted(queue):
            of_owner.setdefault(_owner(holder, queue[holder]), []).append(holder)
        #: Of each holder: which of its owner's turns is its own (from 1), and when its owner has turns.
        self._turn_of = {
            holder: (number, turns[owner]) for owner, holders in of_owner.items() for number, holder in enumerate(holders, 1)
        }
        self._owners = sorted((turns[owner], len(holders)) for owner, holders in of_owner.items())
        #: By number of turns: how many slots all owners have had by then, and in which order those come who have as many.
        self._by_number: dict[int, tuple[int, list[tuple[int, str]]]] = {}

    def position(self, holder: str) -> int:
        number, turn = self._turn_of[holder]
        if number not in self._by_number:
            had = sum(min(holders, number) for _, holders in self._owners)
            self._by_number[number] = had, [turn for turn, holders in self._owners if holders >= number]
        had, order = self._by_number[number]
        # By then each owner has had as many turns as this one, but for those who come after it.
        return had - (len(order) - bisect.bisect_right(order, turn))


class Grant(NamedTuple):
    """A word to a waiting holder that there may be a slot: `event` tells the orchestration `instance`."""

    holder: str
    instance: str
    event: str


class Place(NamedTuple):
    """Where a holder stands: with a slot, or at `position` (from 1) of the queue."""

    granted: bool
    position: int | None = None
    wait_seconds: float = 0.0
    #: When to look again, unless it is woken before.
    look_again_seconds: float = LOOK_AGAIN_SECONDS
    #: Who asks is a run of an activity that was delivered again: its story has asked for a later attempt, or once more, since.
    is_overtaken: bool = False


class Gate:
    """The state of one gate as of `now` (epoch seconds). Changes its `document`; `grants` and `events` tell what happened."""

    def __init__(
        self,
        document: dict[str, Any] | None,
        limit: int,
        now: float,
        caps: Mapping[str, int] | None = None,
        default_generator: str = "",
    ) -> None:
        """`limit`: slots of the provider. `caps`: by generator, how many of them it may have. `default_generator`: which
        generator a holder counts for that has named none."""
        self.document: dict[str, Any] = document or {
            "active": {}, "waiting": {}, "holds": [], "holds_of": {}, "turns": 0, "failures": 0, "opened": 0, "open_until": None,
            "stopped": None, "paused": None,
        }  # fmt: skip
        self.limit = limit
        self.now = now
        self.caps = caps or {}
        self.default_generator = default_generator
        self.grants: list[Grant] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._lines: dict[str, _Line] = {}

    # ---- what holders do ----

    def enter(
        self,
        holder: str,
        instance: str,
        event: str,
        *,
        failed: bool = False,
        attempt: int | None = None,
        call: int = 0,
        generator: str = "",
        owner: str = "",
    ) -> Place:
        """Take a slot or a place in the queue for an attempt; asking again changes nothing. `failed`: the provider failed this
        holder. `generator` and `owner`: as noted before where they are not named. Who asks for another generator than before
        comes anew: a slot is one of its generator. `call`: counts what a story asks, also when it is told anew; one that comes
        late changes nothing."""
        active, waiting = self.document["active"], self.document["waiting"]
        slot = active.get(holder)
        known = slot or waiting.get(holder) or {}
        # The former version notes no call.
        if known.get("instance") == instance and known.get("call", 0) > call:
            return Place(granted=False, is_overtaken=True)
        if failed:
            self._count_failure(probe=bool(slot and slot["probe"]))
        asked = {
            "instance": instance, "seen_at": self.now, "attempt": attempt, "call": call,
            "generator": generator or known.get("generator", ""), "owner": owner or known.get("owner", ""),
        }  # fmt: skip
        is_known = bool(known) and self._generator(known) == self._generator(asked)
        if slot and is_known and not (failed and self.is_shut):
            slot.update(asked)
            return Place(granted=True)
        active.pop(holder, None)
        last = self.document.get("turns", 0)
        turns = {turn: known.get(turn, 0) if is_known else last for turn in (_TURN, _PROVIDER_TURN)}
        waiting[holder] = {**asked, **turns, "event": event, "since": known.get("since", self.now)}
        self._fill(asking=holder)
        if holder in active:
            return Place(granted=True)
        position = self.position(holder)
        wait_seconds = self.expected_wait(position or 1, generator=self._generator(asked))
        among_all = len(waiting) / LOOKS_A_SECOND
        look_again = min(max(wait_seconds, LOOK_AGAIN_SECONDS, among_all), max(LOOK_AGAIN_SECONDS_MAX, among_all))
        waiting[holder]["looks_at"] = round(self.now + look_again, 1)
        return Place(granted=False, position=position, wait_seconds=wait_seconds, look_again_seconds=look_again)

    def leave(self, holder: str, outcome: str | None, attempt: int | None = None, took_seconds: float | None = None) -> None:
        """Give up the slot or the place, unless a later attempt has it by now. `outcome`: "ok" when the provider did its work,
        "failed" when it did not. `took_seconds`: from the submit until it had, where that is known."""
        held = (self.document["active"].get(holder) or self.document["waiting"].get(holder) or {}).get("attempt")
        if attempt is not None and held is not None and held > attempt:
            return
        slot = self.document["active"].pop(holder, None)
        self.document["waiting"].pop(holder, None)
        if outcome == "ok":
            self._count_success()
            if slot:
                self._note_hold(slot, took_seconds)
        elif outcome == "failed":
            self._count_failure(probe=bool(slot and slot["probe"]))
        self._fill()

    def note_failure(self, holder: str) -> None:
        """The provider failed a holder, which keeps what it has."""
        self._count_failure(probe=bool(self.document["active"].get(holder, {}).get("probe")))

    def overdue(self) -> dict[str, str]:
        """Holders that have said nothing for so long that they may be dead, each with the instance that holds ("" where the
        former version did not note it)."""
        active, waiting = self.document["active"].items(), self.document["waiting"].items()
        silent = [(holder, slot) for holder, slot in active if self.now - slot["seen_at"] > VERIFY_ACTIVE_SECONDS]
        for holder, entry in waiting:
            # Whoever waits need not say anything before it looks again.
            if self.now - max(entry["seen_at"], entry.get("looks_at", 0.0)) > VERIFY_WAITING_SECONDS:
                silent.append((holder, entry))
        return {holder: entry.get("instance", "") for holder, entry in silent}

    def verified(self, alive: dict[str, bool]) -> None:
        """What the task hub said of `overdue` holders: the dead lose their slots and places."""
        for group in ("active", "waiting"):
            for holder, is_alive in alive.items():
                if holder in self.document[group] and is_alive:
                    self.document[group][holder]["seen_at"] = self.now
                elif entry := self.document[group].pop(holder, None):
                    model = self._generator(entry) or None
                    self.events.append(("gate_freed", {**_names(holder), "reason": f"dead in {group}", "model": model}))
        self._fill()

    # ---- what can be known ----

    def position(self, holder: str) -> int | None:
        """Place from 1 in the order in which its generator's slots are given; None for a holder that does not wait."""
        waiting = self.document["waiting"]
        if holder not in waiting:
            return None
        generator = self._generator(waiting[holder])
        if generator not in self._lines:
            self._lines[generator] = _Line(self._queue(generator))
        return self._lines[generator].position(holder)

    def width(self, generator: str = "") -> int:
        """How many slots a generator can have at once."""
        return min(self.limit, self.caps.get(generator or self.default_generator, self.limit))

    def measured_seconds(self, generator: str = "") -> float | None:
        """How long a generator's slot is needed, measured on the last jobs that got their picture; None before there was one."""
        name = generator or self.default_generator
        # The former version measured all generators as one.
        holds = self.document.get("holds_of", {name: self.document["holds"]}).get(name)
        if not holds:
            return None
        usual, last = statistics.median(holds[-RECENT_HOLDS:]), max(holds[-_QUICK_HOLDS:])
        return float(last if len(holds) >= RECENT_HOLDS and last < usual * _QUICK_FACTOR else usual)

    def typical_seconds(self, default: float, generator: str = "") -> float:
        measured = self.measured_seconds(generator)
        return default if measured is None else measured

    def expected_wait(self, position: int, default_hold: float = 15.0, generator: str = "") -> float:
        """Seconds until the holder at `position` for a generator has a slot, if all goes as it went lately and no other
        generator of the provider is in the way."""
        waves = -(-position // self.width(generator))
        return waves * self.typical_seconds(default_hold, generator) + self.seconds_until_open

    def expected_start(self, holder: str, default_hold: float = 15.0) -> float | None:
        """Seconds until a waiting holder has its slot, reckoned by how long those ahead have had theirs; None while nobody knows:
        they are later than expected, or the provider is stopped."""
        position = self.position(holder)
        if position is None or self.document["stopped"] is not None:
            return None
        generator = self._generator(self.document["waiting"][holder])
        usual = self.typical_seconds(default_hold, generator)
        ages = [self.now - slot["granted_at"] for slot in self.document["active"].values() if self._generator(slot) == generator]
        rests = sorted(max(0.0, usual - age) for age in ages if not is_late(age, usual))
        # Slots that nobody has are given as soon as the gate opens.
        rests = [0.0] * (self.width(generator) - len(ages)) + rests
        waves, turn = divmod(position - 1, self.width(generator))
        return waves * usual + rests[turn] + self.seconds_until_open if turn < len(rests) else None

    @property
    def is_shut(self) -> bool:
        """Nobody gets a slot now: the credit is used up, or the provider is being left alone."""
        return self.document["stopped"] is not None or self.seconds_until_open > 0

    @property
    def is_failing(self) -> bool:
        """The provider has failed again and again: it is left alone for a while, or nobody who tried it since has ended."""
        if self.seconds_until_open > 0:
            return True
        return self.document["open_until"] is not None and bool(self.document["active"] or self.document["waiting"])

    @property
    def seconds_until_open(self) -> float:
        return max(0.0, (self.document["open_until"] or 0.0) - self.now)

    # ---- the provider's state ----

    def stop(self, code: str) -> None:
        """No slots and no intake until the balance check passes."""
        if self.document["stopped"] is None:
            self.events.append(("provider_stopped", {"code": code}))
        self.document["stopped"] = {"code": code, "checked_at": self.now}

    def pause(self, reason: str) -> None:
        """Take in no new jobs until resume(); those that are here go on. An earlier pause keeps its beginning."""
        since = (self.document.get("paused") or {}).get("since", self.now)
        self.document["paused"] = {"since": since, "reason": reason}

    def resume(self) -> None:
        self.document["paused"] = None

    @property
    def is_balance_check_due(self) -> bool:
        stopped = self.document["stopped"]
        return stopped is not None and self.now - stopped["checked_at"] >= BALANCE_CHECK_SECONDS

    def balance_checked(self, passed: bool) -> None:
        if self.document["stopped"] is None:
            return
        if not passed:
            self.document["stopped"]["checked_at"] = self.now
            return
        self.document["stopped"] = None
        self.events.append(("provider_resumed", {}))
        self._fill()

    def _count_success(self) -> None:
        if self.document["opened"]:
            self.events.append(("breaker_closed", {}))
        self.document.update(failures=0, opened=0, open_until=None)

    def _count_failure(self, *, probe: bool) -> None:
        self.document["failures"] += 1
        if self.seconds_until_open > 0:
            # A straggler from before: the provider is being left alone already.
            return
        if probe or self.document["failures"] >= BREAKER_FAILURES:
            seconds = min(BREAKER_SECONDS * 2 ** self.document["opened"], BREAKER_SECONDS_MAX)
            self.document.update(opened=self.document["opened"] + 1, open_until=self.now + seconds)
            self.events.append(("breaker_opened", {"failures": self.document["failures"], "seconds": seconds}))

    # ---- whose turn it is ----

    def _generator(self, entry: Entry) -> str:
        return entry.get("generator") or self.default_generator

    def _queue(self, generator: str) -> dict[str, Entry]:
        """Those who wait for a generator."""
        return {holder: entry for holder, entry in self.document["waiting"].items() if self._generator(entry) == generator}

    def _next(self) -> str | None:
        """Who is given the next slot; None while there is none for anybody who waits."""
        active, waiting = self.document["active"], self.document["waiting"]
        if len(active) >= self.limit:
            return None
        taken = Counter(map(self._generator, active.values()))
        open_to = {generator for generator in map(self._generator, waiting.values()) if taken[generator] < self.width(generator)}
        welcome = {holder: entry for holder, entry in waiting.items() if self._generator(entry) in open_to}
        if not welcome:
            return None
        generator = self._generator(waiting[_whose_turn(welcome, _PROVIDER_TURN)])
        return _whose_turn(self._queue(generator), _TURN)

    def _fill(self, asking: str | None = None) -> None:
        """Give free slots to those whose turn it is. After an outage one of them tries first, alone."""
        self._lines = {}
        active = self.document["active"]
        probing = self.document["open_until"] is not None
        for slot in active.values():
            slot["probe"] = slot["probe"] and self.now - slot["granted_at"] < PROBE_SECONDS
        self._tell_again()
        self._give_free_slots(asking, probing)
        self._have_one_look()

    def _give_free_slots(self, asking: str | None, probing: bool) -> None:
        active = self.document["active"]
        while not self.is_shut and (holder := self._next()):
            if probing and any(slot["probe"] for slot in active.values()):
                return
            slot = self._grant(holder, probing)
            if holder != asking:
                self._tell(holder, slot)

    def _tell(self, holder: str, slot: Entry) -> None:
        slot["told_at"] = self.now
        self.grants.append(Grant(holder, slot["instance"], slot["event"]))

    def _tell_again(self) -> None:
        """Those who have not come for their slots."""
        late = [
            (holder, slot)
            for holder, slot in self.document["active"].items()
            if slot["seen_at"] <= slot["granted_at"] and self.now - slot.get("told_at", self.now) > TELL_AGAIN_SECONDS
        ]
        for holder, slot in late[:TOLD_AGAIN_AT_ONCE]:
            self._tell(holder, slot)

    def _have_one_look(self) -> None:
        """Somebody comes within a minute, whatever happens. When a long line has become short the others would look as rarely
        as in the long one, and none would find a gate that has opened, a slot whose holder died, or a word that was lost."""
        waiting, latest = self.document["waiting"], self.now + LOOK_AGAIN_SECONDS_MAX
        if waiting and all(entry.get("looks_at", 0.0) > latest for entry in waiting.values()):
            first = min(waiting, key=lambda holder: float(waiting[holder]["looks_at"]))
            waiting[first]["looks_at"] = latest
            self.grants.append(Grant(first, waiting[first]["instance"], waiting[first]["event"]))

    def _grant(self, holder: str, probe: bool) -> Entry:
        """Make a waiting holder's entry a slot. It keeps the turn that was used for it, should the slot be lost again."""
        entry: Entry = self.document["waiting"].pop(holder)
        entry.pop("looks_at", None)
        self._end_turn(holder, entry)
        slot = self.document["active"][holder] = {**entry, "granted_at": self.now, "seen_at": self.now, "probe": probe}
        waited_ms, model = round((self.now - entry["since"]) * 1000), self._generator(entry) or None
        self.events.append(("gate_granted", {**_names(holder), "waited_ms": waited_ms, "model": model}))
        return slot

    def _end_turn(self, holder: str, given: Entry) -> None:
        """Its owner goes behind all who wait. A turn is the number of slots that had been given when the owner came, or when it
        was given its last one."""
        number = self.document["turns"] = self.document.get("turns", 0) + 1
        for other, entry in self.document["waiting"].items():
            if _owner(other, entry) == _owner(holder, given):
                entry[_PROVIDER_TURN] = number
                if self._generator(entry) == self._generator(given):
                    entry[_TURN] = number

    def _note_hold(self, slot: Entry, took_seconds: float | None) -> None:
        """Remember how long a slot was needed, by generator. What passes from the end until a look sees it is no time of the
        provider's: to aim at that would make looks later and later. The former version keeps `holds` alone, and measured there
        the one generator it had."""
        document, generator = self.document, self._generator(slot)
        held = self.now - slot["granted_at"]
        # Who says that it ended before it began, or took longer than its slot was held, has another clock.
        seconds = round(took_seconds if took_seconds is not None and 0 < took_seconds <= held else held, 2)
        holds_of = document.setdefault("holds_of", {self.default_generator: document["holds"]})
        holds_of[generator] = [*holds_of.get(generator, []), seconds][-_REMEMBERED_HOLDS:]
        document["holds"] = [*document["holds"], seconds][-_REMEMBERED_HOLDS:]
