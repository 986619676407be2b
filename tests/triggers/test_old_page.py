"""What the page of the FastAPI services sends, byte for byte as its axios and its browser do, with SYNC_RESPONSES=true.

It posts a FormData with `responseType: "blob"` and reads the body whatever the status: a picture, or JSON with `error`.
"""

import json
from typing import Any

import pytest

from shared.domain.problem import Problem
from tests.triggers.calls import IMAGE, RUNTIME, FakeHub, Status, finish, picture, request, settings, user
from triggers import generate

#: What axios 1.x sends with a FormData in Chrome; a JSON content type of its own it takes away again.
SENT = {
    "Accept": "application/json, text/plain, */*", "Accept-Language": "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7",
    "Accept-Encoding": "gzip, deflate, br, zstd", "Origin": "https://old.example", "Referer": "https://old.example/",
    "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty",
}  # fmt: skip
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW3"
PPL = {"input_image_1": "캐릭터.jpg", "input_image_2": "product.jpg"}
GOODS = {"input_image": "캐릭터 원본.jpg"}


def as_a_browser(prompt: str, files: dict[str, str], boundary: str = BOUNDARY, order: str = "prompt first") -> tuple[bytes, str]:
    """FormData as Chrome writes it: names in UTF-8, no length and no charset of a field (WHATWG, multipart-form-data)."""
    text = [f'--{boundary}\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n{prompt}\r\n'.encode()]
    images = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'
        .encode() + IMAGE + b"\r\n"
        for field, name in files.items()
    ]  # fmt: skip
    parts = [*text, *images] if order == "prompt first" else [*images, *text]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


async def sent(hub: FakeHub, kind: str, body: bytes, content_type: str) -> Any:
    req = request("POST", f"/api/{kind}-gen/generate", headers={**SENT, "Content-Type": content_type}, body=body)
    return await user(generate.BY_KIND[kind])(req=req, client=hub)


@pytest.fixture
def old(app: Any, hub: FakeHub) -> FakeHub:
    """A hub whose jobs succeed as soon as they are started."""
    settings(app, SYNC_RESPONSES="true", ALLOWED_ORIGINS="https://old.example")
    hub.then = lambda job_id: finish(app, hub, job_id)
    return hub


@pytest.mark.parametrize(("kind", "files"), [("ppl", PPL), ("goods", GOODS)])
@pytest.mark.parametrize("boundary", [BOUNDARY, "---------------------------293582696224464", "----geckoformboundary5b1f"])
@pytest.mark.parametrize("order", ["prompt first", "files first"])
async def test_its_calls_are_answered_with_the_picture(
    app: Any, old: FakeHub, kind: str, files: dict[str, str], boundary: str, order: str
) -> None:
    answer = await sent(old, kind, *as_a_browser("영웅이 콜라를 마신다", files, boundary, order))
    assert (answer.status_code, answer.mimetype, answer.get_body()) == (200, "image/png", b"png")
    # Else its script would not get to see it.
    assert answer.headers["Access-Control-Allow-Origin"] == "https://old.example"
    (document,) = [document for name, (document, _) in app.blobs.documents.items() if name.endswith("job.json")]
    assert (document["input"]["prompt"], sorted(document["images"])) == ("영웅이 콜라를 마신다", sorted(files))


async def told(answer: Any) -> tuple[int, str]:
    """The blob read as text and parsed, as the page does with anything that is no picture."""
    read = json.loads(answer.get_body().decode())
    assert read["error"] == read["detail"]
    assert answer.headers["Access-Control-Allow-Origin"] == "https://old.example"
    return answer.status_code, read["error"]


@pytest.mark.parametrize(
    ("problem", "status", "sentence"),
    [(Problem("content_moderated", params={"provider": "BFL.ai", "stage_ko": "입력을"}), 422, "안전성 검사 실패"),
     (Problem("generation_timeout", params={"limit_ko": "2분"}), 504, "이미지 생성이 2분 내에 완료되지 않았습니다"),
     (Problem("provider_unavailable", params={"provider": "BFL.ai"}), 503, "BFL.ai 모델 생성 실패"),
     (Problem("provider_bad_response", params={"provider": "BFL.ai"}), 502, "처리할 수 없는 결과 타입입니다")],
)  # fmt: skip
async def test_a_failed_job_is_told_in_the_words_that_it_shows(
    app: Any, old: FakeHub, problem: Problem, status: int, sentence: str
) -> None:
    old.then = lambda job_id: finish(app, old, job_id, picture(0, "failed", ("free",), problem=problem.to_payload()))
    code, words = await told(await sent(old, "goods", *as_a_browser("영웅", GOODS)))
    assert (code, words[: len(sentence)]) == (status, sentence)


async def test_so_is_what_is_refused_at_once_and_what_takes_too_long(app: Any, old: FakeHub, monkeypatch: Any) -> None:
    empty, missing = as_a_browser("", GOODS), as_a_browser("영웅", {})
    assert [(await told(await sent(old, "goods", *form)))[0] for form in (empty, missing)] == [422, 422]
    old.then, old.on_start = lambda job_id: None, Status(RUNTIME.Running)
    monkeypatch.setattr(generate, "SYNC_WAIT_SECONDS", 0.1)
    assert (await told(await sent(old, "goods", *as_a_browser("영웅", GOODS))))[0] == 409
