"""What is done at a provider's gate: take a slot or a place in the line, give it back, wake whose turn it is, free the dead."""

import contextlib
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import azure.durable_functions as df

from shared import telemetry, threads
from shared.domain.gate import Gate, Grant, Place, holder_name
from shared.domain.job import WAITING
from shared.domain.payloads import Named, SubmitOrder
from shared.domain.problem import Problem, ProblemData
from shared.domain.starting import GOING_ON
from shared.intake import refresh_balance
from shared.services import Services
from shared.starting import find_and_revive
from shared.task_hub import find_instance

#: Dead holders are asked about a few at a time: the next one who comes asks about the rest.
MOST_AT_ONCE = 5


class Slot(NamedTuple):
    """What came of asking for one. `problem`: why nobody gets one just now, or why there is no use in waiting."""

    state: Literal["granted", "waiting", "closed"]
    #: What a picture usually takes there; None where that was not measured yet.
    expected_seconds: float | None
    place: Place | None = None
    problem: ProblemData | None = None


async def take(services: Services, client: df.DurableOrchestrationClient, payload: SubmitOrder) -> Slot:
    """A slot, or a place in the line; asking again changes nothing."""
    generator = services.generators[payload["generator"]]
    holder = holder_name(payload["job_id"], payload["index"])

    def ask(gate: Gate) -> tuple[Place | None, str | None, bool, dict[str, str], float | None]:
        place = gate.enter(
            holder, payload["instance"], payload["event"], failed=payload["has_failed"], attempt=payload["attempt"],
            call=payload["call"], generator=generator.name, owner=payload.get("owner", ""),
        )  # fmt: skip
        stopped = gate.document["stopped"]
        waits = not place.granted and not place.is_overtaken
        is_closed = waits and (stopped or (gate.is_shut and not payload["may_wait_when_down"]))
        if is_closed:
            gate.leave(holder, None)
        overdue = gate.overdue() if waits and not is_closed else {}
        return (
            None if is_closed else place,
            stopped["code"] if stopped else None,
            gate.is_shut,
            overdue,
            gate.measured_seconds(generator.name),
        )

    provider = generator.provider

    def taken() -> tuple[tuple[Place | None, str | None, bool, dict[str, str], float | None], list[Grant]]:
        refresh_balance(services, provider)
        return services.gates.change(provider.name, ask)

    (place, stopped, is_shut, overdue, measured), grants = await threads.run(taken)
    await _wake(client, grants)
    if overdue:
        await _free_dead(services, client, provider.name, overdue)
    problem = Problem(stopped or "provider_unavailable", params={"provider": provider.label}).at(WAITING).to_payload()
    if place is None:
        return Slot("closed", measured, problem=problem)
    if place.granted:
        return Slot("granted", measured, place)
    telemetry.event(
        "gate_waiting", job_id=payload["job_id"], index=payload["index"], generator=provider.name, model=generator.name,
        position=place.position,
    )  # fmt: skip
    return Slot("waiting", measured, place, problem if is_shut else None)


async def give_back(
    services: Services,
    client: df.DurableOrchestrationClient,
    payload: Named,
    outcome: Literal["ok", "failed"] | None,
    took_seconds: float | None = None,
) -> int:
    """Give the slot or the place back; returns how many others were woken. `outcome`, `took_seconds`: as Gate.leave says."""
    holder = holder_name(payload["job_id"], payload["index"])
    _, grants = await threads.run(
        services.gates.change,
        _provider(services, payload),
        lambda gate: gate.leave(holder, outcome, payload["attempt"], took_seconds),
    )
    await _wake(client, grants)
    return len(grants)


async def note_failure(services: Services, payload: Named) -> None:
    """The provider failed a picture that does not ask for a slot now."""
    holder = holder_name(payload["job_id"], payload["index"])
    await threads.run(services.gates.change, _provider(services, payload), lambda gate: gate.note_failure(holder))


def _provider(services: Services, payload: Named) -> str:
    return services.generator_for(payload).provider.name


async def tidy(services: Services, client: df.DurableOrchestrationClient, provider: str) -> None:
    """Free what dead holders left behind; otherwise the next one who waits does."""
    gate = await threads.run(services.gates.look, provider)
    if overdue := gate.overdue():
        await _free_dead(services, client, provider, overdue)


async def _free_dead(
    services: Services, client: df.DurableOrchestrationClient, provider: str, overdue: Mapping[str, str]
) -> None:
    alive = await who_lives(services, client, overdue)
    _, grants = await threads.run(services.gates.change, provider, lambda gate: gate.verified(alive))
    await _wake(client, grants)


async def who_lives(services: Services, client: df.DurableOrchestrationClient, holders: Mapping[str, str]) -> dict[str, bool]:
    """Whether the story goes on that each holder's instance tells, or will be started again. When the task hub gives no
    answer, it does."""
    alive = {}
    for holder, instance in list(holders.items())[:MOST_AT_ONCE]:
        job_id, _, index = holder.partition("/")
        try:
            status = await find_instance(client, instance or job_id)
            runtime = None if status is None else status.runtime_status.name
            # A story that was told to its end holds nothing, whatever its job still does.
            is_over = runtime == "Completed"
            alive[holder] = not is_over and (runtime in GOING_ON or await find_and_revive(services, client, job_id, int(index)))
        except Exception:  # noqa: BLE001 - the client raises whatever its HTTP library does
            alive[holder] = True
    return alive


async def _wake(client: df.DurableOrchestrationClient, grants: Iterable[Grant]) -> None:
    """Tell those who were given a slot. One who misses it looks at the gate again by itself."""
    for grant in grants:
        with contextlib.suppress(Exception):
            await client.raise_event(grant.instance, grant.event, {})
