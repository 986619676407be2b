"""What a sheet asks for, what each of its pictures is sent, and how many of how many there are."""

import re
from typing import Any

import pytest

from shared import names
from shared.domain.fingerprint import meanings
from shared.domain.generation import Generation
from shared.domain.kinds import GOODS
from shared.domain.presets import PRESETS
from shared.domain.problem import ProblemError
from shared.domain.sheet import (
    SHEET_PICTURES_MAX,
    how_many,
    missing_pictures,
    parse_sheet,
    preset_of,
    sent_of,
    sheet_of,
)

ALL = tuple(PRESETS)


def parse(presets: str = "mug,tshirt", **fields: str) -> Generation:
    return parse_sheet(GOODS, {"presets": presets, **fields}, {"input_image"})


def mistakes(presets: str | None = "mug", files: set[str] | None = None, **fields: str) -> list[str]:
    given = fields if presets is None else {"presets": presets, **fields}
    with pytest.raises(ProblemError) as raised:
        parse_sheet(GOODS, given, {"input_image"} if files is None else files)
    return [error["field"] for error in raised.value.problem.errors]


@pytest.mark.parametrize(
    "written", ["mug,tshirt", '["mug", "tshirt"]', ' [ "mug" ,\r\n"tshirt"]\n', "mug, tshirt", "\ufeffmug,tshirt,",
     '["mug","tshirt",""]'],
)  # fmt: skip
def test_a_list_of_presets_may_be_written_in_several_ways(written: str) -> None:
    asked = parse(written)

    assert (asked.presets, asked.preset, asked.n, asked.prompt) == (("mug", "tshirt"), None, 2, "")
    assert asked.given == {"presets"}


@pytest.mark.parametrize(
    "written",
    ["", " ", "[]", "hat", "mug,hat", "mug,mug", '["mug","mug"]', '{"a": 1}', "[1]", "[null]", '["mug"', "[" * 1500,
     "mug," * 1000,
     '[["mug"]]', "Mug"],
)  # fmt: skip
def test_what_is_no_list_of_presets_is_refused_by_name(written: str) -> None:
    assert mistakes(written) == ["presets"]


def test_every_mistake_of_a_sheet_is_told_at_once_and_each_field_once() -> None:
    assert sorted(mistakes(None, set(), n="2", preset="mug", seed="x", hat="1")) == [
        "hat", "input_image", "n", "preset", "presets", "seed",
    ]  # fmt: skip


def test_all_presets_fit_into_one_sheet_and_each_picture_into_the_name_of_an_instance() -> None:
    assert parse(",".join(ALL)).n == len(ALL) <= SHEET_PICTURES_MAX
    for index in range(SHEET_PICTURES_MAX):
        instance = names.picture_instance_id("job", index, SHEET_PICTURES_MAX)
        assert re.fullmatch(names.PICTURE_SUFFIX, instance.removeprefix("job"))


def document_of(asked: Generation, **changes: Any) -> dict[str, Any]:
    told = {"prompt_sent": asked.prompt_sent, "preset": asked.preset, "aspect_ratio": asked.aspect_ratio}
    return {"input": told, "seeds": list(range(asked.n)), "outputs": [], "status": "queued", **sheet_of(asked), **changes}


def test_each_picture_is_sent_its_own_presets_prompt_and_shape_and_what_the_creator_adds() -> None:
    document = document_of(parse("keyring,poster", prompt="in winter"))

    assert [preset_of(document, index) for index in range(2)] == ["keyring", "poster"]
    assert [sent_of(document, index) for index in range(2)] == [
        (f"{PRESETS[name].prompt} in winter", PRESETS[name].aspect_ratio) for name in ("keyring", "poster")
    ]  # fmt: skip
    assert sent_of(document_of(parse("mug")), 0)[0] == PRESETS["mug"].prompt


def test_a_ratio_that_is_written_out_is_every_pictures() -> None:
    assert [sent_of(document_of(parse("keyring,poster", aspect_ratio="16:9")), i)[1] for i in range(2)] == ["16:9", "16:9"]


def test_a_preset_that_changes_changes_no_job_under_way(monkeypatch: Any) -> None:
    document = document_of(parse("mug"))
    # Not taken out: it would come back behind the others.
    monkeypatch.setitem(PRESETS, "mug", PRESETS["mug"]._replace(prompt="A cup"))

    assert sent_of(document, 0)[0].startswith("A white ceramic mug")


def test_jobs_that_are_no_sheet_are_sent_what_they_were() -> None:
    document = {"input": {"prompt_sent": "a hero", "aspect_ratio": "1:1", "preset": "mug"}, "seeds": [1]}

    assert (sent_of(document, 0), preset_of(document, 0)) == (("a hero", "1:1"), "mug")


def test_other_presets_another_order_or_another_picture_make_another_request() -> None:
    image = {"input_image": "digest"}
    same = [meanings(parse(text), image) for text in ("mug,tshirt", '["mug","tshirt"]')]
    others = [
        meanings(parse("tshirt,mug"), image), meanings(parse("mug"), image), meanings(parse("mug,tshirt"), {"input_image": "x"}),
        meanings(parse("mug,tshirt", aspect_ratio="1:1"), image),
    ]  # fmt: skip

    assert set(same[0]) & set(same[1])
    assert not any(set(same[0]) & set(other) for other in others)


@pytest.mark.parametrize(
    ("asked", "made", "status", "ko", "en"),
    [(8, 6, "succeeded", "8장 중 6장을 만들었습니다.", "6 of 8 pictures were made."),
     (2, 2, "succeeded", "2장을 모두 만들었습니다.", "All 2 pictures were made."),
     (3, 0, "failed", "3장 중 한 장도 만들지 못했습니다.", "None of 3 pictures was made."),
     (3, 0, "canceled", "3장 중 한 장도 만들지 못했습니다.", "None of 3 pictures was made."),
     (1, 0, "failed", None, None), (8, 6, "processing", None, None)],
)  # fmt: skip
def test_how_many_of_how_many_is_said_in_both_languages(
    asked: int, made: int, status: str, ko: str | None, en: str | None
) -> None:
    document = {"seeds": list(range(asked)), "outputs": [{"index": i} for i in range(made)], "status": status}
    said = how_many(document)

    assert missing_pictures(document) == list(range(made, asked))
    if said is None:
        assert (ko, en) == (None, None)
        return
    assert said[0].startswith(str(ko))
    assert said[1].startswith(str(en))
    assert ("retry" in said[0]) == ("retry" in said[1]) == (made < asked)


def test_what_was_refused_for_its_content_is_not_to_be_sent_again_as_it_is() -> None:
    document = document_of(parse(), status="succeeded", outputs=[{"index": 0}])
    document["pictures"] = [{"output": {"index": 0}}, {"output": None, "problem": {"code": "content_moderated"}}]
    said = how_many(document)
    assert said is not None
    assert not any("retry" in sentence for sentence in said)
    document["pictures"][1]["problem"]["code"] = "provider_unavailable"
    assert all("retry" in sentence for sentence in how_many(document) or ("",))
