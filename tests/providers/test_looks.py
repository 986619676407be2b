"""What a look says: of a prediction that is not found, that finished without anything to fetch, and of both for one look only."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.providers.provider import Failed, Handle, NotFound, Ready, Running, Unusable
from shared.providers.registry import PROVIDERS
from tests.providers.orders import order, until_ended

every_generator = pytest.mark.parametrize("name", [generator.name for generator in PROVIDERS])


def submitted(generator: Any, sim: Any, name: str, **poll: Any) -> Handle:
    """A prediction that ends soon, and a fault for the looks at it."""
    handle: Handle = generator.submit(order(name), timeout_seconds=60)
    sim.configure(**{name: {"faults": [{"on": "poll", **poll}]}})
    return handle


def bfl_answers(sim: Any, status: int, body: Any) -> None:
    sim.configure(bfl={"faults": [{"on": "poll", "kind": "status", "status": status, "json": body}]})


@every_generator
def test_a_prediction_that_was_seen_may_be_not_found_for_one_look(generators: Any, sim: Any, name: str) -> None:
    generator = generators[name]
    sim.configure(**{name: {"delay_seconds": 600}})
    handle = submitted(generator, sim, name, kind="not_found", skip=8, times=1)

    assert {type(generator.look(handle)) for _ in range(8)} == {Running}
    assert generator.look(handle) == NotFound()
    sim.finish()
    assert isinstance(until_ended(generator, handle), Ready)


@every_generator
@pytest.mark.parametrize("body", ["json", "html", "empty"])
def test_a_404_of_any_shape_is_not_found(generators: Any, sim: Any, name: str, body: str) -> None:
    handle = submitted(generators[name], sim, name, kind="status", status=404, body=body)

    assert generators[name].look(handle) == NotFound()


@every_generator
def test_a_handle_that_nobody_knows_is_not_found(generators: Any, name: str) -> None:
    known = generators[name].submit(order(name), timeout_seconds=60)
    stranger = Handle("0" * 26, known.poll_url.replace(known.id, "0" * 26))

    assert generators[name].look(stranger) == NotFound()


@pytest.mark.parametrize("status", [200, 202, 404, 422, 503])
def test_bfl_says_task_not_found_under_any_code(generators: Any, sim: Any, status: int) -> None:
    handle = generators["bfl"].submit(order("bfl"), timeout_seconds=60)
    bfl_answers(sim, status, {"id": handle.id, "status": "Task not found", "result": None})

    assert generators["bfl"].look(handle) == NotFound()


def test_a_status_under_404_speaks_before_the_code(generators: Any, sim: Any) -> None:
    handle = generators["bfl"].submit(order("bfl"), timeout_seconds=60)
    bfl_answers(sim, 404, {"id": handle.id, "status": "Error"})
    assert isinstance(generators["bfl"].look(handle), Failed)
    bfl_answers(sim, 404, {"id": handle.id, "status": "Pending"})
    looked = generators["bfl"].look(handle)
    assert isinstance(looked, Running)
    assert looked == Running(trouble="poll answered 404")


@every_generator
def test_finished_without_a_picture_is_paid_and_may_have_one_at_the_next_look(generators: Any, sim: Any, name: str) -> None:
    generator = generators[name]
    look = until_ended(generator, handle := submitted(generator, sim, name, kind="no_output", times=1))

    assert isinstance(look, Unusable)
    assert (look.problem.code, look.problem.charged) == ("provider_bad_response", "yes")
    assert look.problem.params["provider"] == generator.label
    assert isinstance(generator.look(handle), Ready)


@pytest.mark.parametrize(("shape", "told"), [("null", "NoneType"), ("object", "dict")])
def test_the_shape_of_an_output_without_a_picture_is_told(generators: Any, sim: Any, shape: str, told: str) -> None:
    sim.configure(replicate={"output_shape": shape})
    look = until_ended(generators["replicate"], generators["replicate"].submit(order("replicate"), timeout_seconds=60))

    assert isinstance(look, Unusable)
    assert look.problem.params == {"provider": "Replicate", "shape": told}


@every_generator
def test_a_ready_picture_has_been_so_for_as_long_as_its_provider_says(generators: Any, sim: Any, name: str) -> None:
    sim.configure(**{name: {"delay_seconds": 0.2}})
    generator, began = generators[name], datetime.now(UTC)
    handle = generator.submit(order(name), timeout_seconds=60)
    ready = until_ended(generator, handle)

    assert began < ready.ended_at <= datetime.now(UTC)
    # Not when it was looked at.
    assert generator.look(handle).ended_at == ready.ended_at


@pytest.mark.parametrize("end_time", [None, "soon", "1795341609.87", [], -1e30, 1e300, 0])
def test_an_end_that_is_no_time_is_none(generators: Any, sim: Any, end_time: Any) -> None:
    handle = generators["bfl"].submit(order("bfl"), timeout_seconds=60)
    result = {"sample": "https://delivery-eu1.bfl.ai/results/x/sample.png", "end_time": end_time}
    bfl_answers(sim, 200, {"id": handle.id, "status": "Ready", "result": result})

    looked = generators["bfl"].look(handle)
    assert isinstance(looked, Ready)
    assert looked == Ready(result["sample"])


@pytest.mark.parametrize("result", [None, {}, {"sample": None}, {"sample": ""}, {"sample": 7}, [], "x"])
def test_ready_without_a_sample_is_unusable(generators: Any, sim: Any, result: Any) -> None:
    handle = generators["bfl"].submit(order("bfl"), timeout_seconds=60)
    bfl_answers(sim, 200, {"id": handle.id, "status": "Ready", "result": result})

    assert isinstance(generators["bfl"].look(handle), Unusable)
