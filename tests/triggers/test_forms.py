"""POST generate: every way to write a form is read as it was meant, or refused with a sentence that says what to do."""

import base64
import gzip
import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.kinds import GOODS
from tests.cases import FOLDER, PROMPTS
from tests.triggers.bodies import BOUNDARY, FORM, PNG, errors, image, multipart, part, send
from tests.triggers.calls import FakeHub, body, request, user
from triggers import generate
from triggers.multipart import MAX_HEADER_BYTES, MAX_PARTS

HANGUL = re.compile("[가-힣]")


async def prompt_of(app: Any, hub: FakeHub, *parts: bytes, **sent: Any) -> str:
    """What a provider would get of a form that is taken."""
    answer = await send(hub, multipart(*parts, image()), **sent)
    assert answer.status_code == 202, body(answer)
    return str(app.jobs.read(body(answer)["id"])["input"]["prompt_sent"])


async def refused(app: Any, hub: FakeHub, sent: bytes, content_type: str | None = FORM, **headers: str) -> dict[str, Any]:
    """The problem, in English, of a form that is not taken. The Korean one says the same of the same fields."""
    told = []
    for language in ("ko", "en"):
        answer = await send(hub, sent, content_type, Accept_Language=language, **headers)
        assert answer.mimetype == "application/problem+json"
        document = body(answer)
        assert (document["status"], document["charged"]) == (answer.status_code, "no")
        told.append(document)
    korean, english = told
    assert list(errors(korean)) == list(errors(english))
    for sentence in (korean["detail"], korean["title"], *errors(korean).values()):
        assert HANGUL.search(sentence)
    names = english["detail"].partition(": ")[2] if english["errors"] else ""
    for sentence in (english["detail"].removesuffix(names), english["title"], *errors(english).values()):
        assert sentence
        assert not HANGUL.search(sentence)
    assert (hub.started, app.blobs.images) == ([], {})
    return english


async def told(app: Any, hub: FakeHub, field: str, *parts: bytes, **sent: Any) -> str:
    """What is said of the one field of a form with an image that is wrong."""
    document = await refused(app, hub, multipart(*parts), **sent)
    assert (document["status"], document["code"], list(errors(document))) == (422, "validation_failed", [field])
    return errors(document)[field]


# ---- whole bodies, as they were sent ----


async def test_a_prompt_in_cp949_is_to_be_sent_as_utf8(app: Any, hub: FakeHub) -> None:
    document = await refused(app, hub, (FOLDER / "prompt_cp949.multipart").read_bytes())
    assert document["status"] == 422
    assert "UTF-8" in errors(document)["prompt"]


async def test_a_file_name_in_cp949_is_no_matter(app: Any, hub: FakeHub) -> None:
    answer = await send(hub, (FOLDER / "filename_cp949.multipart").read_bytes())
    assert answer.status_code == 202
    assert app.jobs.read(body(answer)["id"])["input"]["prompt_sent"] == "a mug"


async def test_a_decomposed_prompt_is_composed(app: Any, hub: FakeHub) -> None:
    answer = await send(hub, (FOLDER / "prompt_nfd_798.multipart").read_bytes())
    sent = app.jobs.read(body(answer)["id"])["input"]["prompt_sent"]
    assert (answer.status_code, len(sent)) == (202, 798)
    assert sent == unicodedata.normalize("NFC", sent)
    assert HANGUL.fullmatch(sent[0])


async def test_a_prompt_of_fillers_is_blank(app: Any, hub: FakeHub) -> None:
    document = await refused(app, hub, (FOLDER / "prompt_hangul_filler.multipart").read_bytes())
    assert (document["status"], list(errors(document))) == (422, ["prompt"])


@pytest.mark.parametrize("case", PROMPTS, ids=lambda case: case["what"])
async def test_a_prompt_gets_to_the_provider_as_its_case_says_or_not_at_all(app: Any, hub: FakeHub, case: dict[str, Any]) -> None:
    text, sent = (case[name] * case.get("times", 1) for name in ("text", "sent"))
    prompt = part("prompt", text.encode())
    if "is_misread" in case:
        assert "Send it as UTF-8" in await told(app, hub, "prompt", prompt, image())
    elif case["is_blank"] or case["is_damaged"] or case["count"] > 2000:
        await told(app, hub, "prompt", prompt, image())
    else:
        assert await prompt_of(app, hub, prompt) == sent


# ---- encodings ----


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("euc-kr", "cp949"),
        ("UTF-8", "utf-8"),
        ("utf-16", "utf-16"),
        ('"ks_c_5601-1987"', "cp949"),
        ("iso-2022-kr", "iso-2022-kr"),
    ],
)
async def test_a_part_is_read_in_its_own_charset(app: Any, hub: FakeHub, charset: str, codec: str) -> None:
    prompt = part("prompt", "영웅 머그컵".encode(codec), Content_Type=f"text/plain; charset={charset}")
    assert await prompt_of(app, hub, prompt) == "영웅 머그컵"


async def test_a_forms_own_field_or_its_content_type_names_the_charset_of_the_rest(app: Any, hub: FakeHub) -> None:
    prompt, own = part("prompt", "영웅".encode("cp949")), part("_charset_", b"EUC-KR\r\n")
    for parts in ((own, prompt), (prompt, own)):
        assert await prompt_of(app, hub, *parts) == "영웅"
    assert await prompt_of(app, hub, prompt, content_type=f"{FORM}; charset=cp949") == "영웅"
    both = part("prompt", "영웅".encode(), Content_Type="text/plain; charset=utf-8")
    assert await prompt_of(app, hub, own, both) == "영웅"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param("영웅이 손을 흔든다".encode("cp949"), id="CP949"),
        pytest.param("영웅".encode("utf-16"), id="UTF-16 with its mark"),
        pytest.param(b"a \xed\xa0\xbd\xed\xb0\xb1", id="CESU-8"),
        pytest.param(b"a \xed\xa0\xbd", id="half a pair"),
        pytest.param("영웅".encode()[:-1], id="cut within a character"),
        pytest.param("英雄".encode("shift_jis"), id="Shift JIS"),
        pytest.param(b"caf\xe9", id="Latin 1"),
        pytest.param("a mug".encode("utf-16-be"), id="UTF-16 without its mark"),
        pytest.param("영웅 a".encode("utf-32-le"), id="UTF-32"),
        pytest.param("영웅".encode("iso-2022-kr"), id="ISO-2022-KR"),
        pytest.param("英雄".encode("iso-2022-jp"), id="ISO-2022-JP"),
        pytest.param(b"a mug\x0f", id="SI alone"),
    ],
)
async def test_what_is_not_utf8_is_asked_for_as_utf8(app: Any, hub: FakeHub, data: bytes) -> None:
    assert "Send it as UTF-8" in await told(app, hub, "prompt", part("prompt", data), image())


@pytest.mark.parametrize(
    ("name", "text"), [("seed", "7"), ("n", "2"), ("metadata", '{"a":1}'), ("output_format", "png"), ("model", "fake")]
)
async def test_any_text_in_utf16_that_nobody_named_is_asked_for_as_utf8(app: Any, hub: FakeHub, name: str, text: str) -> None:
    prompt = part("prompt", b"a mug")
    assert "Send it as UTF-8" in await told(app, hub, name, prompt, part(name, text.encode("utf-16-le")), image())


@pytest.mark.parametrize("charset", ["utf-16-le", "iso-2022-kr", "utf-32-be"])
async def test_what_is_named_is_read_although_it_is_full_of_controls(app: Any, hub: FakeHub, charset: str) -> None:
    prompt = part("prompt", "영웅 mug".encode(charset), Content_Type=f"text/plain; charset={charset}")
    assert await prompt_of(app, hub, prompt) == "영웅 mug"


async def test_whoever_names_another_charset_than_its_own_is_asked_for_utf8(app: Any, hub: FakeHub) -> None:
    for charset in ("utf-8", "us-ascii", "windows-1252", "euc-kr"):
        prompt = part("prompt", "英雄".encode("iso-2022-jp"), Content_Type=f"text/plain; charset={charset}")
        assert "Send it as UTF-8" in await told(app, hub, "prompt", prompt, image())


@pytest.mark.parametrize("charset", ["klingon", "base64", "unicode_escape", "utf-7", "x" * 300, "klingon\x00"])
async def test_a_charset_that_is_none_is_told_of_its_field(app: Any, hub: FakeHub, charset: str) -> None:
    prompt = part("prompt", b"a mug", Content_Type=f"text/plain; charset={charset}")
    assert "charset" in await told(app, hub, "prompt", prompt, image())


async def test_a_form_without_its_charset_tells_every_field_that_it_cannot_read(app: Any, hub: FakeHub) -> None:
    fields = (part("prompt", "영웅".encode("cp949")), part("metadata", '{"a":"영웅"}'.encode("cp949")), part("seed", b"x"))
    document = await refused(app, hub, multipart(*fields, part("색", b"red"), part("색깔".encode("cp949"), b"1"), image()))
    assert list(errors(document)) == ["prompt", "metadata", "»ö±ò", "색", "seed"]


@pytest.mark.parametrize(
    "disposition",
    [
        b'filename="' + "캐릭터 최종.png".encode("cp949") + b'"', b'filename="' + "캐릭터.png".encode("utf-16") + b'"',
        b'filename="\xff\xfe"', b'filename="' + "表\\.png".encode("shift_jis") + b'"', b"filename*=euc-kr''%C4%B3",
        b'filename="a.png',
        b"filename=" + "캐릭터.png".encode(), b'filename="' + b"x" * 8000 + b'"',
    ],
)  # fmt: skip
async def test_the_name_of_a_file_is_not_used_whatever_it_is(app: Any, hub: FakeHub, disposition: bytes) -> None:
    sent = b'Content-Disposition: form-data; name="input_image"; ' + disposition + b"\r\nContent-Type: image/png\r\n\r\n" + PNG
    assert (await send(hub, multipart(part("prompt", b"a mug"), sent))).status_code == 202


# ---- parts ----


async def test_a_file_without_a_name_is_a_file_where_an_image_belongs(app: Any, hub: FakeHub) -> None:
    for sent in (image(file_name=None), image(file_name=b""), part("input_image", PNG)):
        assert (await send(hub, multipart(part("prompt", b"a mug"), sent))).status_code == 202


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (part("input_image", b""), "Upload an image"),
        (part("input_image", b" \r\n"), "Upload an image"),
        # A browser's file field that nobody used.
        (part("input_image", b"", file_name=b"", Content_Type="application/octet-stream"), "Upload an image"),
        (part("input_image", b"a.png"), "not text"),
        (part("input_image", "캐릭터.png".encode("cp949"), Content_Type="text/plain; charset=cp949"), "Upload"),
        (part("input_image", b"https://example.com/a.png", Content_Type="text/plain"), "not text"),
        (part("input_image", b"data:image/png;base64," + base64.b64encode(PNG)), "not a data URI"),
        (part("input_image", b"data:image/png;base64," + base64.b64encode(PNG), file_name=b"blob"), "not a data URI"),
        (part("input_image", base64.b64encode(PNG), file_name=b"a.png", Content_Transfer_Encoding="base64"), "Transfer-Encoding"),
    ],
)
async def test_what_is_no_file_is_told_by_what_it_is(app: Any, hub: FakeHub, sent: bytes, words: str) -> None:
    if b"cp949" in sent:
        document = await refused(app, hub, multipart(part("prompt", b"a mug"), sent))
        assert document["status"] in (415, 422)
        assert list(errors(document)) == ["input_image"]
    else:
        assert words in await told(app, hub, "input_image", part("prompt", b"a mug"), sent)


@pytest.mark.parametrize("data", [b"", b"just some text", "캐릭터".encode("cp949"), b"%PDF-1.7"])
async def test_a_file_that_is_no_image_is_told_of_its_field(app: Any, hub: FakeHub, data: bytes) -> None:
    document = await refused(app, hub, multipart(part("prompt", b"a mug"), image(data)))
    assert (document["status"], document["code"], list(errors(document))) == (415, "unsupported_image", ["input_image"])


async def test_a_text_may_come_as_a_file(app: Any, hub: FakeHub) -> None:
    """A Blob does in FormData, and `curl -F prompt=@prompt.txt`."""
    prompt = part("prompt", "\ufeff영웅\r\n".encode(), file_name=b"prompt.txt", Content_Type="text/plain")
    metadata = part("metadata", b'{"episode":"12"}', file_name=b"blob", Content_Type="application/json")
    answer = await send(hub, multipart(prompt, metadata, image()))
    assert (answer.status_code, body(answer)["input"]["prompt"], body(answer)["metadata"]) == (202, "영웅", {"episode": "12"})


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (part("prompt", PNG, file_name=b"a.png", Content_Type="image/png"), "Send it as text"),
        (part("prompt", PNG, file_name=b"a.png", Content_Type="application/octet-stream"), "UTF-8"),
        (part("prompt", b"--x\r\n\r\n--x--", Content_Type="multipart/mixed; boundary=x"), "Send it as text"),
        (part("prompt", base64.b64encode("영웅".encode()), Content_Transfer_Encoding="base64"), "Transfer-Encoding"),
        (part("prompt", b"=EC=98=81", Content_Transfer_Encoding="Quoted-Printable"), "Transfer-Encoding"),
        (part("prompt", b"a" * 300_000), "too long"),
        (part("prompt", "\u0345\u0334".encode() * 20_000), "At most 2000"),
    ],
)
async def test_a_text_that_is_none_is_told_by_what_it_is(app: Any, hub: FakeHub, sent: bytes, words: str) -> None:
    assert words in await told(app, hub, "prompt", sent, image())


@pytest.mark.parametrize("encoding", ["binary", "8bit", "7BIT", ""])
async def test_an_encoding_that_changes_nothing_is_no_matter(app: Any, hub: FakeHub, encoding: str) -> None:
    assert await prompt_of(app, hub, part("prompt", b"a mug", Content_Transfer_Encoding=encoding)) == "a mug"


async def test_a_field_that_comes_twice_is_told_with_everything_else(app: Any, hub: FakeHub) -> None:
    sent = multipart(
        part("prompt", b"a"), part("prompt", b"b"), image(), image(), part("seed", b"x"), part("x", b""), part("x", b"")
    )
    document = await refused(app, hub, sent)
    assert errors(document) == {
        "prompt": "Send it once only.", "input_image": "Send it once only.", "x": "Send it once only.",
        "seed": "Must be a whole number from 0 to 4294967295.",
    }  # fmt: skip


@pytest.mark.parametrize("name", [b"x" * 9000, b"\xff\xfe", "이름\x07".encode(), b'a\\"b', b"%00", b"__proto__"])
async def test_a_strange_name_is_told_as_far_as_it_can_be_shown(app: Any, hub: FakeHub, name: bytes) -> None:
    document = await refused(app, hub, multipart(part(name, b"1"), part("prompt", b"a"), image()))
    (shown,) = errors(document)
    assert shown.isprintable()
    assert len(shown) <= 61


async def test_a_part_with_line_feeds_alone_is_read(app: Any, hub: FakeHub) -> None:
    sent = multipart(part("prompt", b"a mug"), image()).replace(b"\r\n", b"\n", 4)
    assert (await send(hub, sent)).status_code == 202


# ---- the whole body ----

GOOD = multipart(part("prompt", b"a mug"), image())
WRONG: dict[str, tuple[bytes, str | None, dict[str, str], str]] = {
    "no body": (b"", FORM, {}, "body is empty"),
    "a chunked body, which the host keeps": (b"", FORM, {"Transfer_Encoding": "chunked"}, "Transfer-Encoding: chunked"),
    "gzip": (gzip.compress(GOOD), FORM, {"Content_Encoding": "gzip"}, "compressed body"),
    "brotli": (b"\x0b\x02\x80", FORM, {"Content_Encoding": "BR"}, "compressed body"),
    "no content type": (GOOD, None, {}, "no Content-Type"),
    "an empty content type": (GOOD, " ", {}, "no Content-Type"),
    "JSON": (b'{"prompt":"a"}', "application/json", {}, "the body is application/json"),
    "a nonsense of a type": (GOOD, "<b>/form", {}, "the body is ?"),
    "another kind of multipart": (GOOD, f"multipart/mixed; boundary={BOUNDARY}", {}, "the body is multipart/mixed"),
    "no boundary": (GOOD, "multipart/form-data", {}, "has no boundary"),
    "an empty boundary": (GOOD, "multipart/form-data; boundary=", {}, "has no boundary"),
    "a boundary that is cut": (GOOD, 'multipart/form-data; boundary="abc', {}, "has no boundary"),
    "a boundary of other letters": (GOOD, "multipart/form-data; boundary=경계", {}, "has no boundary"),
    "a quoted boundary of other letters": (GOOD, 'multipart/form-data; boundary="경계"', {}, "must be ASCII"),
    "a boundary that never comes": (GOOD, "multipart/form-data; boundary=other", {}, "never comes"),
    "text": (b"prompt=a", FORM, {}, "never comes"),
    "no last boundary": (multipart(part("prompt", b"a"), image(), end=False), FORM, {}, "breaks off"),
    "cut within an image": (GOOD[:900], FORM, {}, "breaks off"),
    "cut within a header": (GOOD[:40], FORM, {}, "breaks off"),
    "cut after a boundary": (GOOD[: len(BOUNDARY) + 4], FORM, {}, "breaks off"),
    "no part": (multipart(), FORM, {}, "has no field"),
    "a part without a name": (multipart(b"Content-Disposition: form-data\r\n\r\n1", image()), FORM, {}, "has no name"),
    "a part with an empty name": (multipart(part("", b"1"), image()), FORM, {}, "has no name"),
    "a part without a header": (multipart(b"\r\n1", image()), FORM, {}, "has no name"),
    "a part with another header": (multipart(b"Content-Type: text/plain\r\n\r\n1"), FORM, {}, "has no name"),
    "a part with a long header": (multipart(part("a", b"1", X="y" * MAX_HEADER_BYTES)), FORM, {}, "header of a part"),
    "a part that is all header": (multipart(b"a:b\r\n" * 50_000), FORM, {}, "header of a part"),
    "too many parts": (multipart(*[part("a", b"1")] * (MAX_PARTS + 1)), FORM, {}, f"more than {MAX_PARTS}"),
    "too many pairs": (b"&".join([b"a=1"] * (MAX_PARTS + 1)), "application/x-www-form-urlencoded", {}, f"more than {MAX_PARTS}"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
async def test_a_body_that_is_no_form_is_told_by_what_it_is(app: Any, hub: FakeHub, what: str) -> None:
    sent, content_type, headers, words = WRONG[what]
    document = await refused(app, hub, sent, content_type, **headers)

    assert (document["status"], document["code"]) == (400, "invalid_request")
    assert words in document["detail"]


async def test_no_two_kinds_of_body_are_told_the_same_unless_they_are_the_same() -> None:
    sentences = {words for _, _, _, words in WRONG.values()}
    assert len(sentences) >= 14


@pytest.mark.parametrize(
    "content_type",
    [
        f"Multipart/Form-Data; boundary={BOUNDARY}", f"MULTIPART/FORM-DATA; BOUNDARY={BOUNDARY}",
        f'multipart/form-data;boundary="{BOUNDARY}"', f" multipart/form-data ; x=y; boundary={BOUNDARY}",
    ],
)  # fmt: skip
async def test_a_content_type_may_be_spelt_in_many_ways(app: Any, hub: FakeHub, content_type: str) -> None:
    assert (await send(hub, GOOD, content_type)).status_code == 202


@pytest.mark.parametrize(
    "change",
    [lambda sent: b"preamble\r\n" + sent, lambda sent: sent + b"epilogue", lambda sent: sent[:-2], lambda sent: b"\r\n" + sent],
)
async def test_what_stands_around_the_parts_is_no_matter(app: Any, hub: FakeHub, change: Callable[[bytes], bytes]) -> None:
    assert (await send(hub, change(GOOD))).status_code == 202


async def test_an_encoding_of_the_body_that_is_none_is_no_matter(app: Any, hub: FakeHub) -> None:
    assert (await send(hub, GOOD, Content_Encoding="identity", Transfer_Encoding="chunked")).status_code == 202


async def test_a_form_without_files_is_told_what_is_missing_in_its_own_letters(app: Any, hub: FakeHub) -> None:
    urlencoded = "application/x-www-form-urlencoded"
    document = await refused(app, hub, b"prompt=%EC%98%81&seed=x&input_image=a.png", urlencoded)
    assert list(errors(document)) == ["input_image", "seed"]
    document = await refused(app, hub, b"prompt=%BF%B5&input_image=", urlencoded)
    assert sorted(errors(document)) == ["input_image", "prompt"]
    document = await refused(app, hub, b"prompt=%BF%B5%BF%F5", f"{urlencoded}; charset=euc-kr")
    assert list(errors(document)) == ["input_image"]


async def test_a_body_larger_than_its_images_may_be_is_told_before_it_is_read(app: Any, hub: FakeHub, monkeypatch: Any) -> None:
    room = len(GOODS.images) * app.settings.max_upload_bytes + 256 * 1024
    for content_type in (FORM, "application/json"):
        answer = await send(hub, b"x" * (room + 1), content_type)
        assert (answer.status_code, body(answer)["code"]) == (413, "image_too_large")


@pytest.mark.parametrize("key", ["k" * 256, "k" * 20_000, "열쇠", "k\x7f", "k\tk", "\u00a0k", "k\ud800", "k\u200b"])
async def test_an_idempotency_key_that_the_contract_does_not_know_is_refused(app: Any, hub: FakeHub, key: str) -> None:
    document = await refused(app, hub, GOOD, Idempotency_Key=key)
    assert (document["status"], document["code"]) == (400, "invalid_request")
    assert "255" in document["detail"]


@pytest.mark.parametrize("key", ["~" * 255, ' "quoted" !', "0"])
async def test_an_idempotency_key_of_printable_ascii_is_taken(app: Any, hub: FakeHub, key: str) -> None:
    assert (await send(hub, GOOD, Idempotency_Key=key)).status_code == 202


async def test_what_a_form_was_parsed_from_is_let_go(app: Any, hub: FakeHub) -> None:
    asked = request("POST", headers={"Content-Type": FORM}, body=GOOD)
    assert (await user(generate.BY_KIND["goods"])(req=asked, client=hub)).status_code == 202
    assert asked.get_body() == b""


async def test_metadata_nested_4000_deep_is_told_of_its_field(app: Any, hub: FakeHub) -> None:
    for nested in (b"[" * 4000 + b"]" * 4000, b'{"a":' * 4000 + b"1" + b"}" * 4000, json.dumps({"a": [[1]]}).encode()):
        assert "JSON object" in await told(app, hub, "metadata", part("metadata", nested), part("prompt", b"a"), image())
