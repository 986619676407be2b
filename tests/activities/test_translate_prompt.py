"""translate_prompt: decided once, by whoever comes first, and within seconds."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from activities import translate_prompt
from activities.translate_prompt import translate
from shared.domain.job import asked_to_cancel
from shared.domain.problem import Problem, ProblemError
from shared.translator import Translation
from tests.fakes import make_job, make_services
from tests.patience import PATIENCE

UNAVAILABLE = ProblemError(Problem("translator_unavailable"))


class Translator:
    """Gives these answers in turn, then the last one for ever; what is raised or called is raised or called."""

    is_configured = True

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers) or ["a hero"]
        self.asked: list[tuple[str, str | None]] = []

    def to_english(self, text: str, source: str | None = None) -> Translation:
        self.asked.append((text, source))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return Translation(answer() if callable(answer) else answer, "ko")


def house(translator: Translator, **changes: Any) -> Any:
    made = make_services()
    made.__dict__["translator"] = translator
    asked = {"prompt": "영웅", "prompt_sent": "영웅", "n": 1}
    make_job(made, **{"input": asked, "translated": {"state": "open"}, **changes})
    return made


async def run(services: Any, *, is_last: bool = False, start: int = 0, job_id: str = "job_1") -> str:
    order: Any = {"job_id": job_id, "traceparent": None, "start": start, "is_last": is_last}
    return (await translate(services, order))["state"]


def sent(services: Any) -> tuple[str, list[str]]:
    """What is sent, and the job's warnings."""
    job = services.jobs.read("job_1")
    return job["input"]["prompt_sent"], [warning["code"] for warning in job.get("warnings", ())]


async def test_the_translation_is_kept_in_the_document_and_told_to_nobody() -> None:
    translator = Translator()
    services = house(translator)
    order: Any = {"job_id": "job_1", "traceparent": None, "start": 0, "is_last": False}

    assert await translate(services, order) == {"state": "decided"}
    assert sent(services) == ("a hero", [])
    assert services.jobs.read("job_1")["input"]["prompt"] == "영웅"
    assert translator.asked == [("영웅", "ko")]


async def test_what_was_decided_is_not_asked_for_again() -> None:
    translator = Translator("a hero", "another hero")
    services = house(translator)

    assert [await run(services) for _ in range(3)] == ["decided"] * 3
    assert sent(services) == ("a hero", [])
    assert len(translator.asked) == 1


async def test_a_translator_that_fails_may_be_asked_again_until_the_last_time() -> None:
    translator = Translator(UNAVAILABLE)
    services = house(translator)

    assert await run(services) == "again"
    assert sent(services) == ("영웅", [])
    assert await run(services, is_last=True) == "decided"
    assert sent(services) == ("영웅", ["prompt_not_translated"])


async def test_a_failure_that_was_decided_stays_one_though_the_translator_is_back() -> None:
    translator = Translator(UNAVAILABLE, "a hero")
    services = house(translator)

    assert [await run(services, is_last=True), await run(services)] == ["decided", "decided"]
    assert sent(services) == ("영웅", ["prompt_not_translated"])
    assert len(translator.asked) == 1


async def test_of_two_runs_at_once_the_first_decision_stands() -> None:
    meet = threading.Barrier(2)
    answers = iter(["a hero", "another hero"])

    def answer() -> str:
        meet.wait(PATIENCE)
        return next(answers)

    translator = Translator(answer)
    services = house(translator)
    decided = await asyncio.gather(run(services), run(services))

    assert decided == ["decided", "decided"]
    assert len(translator.asked) == 2
    text, warnings = sent(services)
    assert text in ("a hero", "another hero")
    assert services.jobs.read("job_1")["translated"] == {"state": "yes", "text": text}
    assert warnings == []


async def test_a_translator_that_is_silent_is_waited_for_no_longer_than_it_may_take(monkeypatch: Any) -> None:
    monkeypatch.setattr(translate_prompt, "ANSWER_SECONDS", 0.1)
    release = threading.Event()

    def late() -> str:
        release.wait(60)
        return "too late"

    services = house(Translator(late))
    began = time.monotonic()
    try:
        assert await run(services, is_last=True) == "decided"
        assert time.monotonic() - began < 30
    finally:
        release.set()
    await asyncio.sleep(0.05)
    assert sent(services) == ("영웅", ["prompt_not_translated"])


@pytest.mark.parametrize(
    "error", [UNAVAILABLE, ProblemError(Problem("translator_not_configured")), RuntimeError("영웅"), KeyError("x")]
)
async def test_whatever_is_wrong_with_the_translator_ends_no_job_and_tells_no_prompt(error: Exception, caplog: Any) -> None:
    services = house(Translator(error))

    assert await run(services) == "again"
    (record,) = [record for record in caplog.records if "translation_failed" in record.getMessage()]
    assert "영웅" not in record.getMessage()


def canceled(services: Any) -> None:
    services.jobs.update("job_1", lambda job: asked_to_cancel(job, services.now()))


@pytest.mark.parametrize(
    "happens",
    [
        canceled, lambda services: services.jobs.hide("job_1", services.now()), lambda services: services.jobs.delete("job_1"),
        lambda services: services.jobs.update("job_1", lambda job: job | {"status": "failed"}),
    ],
)  # fmt: skip
async def test_nothing_is_paid_for_a_job_that_nobody_wants(happens: Callable[[Any], None]) -> None:
    translator = Translator()
    services = house(translator)
    happens(services)

    assert await run(services) == "decided"
    assert translator.asked == []


async def test_a_job_that_is_deleted_while_it_is_translated_stays_deleted() -> None:
    services: Any = None

    def answer() -> str:
        services.jobs.delete("job_1")
        return "a hero"

    services = house(Translator(answer))
    assert await run(services) == "decided"
    assert services.jobs.read("job_1") is None


async def test_a_job_that_is_canceled_while_it_is_translated_stays_canceled() -> None:
    services: Any = None

    def answer() -> str:
        canceled(services)
        return "a hero"

    services = house(Translator(answer))
    assert await run(services) == "decided"
    assert services.jobs.read("job_1")["cancel_requested_at"]


async def test_a_story_that_is_told_again_translates_nothing_that_may_have_been_sent_as_it_was_written() -> None:
    """Begun by a version before this one, which knows no such step."""
    translator = Translator()
    services = house(translator)
    record = {
        "generator": "fake", "first_sent_at": "2026-01-01T00:00:00+00:00", "sent_at": "2026-01-01T00:00:00+00:00", "call": 1,
        "state": "lost", "send_states": ["open"], "sends": 1, "possible_duplicate": False,
    }  # fmt: skip
    services.blobs.create_document("jobs/job_1/submission-0-1.json", record)

    assert await run(services, start=1) == "decided"
    assert translator.asked == []
    assert sent(services) == ("영웅", ["prompt_not_translated"])


async def test_a_story_that_is_told_again_before_anything_was_sent_is_translated() -> None:
    services = house(Translator())

    assert await run(services, start=1) == "decided"
    assert sent(services) == ("a hero", [])


async def test_storage_that_is_away_is_told_to_the_story_which_has_more_patience() -> None:
    services = house(Translator())

    def away(*_: Any) -> Any:
        raise OSError("away")

    services.blobs.replace_document = away
    with pytest.raises(OSError, match="away"):
        await run(services, is_last=True)
