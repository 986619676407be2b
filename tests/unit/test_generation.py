"""What a form may say, and how its mistakes are told."""

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.generation import ASPECT_RATIOS, FIELDS, Generation, parse_generation
from shared.domain.kinds import GOODS, KINDS, PPL, Kind
from shared.domain.presets import PRESETS
from shared.domain.problem import ProblemError
from tests.cases import PROMPTS as CASES


def parse(kind: Kind = GOODS, files: set[str] | None = None, **fields: str) -> Generation:
    """A form with its images and a prompt, and the changes a test is about."""
    return parse_generation(kind, {"prompt": "a hero", **fields}, set(kind.images) if files is None else files)


def mistakes(kind: Kind = GOODS, files: set[str] | None = None, **fields: str) -> list[str]:
    """The fields that the problem names."""
    with pytest.raises(ProblemError) as caught:
        parse(kind, files, **fields)
    assert caught.value.problem.code == "validation_failed"
    for error in caught.value.problem.errors:
        assert error["message_ko"]
        assert error["message_en"]
    return [error["field"] for error in caught.value.problem.errors]


def test_a_bare_form_gets_the_defaults_of_the_contract() -> None:
    assert parse() == Generation(
        prompt="a hero", preset=None, aspect_ratio="match_input_image", output_format="png", safety_tolerance=2, seed=None, n=1,
        language=None, label="none", metadata={},
    )  # fmt: skip


def test_a_full_form_is_read_as_it_stands() -> None:
    assert parse(
        aspect_ratio="16:9", output_format="jpeg", safety_tolerance="1", seed="11", n="4", language="ko", label="visible",
        metadata='{"episode":"12"}', preset="mug",
    ) == Generation(
        prompt="a hero", preset="mug", aspect_ratio="16:9", output_format="jpeg", safety_tolerance=1, seed=11, n=4,
        language="ko", label="visible", metadata={"episode": "12"},
    )  # fmt: skip


def test_blank_fields_are_fields_left_out() -> None:
    blank = {name: "  " for name in (*FIELDS, "preset") if name != "prompt"}

    assert parse(**blank) == parse()


def test_the_apps_own_label_holds_where_the_form_says_nothing() -> None:
    fields, files = {"prompt": "x"}, {"input_image"}

    assert parse_generation(GOODS, fields, files, default_label="visible").label == "visible"
    assert parse_generation(GOODS, {**fields, "label": "none"}, files, default_label="visible").label == "none"


# ---- prompt ----


@pytest.mark.parametrize("length", [1, 2000])
def test_a_prompt_may_have_1_to_2000_characters_of_any_script(length: int) -> None:
    assert parse(prompt="가" * length).prompt == "가" * length


def test_a_prompt_of_2001_characters_is_refused() -> None:
    assert mistakes(prompt="가" * 2001) == ["prompt"]


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t"])
@pytest.mark.parametrize("kind", [PPL, GOODS], ids=lambda kind: kind.name)
def test_a_prompt_of_nothing_is_refused(kind: Kind, prompt: str) -> None:
    assert mistakes(kind, prompt=prompt) == ["prompt"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["what"])
def test_a_prompt_is_taken_in_one_form_or_refused_for_what_is_wrong_with_it(case: dict[str, Any]) -> None:
    text, sent = (case[name] * case.get("times", 1) for name in ("text", "sent"))
    if case["is_blank"] or case["is_damaged"] or case["count"] > 2000:
        assert mistakes(prompt=text) == ["prompt"]
    elif "is_misread" in case:
        assert mistakes(prompt=text) == ["prompt"]
        # So the page sends it.
        assert parse(prompt=sent).prompt_sent == sent
    else:
        assert parse(prompt=text).prompt_sent == sent


@pytest.mark.parametrize(
    "case", [case for case in CASES if case["is_blank"] and "is_misread" not in case], ids=lambda case: case["what"]
)
def test_beside_a_preset_a_blank_prompt_is_none(case: dict[str, Any]) -> None:
    asked = parse(preset="mug", prompt=case["text"])

    assert (asked.prompt, asked.prompt_sent) == ("", PRESETS["mug"].prompt)


@pytest.mark.parametrize("name", ["preset", "seed", "n", "aspect_ratio", "label", "output_format", "language"])
def test_a_byte_order_mark_before_a_field_is_no_part_of_it(name: str) -> None:
    value = {"preset": "mug", "aspect_ratio": "1:1", "label": "none", "output_format": "jpg", "language": "ko"}.get(name, "3")

    assert parse(**{name: f"\ufeff{value}\r\n"}) == parse(**{name: value})


# ---- numbers ----

LIMITS = [("seed", 0, 4_294_967_295), ("safety_tolerance", 0, 2), ("n", 1, 4)]


@pytest.mark.parametrize(("name", "low", "high"), LIMITS)
def test_a_number_is_taken_up_to_its_limits_and_not_beyond(name: str, low: int, high: int) -> None:
    for value in (low, high):
        assert getattr(parse(**{name: f" {value} "}), name) == value
    for value in (low - 1, high + 1):
        assert mistakes(**{name: str(value)}) == [name]


@pytest.mark.parametrize("name", [name for name, _, _ in LIMITS])
@pytest.mark.parametrize("text", ["1.5", "abc", "1e0", "0x1", "+1", "١", "²", "true", "null", "1 2", "1_0", "9" * 5000])
def test_a_number_is_plain_digits(name: str, text: str) -> None:
    assert mistakes(**{name: text}) == [name]


# ---- choices ----


def test_the_aspect_ratios_are_the_contracts() -> None:
    given = "match_input_image 1:1 16:9 9:16 4:3 3:4 3:2 2:3 4:5 5:4 21:9 9:21 2:1 1:2"

    assert given.split() == list(ASPECT_RATIOS)


@pytest.mark.parametrize("ratio", ASPECT_RATIOS)
def test_every_aspect_ratio_is_taken(ratio: str) -> None:
    assert parse(aspect_ratio=ratio).aspect_ratio == ratio


@pytest.mark.parametrize(("given", "read"), [("png", "png"), ("jpeg", "jpeg"), ("jpg", "jpeg"), (" jpg ", "jpeg")])
def test_jpg_is_read_as_jpeg(given: str, read: str) -> None:
    assert parse(output_format=given).output_format == read


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("aspect_ratio", "5:7"), ("aspect_ratio", "16/9"), ("output_format", "webp"), ("output_format", "PNG"),
        ("language", "fr"), ("label", "hidden"), ("preset", "spaceship"),
    ],
)  # fmt: skip
def test_a_choice_that_is_not_offered_is_refused_by_name(name: str, text: str) -> None:
    assert mistakes(**{name: text}) == [name]


# ---- fields and files ----


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_an_unknown_field_is_refused_by_name(kind: Kind) -> None:
    assert mistakes(kind, colour="red") == ["colour"]
    assert mistakes(kind, files={*kind.images, "input_image_9"}) == ["input_image_9"]


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_image_of_a_kind_is_needed(kind: Kind) -> None:
    for name in kind.images:
        assert mistakes(kind, files=set(kind.images) - {name}) == [name]


def test_a_line_break_is_one_character_however_a_browser_sends_it() -> None:
    prompt = "\n".join(["x" * 999, "y" * 1000])
    asked = parse_generation(GOODS, {"prompt": prompt.replace("\n", "\r\n")}, set(GOODS.images))
    assert asked.prompt_sent == prompt


def test_an_image_sent_as_text_is_not_an_image() -> None:
    assert mistakes(files=set(), input_image="data:image/png;base64,") == ["input_image"]


def test_every_mistake_is_told_at_once() -> None:
    told = mistakes(
        files=set(), prompt="", colour="red", seed="x", n="9", safety_tolerance="7", aspect_ratio="7:7", output_format="gif",
        language="fr", label="big", metadata="[]",
    )  # fmt: skip

    assert sorted(told) == sorted(
        ["colour", "input_image", "prompt", "seed", "n", "safety_tolerance", "aspect_ratio", "output_format", "language", "label",
         "metadata"]
    )  # fmt: skip


@given(st.dictionaries(st.sampled_from([*FIELDS, "preset", "colour", "input_image"]), st.text(max_size=40)))
def test_any_form_is_either_taken_or_told_what_is_wrong(fields: dict[str, str]) -> None:
    try:
        taken = parse_generation(GOODS, fields, {"input_image"})
    except ProblemError as error:
        told = {e["field"] for e in error.problem.errors}
    else:
        told = {"nothing"}
        assert taken.aspect_ratio in ASPECT_RATIOS
        assert 1 <= taken.n <= 4
        assert taken.prompt_sent
    assert told
    assert told <= {*fields, "prompt", "nothing"}


# ---- presets ----


def test_a_preset_needs_no_prompt_and_brings_its_own_shape() -> None:
    generation = parse(prompt="", preset="keyring")

    assert generation.prompt_sent == PRESETS["keyring"].prompt
    assert generation.aspect_ratio == PRESETS["keyring"].aspect_ratio == "3:4"


def test_what_a_user_adds_to_a_preset_follows_its_template() -> None:
    assert parse(prompt="in winter", preset="mug").prompt_sent == f"{PRESETS['mug'].prompt} in winter"


def test_a_users_aspect_ratio_beats_the_presets() -> None:
    assert parse(preset="keyring", aspect_ratio="16:9").aspect_ratio == "16:9"


def test_without_a_preset_the_prompt_is_sent_as_written() -> None:
    assert parse().prompt_sent == "a hero"


def test_ppl_has_no_presets() -> None:
    assert mistakes(PPL, preset="mug") == ["preset"]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.id)
def test_every_preset_is_complete(preset: Any) -> None:
    assert PRESETS[preset.id] is preset
    assert all((preset.name_ko, preset.name_en, preset.prompt, preset.print_size))
    assert preset.aspect_ratio in ASPECT_RATIOS
    assert len(parse(prompt="가", preset=preset.id).prompt_sent) < 1000


# ---- metadata ----

scalars = st.text(max_size=20) | st.integers(-1000, 1000) | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(st.text(max_size=20), scalars, max_size=16))
def test_metadata_comes_back_as_it_was_sent_in_composed_letters(metadata: dict[str, Any]) -> None:
    def nfc(item: Any) -> Any:
        return unicodedata.normalize("NFC", item) if isinstance(item, str) else item

    assert parse(metadata=json.dumps(metadata)).metadata == {nfc(name): nfc(item) for name, item in metadata.items()}


def test_metadata_is_composed_before_it_is_counted_and_otherwise_left_alone() -> None:
    decomposed = unicodedata.normalize("NFD", "각" * 512)

    assert parse(metadata=json.dumps({decomposed: f" {decomposed[:-3]}"})).metadata == {"각" * 512: " " + "각" * 511}
    assert mistakes(metadata=json.dumps({"a": decomposed + "각"})) == ["metadata"]
    assert mistakes(metadata=json.dumps({"a": "\u0345\u0334" * 50_000}, ensure_ascii=False)) == ["metadata"]


def test_metadata_after_a_byte_order_mark_is_read() -> None:
    assert parse(metadata='\ufeff{"a": 1}').metadata == {"a": 1}
    assert parse(metadata="\ufeff \n").metadata == {}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{", id="no JSON"),
        pytest.param("[1]", id="a list"),
        pytest.param('"text"', id="a string"),
        pytest.param("null", id="nothing"),
        pytest.param('{"a":null}', id="a null inside"),
        pytest.param('{"a":{"b":1}}', id="an object inside"),
        pytest.param('{"a":[1]}', id="a list inside"),
        pytest.param(json.dumps({str(n): n for n in range(17)}), id="17 keys"),
        pytest.param(json.dumps({"a": "x" * 513}), id="a long value"),
        pytest.param(json.dumps({"x" * 513: "a"}), id="a long key"),
        pytest.param('{"a":NaN}', id="no number"),
        pytest.param('{"a":-Infinity}', id="infinity by name"),
        pytest.param('{"a":1e999}', id="infinity by size"),
        pytest.param('{"a":"\\ud800"}', id="half a character as value"),
        pytest.param('{"\\udc00":"a"}', id="half a character as key"),
        pytest.param("[" * 100_000, id="very deep"),
        pytest.param('{"a":' + "9" * 5000 + "}", id="a very long number"),
    ],
)
def test_metadata_that_a_job_could_not_carry_is_refused(text: str) -> None:
    assert mistakes(metadata=text) == ["metadata"]


def test_metadata_is_taken_up_to_its_limits() -> None:
    metadata = {f"{n:x>512}": "y" * 512 for n in range(16)}

    assert parse(metadata=json.dumps(metadata)).metadata == metadata
