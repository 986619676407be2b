"""Messages of batch producers: what is read in them, and what the guides show."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.generation import parse_generation
from shared.domain.problem import CATALOGUE, ProblemError
from shared.domain.queue_messages import NoRequest, accepted, correlation_of, ended, is_blob_name, read_message, request_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


def shown(guide: str) -> list[dict[str, Any]]:
    """The messages in a guide."""
    section = re.split(r"\n## ", (DOCS / guide).read_text())[-1]
    asked, told = re.findall(r"```json\n(.*?)```", section, re.DOTALL)
    return [json.loads(asked), *map(json.loads, told.strip().splitlines())]


@pytest.mark.parametrize("guide", ["requests.en.md", "requests.ko.md"])
def test_the_guides_message_is_taken_and_its_answers_are_those_that_are_sent(guide: str) -> None:
    message, taken, over, refusal = shown(guide)
    asked = request_of(read_message(json.dumps(message)), "m-1")

    assert (asked.mistakes, asked.key, asked.images) == ((), "key:episode-12-mug", {"input_image": "episode-12/hero.png"})
    checked = parse_generation(asked.kind, asked.fields, {*asked.images})
    assert (checked.seed, checked.n, checked.metadata, checked.preset) == (11, 2, {"episode": "12"}, "mug")
    document = {"id": "job_06f3k2", "status": "queued", "error": None}
    assert taken == accepted(document, "row-17")
    assert over == ended(document | {"status": "succeeded"}, "row-17")
    assert refusal["code"] in CATALOGUE


@given(JSON)
def test_whatever_a_message_holds_it_is_read_or_refused(message: Any) -> None:
    """Nothing else is raised, as what would be is tried again and again."""
    with contextlib.suppress(NoRequest, ProblemError):
        read = read_message(json.dumps(message))
        assert correlation_of(read, "m-1")
        asked = request_of(read, "m-1")
        assert all(isinstance(text, str) for text in (*asked.fields.values(), *asked.images.values()))


@given(st.dictionaries(st.sampled_from(["prompt", "seed", "n", "metadata", "input_image", "label"]), JSON))
def test_whatever_a_request_holds_its_fields_are_texts_that_can_be_stored(fields: dict[str, Any]) -> None:
    try:
        asked = request_of(read_message(json.dumps({"kind": "goods", "request": fields})), "m-1")
    except NoRequest:
        return
    for text in (*asked.fields.values(), *asked.images.values()):
        text.encode()


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("a.png", True), ("a/b c/영웅.png", True), ("..a/b..", True), ("", False), ("x" * 1025, False), ("..", False),
     ("a/../b", False), ("./a", False), ("a/.", False)],
)  # fmt: skip
def test_a_name_that_an_address_would_not_keep_is_none(name: str, is_one: bool) -> None:
    assert is_blob_name(name) == is_one


def test_a_key_and_an_id_are_never_the_same() -> None:
    by_key = request_of({"kind": "goods", "key": "m-1", "request": {}}, "m-2")
    assert by_key.key != request_of({"kind": "goods", "request": {}}, "m-1").key
    assert by_key.key != request_of({"kind": "goods", "key": "id:m-1", "request": {}}, "m-2").key
