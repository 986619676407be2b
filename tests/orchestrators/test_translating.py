"""A job's prompt in English before anything is sent, beside its images: how long it waits for that, and what is sent."""

from typing import Any

import pytest

from shared import names, starting
from shared.domain.problem import Problem, ProblemError
from shared.domain.translation import PLAN
from tests.activities.test_translate_prompt import Translator
from tests.orchestrators.house import House, do
from tests.orchestrators.story import JOB, MODERATED, Told, always, job_order, one_after_another, tell

TRANSLATE = names.TRANSLATE_PROMPT
AGAIN, DECIDED = {"state": "again"}, {"state": "decided"}
UNAVAILABLE = ProblemError(Problem("translator_unavailable"))


def told(*answers: Any, pictures: int = 1, seconds: float = 0.0, **how: Any) -> Told:
    """`seconds`: what each try takes."""
    order = job_order(pictures, start=how.pop("start", 0))
    order["translation"] = PLAN
    activities = {TRANSLATE: one_after_another(*answers), **how.pop("activities", {})}
    return tell(order, activities=activities, bench={"activity_seconds": {TRANSLATE: seconds}}, **how)


def stages(story: Told) -> list[str]:
    shown = [status["stage"] for _, status in story.outcome.custom_statuses if "stage" in status]
    return [stage for before, stage in zip([None, *shown], shown, strict=False) if stage != before]


def test_a_job_without_a_translation_takes_no_step_for_one() -> None:
    story = tell()

    assert story.called(TRANSLATE) == []
    assert "translating" not in stages(story)


@pytest.mark.parametrize("pictures", [1, 3])
def test_the_prompt_is_translated_once_before_anything_is_sent(pictures: int) -> None:
    story = told(DECIDED, pictures=pictures, seconds=1.0)

    assert story.called(TRANSLATE) == [{"job_id": JOB, "traceparent": None, "start": 0, "is_last": False}]
    assert min(story.times(names.SUBMIT_PREDICTION)) >= 1.0
    assert story.job["status"] == "succeeded"


def test_it_is_translated_beside_the_preparation_of_the_images_and_its_stage_shows_when_those_are_there() -> None:
    story = told(DECIDED, seconds=2.0)

    assert story.times(TRANSLATE) == story.times(names.PREPARE_IMAGE) == [0.0]
    assert stages(story)[:2] == ["validating", "translating"]
    assert stages(told(DECIDED))[:2] != ["validating", "translating"]


def test_a_translator_that_refuses_holds_a_picture_up_for_five_seconds_and_is_asked_three_times() -> None:
    """Whole seconds of timers that never fire early."""
    story = told(AGAIN, AGAIN, DECIDED)

    assert [order["is_last"] for order in story.called(TRANSLATE)] == [False, False, True]
    assert story.times(names.SUBMIT_PREDICTION)[0] <= 5.0


def test_a_translator_that_is_silent_holds_a_picture_up_for_eight_seconds() -> None:
    story = told(AGAIN, DECIDED, seconds=3.0)

    assert [order["is_last"] for order in story.called(TRANSLATE)] == [False, True]
    assert story.times(names.SUBMIT_PREDICTION)[0] <= 8.0


def test_a_translation_that_comes_at_the_second_try_ends_the_waiting() -> None:
    story = told(AGAIN, DECIDED)

    assert len(story.called(TRANSLATE)) == 2
    assert story.times(names.SUBMIT_PREDICTION)[0] <= 3.0


def test_an_image_that_cannot_be_used_ends_the_job_without_waiting_for_a_translator() -> None:
    story = told(AGAIN, activities={names.PREPARE_IMAGE: always({"problem": MODERATED})})

    assert len(story.called(TRANSLATE)) == 1
    assert (story.job["status"], story.called(names.SUBMIT_PREDICTION)) == ("failed", [])


def test_nothing_is_sent_while_nobody_can_decide_what() -> None:
    """Storage is away for longer than the story has patience."""
    story = told(OSError("away"))

    assert story.called(names.SUBMIT_PREDICTION) == []
    assert (story.job["status"], story.job["error"]["code"], story.job["error"]["charged"]) == ("failed", "internal", "no")


def test_storage_that_comes_back_is_waited_for() -> None:
    story = told(OSError("away"), OSError("away"), DECIDED)

    assert story.job["status"] == "succeeded"


# ---- with the real steps ----


def house(translator: Translator, **how: Any) -> House:
    made = House(**how)
    made.services.__dict__["translator"] = translator
    return made


def post(made: House, pictures: int = 1) -> None:
    asked = {
        "prompt": "영웅", "prompt_sent": "영웅", "aspect_ratio": "1:1", "output_format": "png", "safety_tolerance": 2,
        "n": pictures,
    }  # fmt: skip
    document = made.accept(pictures, input=asked, translated={"state": "open"})
    do(starting.ensure_started(made.services, made.client, document, is_new=True))


def prompts(made: House) -> list[str]:
    return [order.prompt for order in made.provider.submitted]


@pytest.mark.parametrize("pictures", [1, 3])
@pytest.mark.parametrize("twice", [False, True])
def test_every_picture_is_made_of_the_one_translation_however_often_it_is_asked_for(pictures: int, twice: bool) -> None:
    translator = Translator("a hero", "another hero", "a third one")
    made = house(translator, twice=twice)
    post(made, pictures)
    made.go_on()

    assert prompts(made) == ["a hero"] * pictures
    assert made.job()["input"]["prompt_sent"] == "a hero"
    assert made.job()["status"] == "succeeded"


def test_a_translator_that_is_away_is_told_on_the_job_whose_picture_is_made() -> None:
    made = house(Translator(UNAVAILABLE))
    post(made)
    made.go_on()

    assert prompts(made) == ["영웅"]
    assert made.job()["status"] == "succeeded"
    assert [told["code"] for told in made.job()["warnings"]] == ["prompt_not_translated", "image_small"]


@pytest.mark.parametrize("answers", [("a hero", "another hero"), (UNAVAILABLE, UNAVAILABLE, UNAVAILABLE, "a hero")])
@pytest.mark.parametrize("episode", range(1, 9))
def test_a_story_that_dies_and_is_told_again_sends_what_it_sent(episode: int, answers: tuple[Any, ...]) -> None:
    made = house(Translator(*answers))
    made.deaths.when = lambda instance, number: number == episode
    post(made)
    made.see_every(20)
    made.go_on()

    assert made.job()["status"] == "succeeded"
    assert len(set(prompts(made))) == 1
    assert prompts(made) == [made.job()["input"]["prompt_sent"]]
    is_told = any(told["code"] == "prompt_not_translated" for told in made.job().get("warnings", ()))
    assert is_told == (prompts(made) == ["영웅"])


def test_a_lost_send_is_looked_for_by_the_words_that_were_sent() -> None:
    made = house(Translator("a hero", "another hero"))
    looked_for: list[str] = []
    find = made.provider.find
    made.provider.find = lambda order, since: (looked_for.append(order.prompt), find(order, since))[1]  # type: ignore[method-assign]
    made.provider.forgets_answer_of = {1}
    post(made)
    made.go_on()

    assert set(looked_for) == {"a hero"}
    assert (made.job()["status"], len(prompts(made))) == ("succeeded", 1)


def test_no_word_of_the_prompt_is_in_the_history() -> None:
    made = house(Translator("a marked translation"))
    post(made)
    made.go_on()

    history = repr((made.bench.history(JOB), made.bench.outcome(JOB)))
    assert "translate_prompt" in history
    assert "영웅" not in history
    assert "marked" not in history
