"""The form that an operator's replay sends makes the job that it is a replay of."""

from typing import Any

import pytest

from ops.acting import AGAIN, form_of
from shared.domain.generation import FIELDS, SEED_MAX, asked_seed
from shared.domain.presets import PRESETS
from tests.triggers.calls import FakeHub, finish, new_job, picture
from tests.triggers.test_retry import again, body, failed, prepared
from tests.triggers.test_sheet import new_sheet

#: What of a document its form decides.
DECIDED = ("input", "presets", "sheet")
ALL = {
    "preset": "mug", "aspect_ratio": "3:4", "output_format": "jpeg", "safety_tolerance": "0", "seed": "7", "n": "3",
    "model": "fake", "language": "en", "label": "visible",
}  # fmt: skip


def decided(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document.get(name) for name in DECIDED}


async def replayed(app: Any, hub: FakeHub, job_id: str) -> dict[str, Any]:
    fields = {name: str(value) for name, value in form_of(app.jobs.read(job_id)).items() if name != "presets"}
    presets = form_of(app.jobs.read(job_id)).get("presets")
    new_id = await (new_sheet(hub, presets, **fields) if presets else new_job(hub, **fields))
    return dict(app.jobs.read(new_id))


def test_every_field_of_the_form_is_asked_for_again_or_the_operators() -> None:
    assert {*FIELDS, "preset"} - {*AGAIN} == {"metadata", "webhook_url"}


@pytest.mark.parametrize(
    "fields", [{}, {"prompt": "머그컵", "language": "ko"}, ALL, *({name: value} for name, value in ALL.items())]
)
async def test_a_job_is_asked_for_as_it_was(app: Any, hub: FakeHub, fields: dict[str, str]) -> None:
    job_id = await new_job(hub, **{"prompt": "zebra", **fields})
    first, again = app.jobs.read(job_id), await replayed(app, hub, job_id)

    assert decided(again) == decided(first)
    assert "seed" not in fields or again["seeds"] == first["seeds"]


@pytest.mark.parametrize("fields", [{}, {"aspect_ratio": "1:1"}, {"prompt": "in winter", "seed": "5", "label": "visible"}])
@pytest.mark.parametrize("presets", [["mug"], ["sticker", "poster", "mug"]])
async def test_a_sheet_is_asked_for_as_it_was(app: Any, hub: FakeHub, presets: list[str], fields: dict[str, str]) -> None:
    job_id = await new_sheet(hub, presets, **fields)

    assert decided(await replayed(app, hub, job_id)) == decided(app.jobs.read(job_id))


async def test_what_is_left_of_a_sheet_whose_preset_is_no_more_is_asked_for(
    app: Any, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await new_sheet(hub, ["mug"])
    asked = form_of(app.jobs.read(job_id))
    monkeypatch.delitem(PRESETS, "mug")

    assert form_of(app.jobs.read(job_id)) == {**asked, "aspect_ratio": app.jobs.read(job_id)["sheet"][0]["aspect_ratio"]}


async def test_the_missing_pictures_have_the_seeds_that_they_had(app: Any, hub: FakeHub) -> None:
    job_id = await new_job(hub, n="3", seed="5")
    finish(app, hub, job_id, picture(0), failed(1), failed(2))
    prepared(app, job_id)
    retried = body(await again(hub, job_id))["id"]

    assert (await replayed(app, hub, retried))["seeds"] == [6, 7]


async def test_a_document_of_the_former_version_has_a_form(app: Any, hub: FakeHub) -> None:
    document = app.jobs.read(await new_job(hub, prompt="zebra"))
    for name in ("label", "model", "language"):
        del document["input"][name]

    assert form_of(document)["prompt"] == "zebra"


@pytest.mark.parametrize(
    ("asked", "seeds", "told"),
    [
        (None, [5], None), (5, [5], 5), (5, [5, 6, 7], 5), (5, [6, 7], 6), (5, [5, 7], None), (5, [6, 5], None),
        (SEED_MAX, [SEED_MAX, 0, 1], SEED_MAX), (SEED_MAX, [0, 1], 0),
    ],
)  # fmt: skip
def test_a_seed_stands_for_those_that_follow_it(asked: int | None, seeds: list[int], told: int | None) -> None:
    assert asked_seed({"seed": asked}, seeds) == told
