"""Orchestrators that several tests of this folder tell."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import azure.durable_functions as df

from devhost.bench import orchestrators_of
from devhost.engine import Engine
from devhost.taskhub import TaskHub
from devhost.worker_deaths import WorkerDeaths

blueprint = df.Blueprint()


@blueprint.orchestration_trigger(context_name="context")
def two_steps(context: Any) -> Any:
    first = yield context.call_activity("first", context.get_input())
    second = yield context.call_activity("second", first)
    return second


@blueprint.orchestration_trigger(context_name="context")
def one_try(context: Any) -> Any:
    """What an activity or a child raises, as data."""
    try:
        answer = yield context.call_activity("first", context.get_input())
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
        return str(error).splitlines()[0].strip()
    return answer


@blueprint.orchestration_trigger(context_name="context")
def parent(context: Any) -> Any:
    """Calls its child until one ends well, three times at most; says how often it failed."""
    failures = []
    for _ in range(3):
        try:
            answer = yield context.call_sub_orchestrator("two_steps", context.get_input(), "child")
        except Exception as error:  # noqa: BLE001 - the SDK raises nothing narrower
            failures.append(str(error).splitlines()[0].strip())
        else:
            return {"answer": answer, "failures": failures}
    return {"answer": None, "failures": failures}


@blueprint.orchestration_trigger(context_name="context")
def waits_for_go(context: Any) -> Any:
    return (yield context.wait_for_external_event("go"))


@blueprint.orchestration_trigger(context_name="context")
def counts_as_new(context: Any) -> Any:
    n = yield context.call_activity("first", context.get_input())
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=1.9))
    if n < 3:
        context.continue_as_new(n)
        return None
    return n


@blueprint.orchestration_trigger(context_name="context")
def waits(context: Any) -> Any:
    yield context.create_timer(context.current_utc_datetime + timedelta(seconds=context.get_input()))


@contextmanager
def running_engine(deaths: WorkerDeaths | None = None, **activities: Callable[[Any], Any]) -> Iterator[Engine]:
    hub = TaskHub()
    engine = Engine(hub, max_orchestrators=2, max_activities=4, worker_deaths=deaths)
    for name, handler in orchestrators_of(blueprint).items():
        engine.add_orchestrator(name, handler)
    for name, call in activities.items():
        engine.add_activity(name, call)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()
