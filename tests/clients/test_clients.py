"""What both clients promise: nothing is made twice, what passes is waited for, what does not is told."""

import base64
import hashlib
import hmac
import inspect
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import toonconnect.client

from shared.domain.kinds import KINDS
from tests.clients.both import Failed, JavaScriptClient, PythonClient
from tests.clients.stub import Answer, StubServer, refusal
from triggers.contract import examples, operations

JOB = {**examples.JOB}
RUNNING = {**JOB, "status": "processing", "outputs": [], "stage": "generating"}
ID = JOB["id"]
Client = PythonClient | JavaScriptClient


@pytest.fixture(scope="module")
def javascript() -> Iterator[JavaScriptClient]:
    client = JavaScriptClient()
    yield client
    client.stop()


@pytest.fixture(params=["python", "js"])
def client(request: pytest.FixtureRequest, javascript: JavaScriptClient) -> Client:
    return PythonClient() if request.param == "python" else javascript


@pytest.fixture(autouse=True)
def _without_long_pauses(monkeypatch: Any) -> None:
    quick = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 50), monotonic=time.monotonic)
    monkeypatch.setattr(toonconnect.client, "time", quick)


# ---- what is sent ----


def test_a_form_is_sent_with_its_fields_its_picture_and_a_key(client: Client) -> None:
    with StubServer(Answer(202, JOB)) as server:
        job = client.call(server.url, "goods", b"\x89PNG", prompt="파란 배경", preset="mug", n=2, metadata={"episode": "12"})

    (asked,) = server.asked
    assert job["id"] == ID
    assert (asked.method, asked.path) == ("POST", "/api/goods-gen/generate")
    form = asked.form
    assert json.loads(form.pop("metadata")) == {"episode": "12"}
    assert form == {"prompt": "파란 배경", "preset": "mug", "n": "2", "input_image": b"\x89PNG"}
    assert re.fullmatch(r"[0-9a-f-]{36}", asked.headers["idempotency-key"])
    assert asked.headers["accept-language"].startswith("ko")


def test_ppl_sends_both_pictures_and_may_name_one_of_an_own_job(client: Client) -> None:
    args = (b"one", f"job:{ID}/1")
    with StubServer(Answer(202, JOB)) as server:
        if client.language == "python":
            client.call(server.url, "ppl", *args, "마신다")
        else:
            client.call(server.url, "ppl", *args, prompt="마신다")
    assert server.asked[0].form == {"input_image_1": b"one", "input_image_2": f"job:{ID}/1", "prompt": "마신다"}
    assert toonconnect.picture_of(JOB, 1) == f"job:{ID}/1"


def test_each_call_has_a_key_of_its_own_and_one_that_is_given_is_sent(client: Client) -> None:
    with StubServer(*[Answer(202, JOB)] * 3) as server:
        client.call(server.url, "goods", b"x", preset="mug")
        client.call(server.url, "goods", b"x", preset="mug")
        client.call(server.url, "goods", b"x", preset="mug", key="mine")
    assert len(set(server.keys)) == 3
    assert server.keys[2] == "mine"
    assert "key" not in server.asked[2].form


def test_who_asks_is_told_with_every_call(client: Client) -> None:
    options = {"owner_token": "a" * 32, "token": "signed", "language": "en"}
    with StubServer(Answer(200, JOB)) as server:
        client.call(server.url, "get", ID, options=options)
    told = server.asked[0].headers
    assert (told["x-owner-token"], told["authorization"], told["accept-language"]) == ("a" * 32, "Bearer signed", "en")


def test_an_owner_token_is_one_that_the_app_takes(javascript: JavaScriptClient) -> None:
    made = [toonconnect.new_owner_token(), javascript.run(call="newOwnerToken", args=[])]
    for token in made:
        assert re.fullmatch(operations.OWNER_TOKEN.schema["pattern"], token)
    assert len(set(made)) == 2


def test_a_sheet_and_a_retry_are_sent_as_the_contract_has_them(client: Client) -> None:
    with StubServer(*[Answer(202, JOB)] * 2) as server:
        client.call(server.url, "sheet", b"x", ["mug", "sticker"])
        client.call(server.url, "retry", ID, seed="new")
    assert server.asked[0].path == "/api/goods-gen/sheet"
    assert json.loads(server.asked[0].form["presets"]) == ["mug", "sticker"]
    assert server.asked[0].form["input_image"] == b"x"
    assert server.asked[1].path == f"/api/jobs/{ID}/retry"
    assert json.loads(server.asked[1].body) == {"seed": "new"}
    assert all(server.keys)


def test_the_list_is_read_page_by_page(client: Client) -> None:
    pages = [
        {"data": [{"id": "a"}, {"id": "b"}], "has_more": True, "next_cursor": "c d&"},
        {"data": [{"id": "c"}], "has_more": False, "next_cursor": None},
    ]
    wanted = {"kind": "goods", "status": "failed"}
    with StubServer(*[Answer(200, page) for page in pages]) as server:
        found = client.call(server.url, "list", **wanted)
    assert [job["id"] for job in found] == ["a", "b", "c"]
    assert server.asked[0].path.startswith("/api/jobs?kind=goods&status=failed")
    assert "cursor=c+d%26" in server.asked[1].path


@pytest.mark.parametrize(
    ("call", "args", "answer", "asked", "result"),
    [("cancel", [ID], JOB, f"POST /api/jobs/{ID}/cancel", JOB), ("delete", [ID], None, f"DELETE /api/jobs/{ID}", None),
     ("translate", ["안녕"], {"translated_text": "hello"}, "POST /api/goods-gen/translate", "hello"),
     ("options", [], {"n": 1}, "GET /api/options", {"n": 1}),
     ("webhook_secret", [], {"secret": "whsec_YQ=="}, "GET /api/webhooks/secret", "whsec_YQ=="),
     ("rotate_webhook_secret", [], {"secret": "whsec_Yg=="}, "POST /api/webhooks/secret/rotate", "whsec_Yg=="),
     ("claim", [[ID]], {"data": [{"id": ID, "claimed": True, "error": None}]}, "POST /api/jobs/claim",
      [{"id": ID, "claimed": True, "error": None}]),
     ("get", ["job/../x"], JOB, "GET /api/jobs/job%2F..%2Fx", JOB)],
)  # fmt: skip
def test_each_call_asks_what_the_contract_says(
    client: Client, call: str, args: list[Any], answer: Any, asked: str, result: Any
) -> None:
    with StubServer(Answer(204 if answer is None else 200, answer)) as server:
        assert client.call(server.url, call, *args) == result
    assert f"{server.asked[0].method} {server.asked[0].path}" == asked


def test_a_picture_comes_as_bytes_and_nobody_is_led_elsewhere(client: Client) -> None:
    with StubServer(Answer(200, b"\x89PNG\x00")) as server:
        assert client.call(server.url, "download", ID, 1) == b"\x89PNG\x00"
    assert server.asked[0].path == f"/api/jobs/{ID}/result?inline=1&index=1"


def test_a_redirect_is_not_followed(client: Client) -> None:
    with StubServer(Answer(200, b"elsewhere")) as elsewhere, StubServer(Answer(302, None, {"Location": elsewhere.url})) as server:
        with pytest.raises(Failed) as raised:
            client.call(server.url, "download", ID, options={"owner_token": "a" * 32})
    assert (raised.value.name, raised.value.told["status"], len(server.asked), elsewhere.asked) == ("ApiError", 302, 1, [])


#: What either language calls an argument that will not do.
NO_ARGUMENT = {"python": "ValueError", "js": "TypeError"}


@pytest.mark.parametrize(
    ("call", "args", "field"),
    [("goods", [None], "input_image"), ("goods", [b""], "input_image"), ("goods", [""], "input_image"),
     ("goods", [7], "input_image"), ("sheet", [None, ["mug"]], "input_image"),
     ("ppl", [b"one", None, "마신다"], "input_image_2")],
)  # fmt: skip
def test_a_missing_image_is_told_before_anything_is_sent(client: Client, call: str, args: list[Any], field: str) -> None:
    if client.language == "js" and call == "ppl":
        args = [*args[:2], {"prompt": args[2]}]
    with StubServer(Answer(202, JOB)) as server, pytest.raises(Failed) as raised:
        client.call(server.url, call, *args)
    assert raised.value.name == NO_ARGUMENT[client.language]
    assert f"{field} is missing or empty" in raised.value.told["message"]
    assert server.asked == []


def test_a_kind_that_is_none_is_told_before_anything_is_sent(client: Client) -> None:
    with StubServer(Answer(200, {"data": [], "has_more": False, "translated_text": ""})) as server:
        for call, args, fields in (("translate", ["안녕", "goods-gen"], {}), ("list", [], {"kind": "mug"})):
            with pytest.raises(Failed) as raised:
                client.call(server.url, call, *args, **fields)
            assert raised.value.name == NO_ARGUMENT[client.language]
            assert "kind is goods or ppl" in raised.value.told["message"]
        assert server.asked == []
        client.call(server.url, "translate", "안녕", "ppl")
    assert server.asked[0].path == "/api/ppl-gen/translate"


def test_the_kinds_are_those_of_the_app() -> None:
    assert sorted(toonconnect.client.KINDS) == sorted(KINDS)


def test_each_field_that_was_wrong_is_told(client: Client) -> None:
    wrong = [{"field": "seed", "message": "Must be a whole number.", "code": "not_a_number", "pointer": "#/seed"}]
    with StubServer(
        Answer(422, {**examples.problems()["validation_failed"]["value"], "errors": wrong}), Answer(404, b"<html>")
    ) as server:
        for expected in (wrong, []):
            with pytest.raises(Failed) as raised:
                client.call(server.url, "goods", b"x", seed="a")
            assert raised.value.told["errors"] == expected


# ---- what is sent again ----


PASSING = [
    refusal("idempotency_in_progress", 409), refusal("too_many_active_jobs", 429), refusal("busy", 503),
    refusal("internal", 500, None),
    refusal("of_a_later_version", 503), Answer(503, b"<html>front end</html>", {"Retry-After": "0"}), Answer(502, b""),
    Answer(is_lost=True),
]  # fmt: skip
LASTING = [
    refusal("quota_exceeded", 429, "0", retryable=False), refusal("validation_failed", 422, None, retryable=False),
    refusal("idempotency_key_reused", 422, None, retryable=False), refusal("result_not_ready", 409),
    refusal("job_deleted", 410, None, retryable=False),
    refusal("provider_unavailable", 503, None), Answer(404, b"<html>"),
]  # fmt: skip


@pytest.mark.parametrize("trouble", PASSING, ids=lambda answer: str(answer.body or "lost")[:40])
def test_what_passes_is_asked_again_with_the_same_key_and_the_same_bytes(client: Client, trouble: Answer) -> None:
    with StubServer(trouble, Answer(202, JOB)) as server:
        assert client.call(server.url, "goods", b"x", preset="mug")["id"] == ID
    assert len(server.asked) == 2
    assert len(set(server.keys)) == 1
    assert server.asked[0].form == server.asked[1].form


@pytest.mark.parametrize("trouble", LASTING, ids=lambda answer: str(answer.body)[:40])
def test_what_does_not_pass_is_told_at_once(client: Client, trouble: Answer) -> None:
    with StubServer(trouble, Answer(202, JOB)) as server:
        with pytest.raises(Failed) as raised:
            client.call(server.url, "goods", b"x", preset="mug")
    assert raised.value.name == "ApiError"
    assert (raised.value.told["status"], len(server.asked)) == (trouble.status, 1)
    if isinstance(trouble.body, dict):
        assert (raised.value.told["code"], raised.value.told["charged"]) == (trouble.body["code"], "no")
    else:
        assert raised.value.told["charged"] == "unknown"


def test_whoever_asks_for_more_patience_than_there_is_is_not_waited_for(client: Client) -> None:
    with StubServer(refusal("busy", 503, "61"), Answer(202, JOB)) as server:
        with pytest.raises(Failed) as raised:
            client.call(server.url, "goods", b"x", preset="mug")
    assert (raised.value.told["code"], len(server.asked)) == ("busy", 1)


def test_after_all_tries_it_says_so_with_the_key(client: Client) -> None:
    with StubServer(*[Answer(is_lost=True)] * 2) as server:
        with pytest.raises(Failed) as raised:
            client.call(server.url, "goods", b"x", preset="mug", options={"retries": 1})
    assert (raised.value.name, len(server.asked)) == ("NoAnswer", 2)
    assert raised.value.told["key"] == server.keys[0]


def test_a_deleted_job_may_be_deleted_again(client: Client) -> None:
    with StubServer(
        Answer(is_lost=True),
        refusal("job_not_found", 404, None, retryable=False),
        refusal("unauthorized", 401, None, retryable=False),
    ) as server:
        client.call(server.url, "delete", ID)
        with pytest.raises(Failed):
            client.call(server.url, "delete", ID)
    assert len(server.asked) == 3


# ---- what a page needs of the JavaScript client ----


def test_what_is_new_of_a_job_is_told_once(javascript: JavaScriptClient) -> None:
    with StubServer(Answer(200, RUNNING, {"ETag": 'W/"1"'}), Answer(304, None, {"ETag": 'W/"1"'})) as server:
        assert javascript.call(server.url, "look", ID) == {"job": RUNNING, "etag": 'W/"1"'}
        assert javascript.call(server.url, "look", ID, waitSeconds=7, etag='W/"1"') == {"job": None, "etag": 'W/"1"'}
    assert [one.path for one in server.asked] == [f"/api/jobs/{ID}", f"/api/jobs/{ID}?wait=7"]
    assert server.asked[1].headers["if-none-match"] == 'W/"1"'


def test_an_answer_that_is_none_of_the_apps_is_no_answer(javascript: JavaScriptClient) -> None:
    """As where a hotel's page stands in the way."""
    with StubServer(Answer(200, b"<html>"), Answer(202, JOB)) as server:
        assert javascript.call(server.url, "goods", b"x", preset="mug")["id"] == ID
    assert len(set(server.keys)) == 1


@pytest.mark.parametrize("tokens", [["old", "new"], ["old", "older"], ["old", None], ["old", "!gone"]])
def test_a_refused_token_is_asked_for_once_more(javascript: JavaScriptClient, tokens: list[str | None]) -> None:
    turned_away = refusal("unauthorized", 401, None, retryable=False)
    with StubServer(turned_away, Answer(202, JOB) if tokens[1] == "new" else turned_away) as server:
        told = javascript.run(base=server.url, call="withTokens", args=[tokens])
    sent = [one.headers.get("authorization") for one in server.asked]
    if tokens[1] == "!gone":
        assert (told["error"], sent) == ("gone", ["Bearer old"])
        return
    assert told["asked"] == [None, "old"]
    assert sent == ["Bearer old", f"Bearer {tokens[1]}" if tokens[1] else None]
    assert len(set(server.keys)) == 1
    assert (told["error"], told["refused"]) == {"new": (None, []), "older": ("unauthorized", ["older"])}.get(
        tokens[1] or "", ("unauthorized", [])
    )


# ---- waiting ----


def test_a_job_is_waited_for_with_what_is_known_of_it(client: Client) -> None:
    answers = [
        Answer(200, RUNNING, {"ETag": 'W/"1"'}),
        Answer(304),
        Answer(200, {**RUNNING, "status": "resting"}, {"ETag": 'W/"2"'}),
        Answer(200, JOB),
    ]
    with StubServer(*answers) as server:
        assert client.call(server.url, "wait", ID)["status"] == "succeeded"
    assert [one.headers.get("if-none-match") for one in server.asked] == [None, 'W/"1"', 'W/"1"', 'W/"2"']
    assert {one.path for one in server.asked} == {f"/api/jobs/{ID}?wait=25"}


@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_job_without_a_picture_is_an_error_unless_told_otherwise(client: Client, status: str) -> None:
    problem = examples.problems()["content_moderated"]["value"] if status == "failed" else None
    ended = {**JOB, "status": status, "outputs": [], "error": problem}
    with StubServer(*[Answer(200, ended)] * 2) as server:
        with pytest.raises(Failed) as raised:
            client.call(server.url, "wait", ID)
        assert client.call(server.url, "wait", ID, raise_on_failure=False)["status"] == status
    assert (raised.value.name, raised.value.told["problem"]) == ("JobFailed", problem)


def test_a_canceled_job_whose_picture_came_all_the_same_is_none(client: Client) -> None:
    with StubServer(Answer(200, {**JOB, "status": "canceled"})) as server:
        assert client.call(server.url, "wait", ID)["outputs"]


def test_nobody_waits_for_ever(client: Client) -> None:
    with StubServer(*[Answer(200, RUNNING)] * 200) as server:
        with pytest.raises(Failed) as raised:
            client.call(server.url, "wait", ID, timeout=1)
    assert raised.value.name == "NoAnswer"


# ---- webhooks ----

#: Of the specification's own libraries (standard-webhooks, libraries/python/tests).
SECRET, MESSAGE, TIME = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
BODY, SIGNATURE = b'{"test": 2432232314}', "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_" + base64.b64encode(b"another secret of 24 byte").decode()


def signed(secret: str = SECRET, message: str = MESSAGE, at: int = TIME, body: bytes = BODY) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, f"{message}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


def headers(signature: str = SIGNATURE, message: str = MESSAGE, at: str = str(TIME)) -> dict[str, str]:
    return {"Webhook-Id": message, "webhook-timestamp": at, "webhook-signature": signature}


RIGHT: dict[str, dict[str, Any]] = {
    "as the specification has it": {},
    "the second of two signatures": {"headers": headers(f"{signed(OTHER)} {SIGNATURE}")},
    "beside one of a later version": {"headers": headers(f"v2,AAAA v1a,AAAA {SIGNATURE}")},
    "the second of two secrets": {"secret": [OTHER, SECRET]},
    "almost too old": {"now": TIME + 299},
    "letters of all kinds": {"body": '{"a": "영웅"}'.encode(), "headers": headers(signed(body='{"a": "영웅"}'.encode()))},
}
WRONG: dict[str, dict[str, Any]] = {
    "another secret": {"secret": OTHER}, "another body": {"body": b'{"test": 1}'}, "a space more": {"body": BODY + b" "},
    "another id": {"headers": headers(message="msg_other")}, "another time": {"headers": headers(at=str(TIME + 1))},
    "too old": {"now": TIME + 301}, "from the future": {"now": TIME - 301}, "no signature": {"headers": headers("")},
    "another version alone": {"headers": headers(SIGNATURE.replace("v1", "v2"))}, "no base64": {"headers": headers("v1,#")},
    "not ASCII": {"headers": headers("v1,영웅")}, "no id": {"headers": headers(message="")},
    "no time": {"headers": headers(at="")},
    "a time that is none": {"headers": headers(at="1e9")}, "no headers": {"headers": {}}, "no secrets": {"secret": []},
}  # fmt: skip


def verified(client: Client, case: dict[str, Any]) -> Any:
    given = {"secret": SECRET, "headers": headers(), "body": BODY, "now": TIME, **case}
    return client.verify(given["secret"], given["headers"], given["body"], given["now"])


@pytest.mark.parametrize("case", RIGHT)
def test_what_is_signed_is_heard(client: Client, case: str) -> None:
    assert verified(client, RIGHT[case]) == json.loads(RIGHT[case].get("body", BODY))


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_is_refused(client: Client, case: str) -> None:
    with pytest.raises(Failed) as raised:
        verified(client, WRONG[case])
    assert raised.value.name == "BadSignature"


# ---- the contract ----


def test_every_operation_for_clients_has_its_call_in_both(javascript: JavaScriptClient) -> None:
    calls = {
        "generate_ppl": "ppl", "generate_goods": "goods", "goods_sheet": "sheet", "translate_ppl": "translate",
        "translate_goods": "translate", "list_jobs": "list", "claim_jobs": "claim", "get_job": "get",
        "get_job_result": "download",
        "cancel_job": "cancel", "retry_job": "retry", "delete_job": "delete", "get_usage": "usage",
        "get_webhook_secret": "webhook_secret", "rotate_webhook_secret": "rotate_webhook_secret", "get_options": "options",
    }  # fmt: skip
    nobodys = {"health", "health_ready", "get_openapi", "get_docs", "problem_catalogue", "problem_page", "replicate_webhook"}
    assert {one.id for one in operations.operations({})} == calls.keys() | nobodys
    names = {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name) for name in javascript.run(call="calls", args=[])}
    assert set(calls.values()) <= names
    assert set(calls.values()) <= set(dir(toonconnect.Client))


# ---- the READMEs ----


def told_of_calls(readme: str) -> dict[str, str]:
    """By its name, what stands in the parentheses of each call that the table tells of."""
    text = (Path(__file__).parents[2] / "clients" / readme).read_text()
    return dict(re.findall(r"^\| `(\w+)\((.*?)\)` \|", text, re.MULTILINE))


def test_the_python_readme_tells_each_call_as_it_is() -> None:
    calls = {name: one for name, one in inspect.getmembers(toonconnect.Client, inspect.isfunction) if not name.startswith("_")}
    calls |= {name: getattr(toonconnect, name) for name in ("new_owner_token", "picture_of", "verify_webhook")}
    told = told_of_calls("python/README.md")
    assert told.keys() == calls.keys()
    for name, call in calls.items():
        known = [one for one in inspect.signature(call).parameters.values() if one.name != "self"]
        bare = [one.replace(annotation=inspect.Parameter.empty) for one in known]
        assert f"({told[name]})" == str(inspect.Signature(bare)).replace("'", '"'), name


def test_the_javascript_readme_tells_each_call(javascript: JavaScriptClient) -> None:
    calls = {*javascript.run(call="calls", args=[]), "newKey", "newOwnerToken", "pictureOf", "verifyWebhook"} - {"constructor"}
    told = told_of_calls("js/README.md")
    assert told.keys() == calls
    source = (Path(__file__).parents[2] / "clients/js/toonconnect.js").read_text()
    for name, arguments in told.items():
        assert re.search(rf"^ *(export )?(async )?(function )?\*?{name}\({re.escape(arguments)}\) {{", source, re.MULTILINE), name
