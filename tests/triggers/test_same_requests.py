"""An Idempotency-Key stands for what a request means: however it is spelt, whichever version answers, whatever is the default."""

import json
import unicodedata
from typing import Any

import pytest

from shared.domain.fingerprint import meanings
from shared.domain.generation import parse_generation
from shared.domain.kinds import GOODS, KINDS
from shared.storage.key_store import key_name
from tests.fakes import FakeGenerator
from tests.former.load import STATE, moment
from tests.triggers.bodies import image, multipart, part, send
from tests.triggers.calls import IMAGE, FakeHub, body, post, settings
from triggers.upload import Form

KEY = {"Idempotency-Key": "k"}
WORDS = "영웅이\n손을 흔든다"
#: Two ways to say one thing.
SAME: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "jpg and jpeg": ({"output_format": "jpg"}, {"output_format": "jpeg"}),
    "a format written out": ({}, {"output_format": "png"}),
    "a ratio written out": ({}, {"aspect_ratio": "match_input_image"}),
    "safety written out": ({}, {"safety_tolerance": "2"}),
    "a number written out": ({}, {"n": "1"}),
    "a label written out": ({}, {"label": "none"}),
    "a preset's own ratio written out": ({"preset": "keyring"}, {"preset": "keyring", "aspect_ratio": "3:4"}),
    "empty fields": ({}, {"seed": "", "model": " ", "language": "", "metadata": "", "preset": "\r\n"}),
    "zeros before a number": ({"seed": "7", "n": "2"}, {"seed": "0007", "n": "02"}),
    "line breaks": ({"prompt": WORDS}, {"prompt": WORDS.replace("\n", "\r\n")}),
    "line breaks of an old Mac": ({"prompt": WORDS}, {"prompt": WORDS.replace("\n", "\r")}),
    "spaces around a prompt": ({"prompt": WORDS}, {"prompt": f"  {WORDS} \r\n\u3000"}),
    "spaces around a choice": ({"n": "2", "preset": "mug"}, {"n": " 2", "preset": "mug\n"}),
    "decomposed letters": ({"prompt": WORDS}, {"prompt": unicodedata.normalize("NFD", WORDS)}),
    "a byte-order mark": ({"prompt": WORDS}, {"prompt": "\ufeff" + WORDS}),
    "a prompt of nothing beside a preset": ({"preset": "mug", "prompt": ""}, {"preset": "mug", "prompt": "\u3164"}),
    "metadata in another order": ({"metadata": '{"a":1,"b":"x"}'}, {"metadata": ' { "b" : "x", "a" : 1 } '}),
    "metadata of no entry": ({}, {"metadata": "{}"}),
    "numbers of metadata": ({"metadata": '{"a":1,"b":0.1,"c":-0}'}, {"metadata": '{"a":1.0,"b":1e-1,"c":0e7}'}),
    "escapes of metadata": ({"metadata": '{"a":"영웅"}'}, {"metadata": r'{"\u0061":"\uc601\uc6c5"}'}),
    "metadata in decomposed letters": (
        {"metadata": '{"영웅":"영웅"}'}, {"metadata": unicodedata.normalize("NFD", '{"영웅":"영웅"}')},
    ),
    "line breaks of metadata": ({"metadata": r'{"a":"x\r\ny","b":1}'}, {"metadata": r'{"a":"x\ny","b":1}'}),
    "spaces around a text of metadata": ({"metadata": '{"a":"x"}'}, {"metadata": r'{"a":" x \u3000\n"}'}),
    "the only model": ({}, {"model": "fake"}),
    "the only model and another default": ({"n": "1"}, {"model": "fake", "metadata": "{}"}),
}  # fmt: skip
OTHER: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "another prompt": ({"prompt": "a"}, {"prompt": "b"}),
    "capitals": ({"prompt": "a mug"}, {"prompt": "A mug"}),
    "a space within": ({"prompt": "a mug"}, {"prompt": "a  mug"}),
    "letters that only look alike": ({"prompt": "ﬁ"}, {"prompt": "fi"}),
    "another format": ({}, {"output_format": "jpeg"}),
    "another ratio": ({}, {"aspect_ratio": "1:1"}),
    "another ratio than the preset's": ({"preset": "mug"}, {"preset": "mug", "aspect_ratio": "3:4"}),
    "another preset": ({"preset": "mug"}, {"preset": "tshirt"}),
    "other safety": ({}, {"safety_tolerance": "0"}),
    "a seed": ({}, {"seed": "0"}),
    "another number": ({}, {"n": "2"}),
    "another label": ({}, {"label": "visible"}),
    "a language": ({}, {"language": "ko"}),
    "metadata": ({}, {"metadata": '{"a":1}'}),
    "a number and a text": ({"metadata": '{"a":1}'}, {"metadata": '{"a":"1"}'}),
    "a number and a truth": ({"metadata": '{"a":1}'}, {"metadata": '{"a":true}'}),
    "a space within a text of metadata": ({"metadata": '{"a":"x y"}'}, {"metadata": '{"a":"x  y"}'}),
    "a space before a name of metadata": ({"metadata": '{"a":"x"}'}, {"metadata": '{" a":"x"}'}),
    "another number in metadata": ({"metadata": '{"a":1}'}, {"metadata": '{"a":1.5}'}),
}  # fmt: skip


@pytest.mark.parametrize("what", SAME)
@pytest.mark.parametrize("first", [0, 1])
async def test_one_request_in_two_spellings_is_one_job(app: Any, hub: FakeHub, what: str, first: int) -> None:
    jobs = [await post(hub, SAME[what][which], KEY) for which in (first, 1 - first)]

    assert [answer.status_code for answer in jobs] == [202, 202]
    assert body(jobs[0])["id"] == body(jobs[1])["id"]
    assert jobs[1].headers["Idempotent-Replayed"] == "true"
    assert len(hub.started) == 1


@pytest.mark.parametrize("what", OTHER)
@pytest.mark.parametrize("first", [0, 1])
async def test_another_request_is_refused_under_the_same_key(app: Any, hub: FakeHub, what: str, first: int) -> None:
    one, other = [await post(hub, OTHER[what][which], KEY) for which in (first, 1 - first)]

    assert (one.status_code, other.status_code, body(other)["code"]) == (202, 422, "idempotency_key_reused")


@pytest.mark.parametrize("first", [0, 1])
async def test_of_several_models_to_name_one_is_another_request_than_to_name_none(app: Any, hub: FakeHub, first: int) -> None:
    """The default falls back on the others, and what is asked for on nothing."""
    several(app)
    both: tuple[dict[str, str], ...] = ({}, {"model": "fake"})
    one, other = [await post(hub, both[which], KEY) for which in (first, 1 - first)]

    assert (one.status_code, other.status_code, body(other)["code"]) == (202, 422, "idempotency_key_reused")


async def test_what_was_the_only_model_stays_what_a_request_came_to(app: Any, hub: FakeHub) -> None:
    first = body(await post(hub, {}, KEY))["id"]
    several(app)
    again, same, other = [await post(hub, fields, KEY) for fields in ({}, {"model": "fake"}, {"model": "other"})]

    assert [body(answer).get("id") for answer in (again, same)] == [first, first]
    assert body(other)["code"] == "idempotency_key_reused"


async def test_texts_of_metadata_are_kept_as_they_were_sent(app: Any, hub: FakeHub) -> None:
    made = body(await post(hub, {"metadata": r'{"a":" x\r\n "}'}, KEY))
    assert made["metadata"] == app.jobs.read(made["id"])["metadata"] == {"a": " x\r\n "}


def several(app: Any) -> None:
    """A kind with a second model."""
    other = FakeGenerator()
    other.name = "other"
    app.generators["other"] = other
    settings(app, GOODS_MODELS="fake,other")


async def test_how_a_form_is_written_down_makes_no_other_request_of_it(app: Any, hub: FakeHub) -> None:
    prompt, korean = (
        part("prompt", "영웅".encode()),
        part("prompt", "영웅".encode("cp949"), Content_Type="text/plain; charset=cp949"),
    )
    as_file = part("prompt", "영웅".encode(), file_name=b"p.txt", Content_Type="text/plain")
    forms = [
        multipart(prompt, image()), multipart(image(), prompt), multipart(korean, image(file_name=None)),
        multipart(as_file, image(file_name=b"other.jpg")),
    ]  # fmt: skip
    answers = [await send(hub, one, Idempotency_Key="k") for one in forms]

    assert [answer.status_code for answer in answers] == [202] * 4
    assert len({body(answer)["id"] for answer in answers}) == 1


@pytest.mark.parametrize("field", ["label"])
async def test_a_default_that_changes_makes_no_other_request_of_a_repeated_one(app: Any, hub: FakeHub, field: str) -> None:
    first = body(await post(hub, {}, KEY))["id"]
    settings(app, AI_LABEL="visible")
    again, same, other = [await post(hub, fields, KEY) for fields in ({}, {field: "none"}, {field: "visible"})]

    assert [body(answer).get("id") for answer in (again, same)] == [first, first]
    # It asks for what the first did not get, although that would be so by default today.
    assert (other.status_code, body(other)["code"]) == (422, "idempotency_key_reused")


async def test_what_was_the_default_and_is_asked_for_by_name_later_is_the_same(app: Any, hub: FakeHub) -> None:
    settings(app, AI_LABEL="visible")
    first = body(await post(hub, {}, KEY))["id"]
    settings(app, AI_LABEL="metadata")

    assert body(await post(hub, {"label": "visible"}, KEY))["id"] == first
    assert body(await post(hub, {"label": "none"}, KEY))["code"] == "idempotency_key_reused"


# ---- across versions ----


def former_requests() -> list[tuple[str, Form, str]]:
    """Of the recorded jobs: their names, their forms as they were sent, and the fingerprints that the former version kept."""
    found = []
    for name, job in moment()["jobs"].items():
        route = KINDS[job["kind"]].route
        path = STATE / "documents" / key_name("anonymous", route, job["key"])
        stored = sorted((STATE / "images" / f"{job['id']}" / "input").glob("*")) if job["id"] else []
        if path.exists() and len(stored) == len(KINDS[job["kind"]].images):
            form = Form({k: str(v) for k, v in job["fields"].items()}, {file.stem: file.read_bytes() for file in stored})
            found.append((name, form, json.loads(path.read_text())["fingerprint"]))
    return found


@pytest.mark.parametrize(("name", "form", "kept"), former_requests(), ids=lambda value: value if isinstance(value, str) else "")
def test_the_former_versions_fingerprint_is_computed_as_it_was(name: str, form: Form, kept: str) -> None:
    assert form.spelling() == kept


def test_there_are_former_requests() -> None:
    assert len(former_requests()) >= 3


async def test_a_key_that_the_former_version_took_stands_for_its_job(app: Any, hub: FakeHub) -> None:
    job_id = body(await post(hub, {"prompt": "a mug \r\n"}, KEY))["id"]
    (name,) = [name for name in app.blobs.documents if name.startswith("idempotency/")]
    document, etag = app.blobs.read_document(name)
    app.blobs.replace_document(name, {k: v for k, v in document.items() if k != "meanings"}, etag)
    again, other = [await post(hub, {"prompt": prompt}, KEY) for prompt in ("a mug \r\n", "a mug")]

    assert body(again)["id"] == job_id
    assert body(other)["code"] == "idempotency_key_reused", "nothing of it is known but its spelling"


def test_what_the_former_version_kept_of_metadata_with_spaces_is_still_known() -> None:
    asked = parse_generation(GOODS, {"prompt": "a mug", "metadata": r'{"a":"x\r\n "}'}, {"input_image"})
    kept = {
        "ad04bb6f06dad468ed0001a62cef401e9636420efc1f68141c6c333a4c358a96",
        "8a77ad519f6843a81fbe36ead694360c528c3e1517afc45763035806c25ca550",
    }
    assert kept <= set(meanings(asked, {"input_image": "abc"}, "fake"))


async def test_an_instance_of_the_former_version_finds_its_fingerprint_in_todays_keys(app: Any, hub: FakeHub) -> None:
    """Both answer while a deployment rolls."""
    await post(hub, {"prompt": " a mug"}, KEY)
    ((document, _),) = [found for name, found in app.blobs.documents.items() if name.startswith("idempotency/")]
    assert document["fingerprint"] == Form({"prompt": " a mug"}, {"input_image": IMAGE}).spelling()


def test_a_field_that_a_later_version_adds_makes_no_other_request_of_one_without_it() -> None:
    """What is left open is in no fingerprint."""
    asked = parse_generation(GOODS, {"prompt": "a"}, {"input_image"})
    known = meanings(asked, {"input_image": "0"})
    wider = parse_generation(GOODS, {"prompt": "a", "model": "", "language": ""}, {"input_image"})

    assert meanings(wider, {"input_image": "0"}) == known
    assert set(meanings(asked, {"input_image": "0"}, "fake")) > set(known), "the former version kept these"
    assert len(set(known)) == 2


def test_the_meaning_of_a_request_is_a_stored_format() -> None:
    """A change of it makes other requests of those that are repeated over a deployment, unless their spelling is the same."""
    asked = parse_generation(
        GOODS, {"prompt": "영웅", "seed": "7", "metadata": '{"b":1.0,"a":"x"}', "output_format": "jpg"}, {"input_image"}
    )
    assert meanings(asked, {"input_image": "abc"}) == (
        "f639661a7395fb4b2cdf264bce17d5755ab729291d88b00d186e4a61f87e95b9",
        "3dc95841c9c429cc81aec56713f8cb631cc0345b81e5a955eb7df4f58f8b2d96",
    )
