"""What schemathesis cannot make up by itself: a picture, a prompt that can be seen. Loaded by the runs of bench.schemathesis."""

import io
import re
from typing import Any

import jsonschema_rs
import schemathesis
from hypothesis import strategies as st
from PIL import Image
from schemathesis.core.failures import AcceptedNegativeData, Failure

from shared.domain.image_kind import EXTENSIONS
from shared.domain.kinds import KINDS
from shared.domain.text import is_blank, is_damaged, is_misread
from triggers.contract.schemas import PROMPT_FORMAT, form

Case = schemathesis.Case[Any]


def _picture(kind: str, width: int, height: int) -> bytes:
    """Of two colours: one alone is refused."""
    image = Image.new("RGB", (width, height), (200, 40, 40))
    image.paste((40, 40, 200), (0, 0, width // 2, height))
    data = io.BytesIO()
    image.save(data, kind)
    return data.getvalue()


_PICTURES = [_picture(kind, width, height) for kind in ("PNG", "JPEG", "WEBP") for width, height in ((320, 320), (300, 420))]
# The form says which types a picture may have; by its content it is one of them, whatever its part is called.
schemathesis.openapi.media_type(", ".join(EXTENSIONS), st.sampled_from(_PICTURES))
for _content_type in EXTENSIONS:
    schemathesis.openapi.media_type(_content_type, st.sampled_from(_PICTURES))
schemathesis.openapi.format("binary", st.sampled_from(_PICTURES))

_VISIBLE = st.sampled_from(["a", "가", "あ", "7", "영웅이 캔 음료를 마신다", "hero drinks it", "🎨"])
_REST = st.text(st.characters(codec="utf-8", exclude_characters="\ufffd", exclude_categories=["Cc", "Cs"]), max_size=40)
schemathesis.openapi.format(PROMPT_FORMAT, st.builds(lambda seen, rest: seen + rest, _VISIBLE, _REST))

#: Headers are ASCII here: of others, and of control characters, the host answers 400 by itself, and the app never hears of them.
_NO_HEADER = re.compile("[^\t -~]")
#: Said of a request that is as the document has it, these would be wrong.
_SHAPE = ("validation_failed", "invalid_request", "unsupported_image", "image_too_large", "image_unusable")


@schemathesis.hook
def filter_failure(context: schemathesis.HookContext, failure: Failure, case: Case, response: schemathesis.Response) -> bool:
    """Whether it is one of the app's."""
    headers = {name.lower(): str(value) for name, value in dict(case.headers or {}).items()}
    is_heard = response.content or not any(_NO_HEADER.search(value) for value in headers.values())
    # What is no HTTP is the server's to answer; of whose the jobs become, the document says in words that somebody has to say it.
    is_framed, is_known = "transfer-encoding" not in headers, "x-owner-token" in headers
    if response.status_code == 400 and not (is_heard and is_framed and (is_known or not case.path.endswith("/jobs/claim"))):  # noqa: PLR2004
        return False
    if not isinstance(failure, AcceptedNegativeData):
        return True
    # An empty parameter is one that was left out, and so is what nothing is written of.
    is_left_out = any(value in ("", [], {}) for value in dict(case.query or {}).values())
    return not is_left_out and not (isinstance(case.body, dict) and _is_right(case.path, case.body))


def _is_right(path: str, body: dict[str, Any]) -> bool:
    """Whether a form is right once it is one: an empty field is one that was left out. What is sent of its pictures is not looked
    at: they are pictures, or it would have been refused."""
    kind = next((kind for kind in KINDS.values() if f"/{kind.route}/" in path), None)
    if kind is None:
        return False
    texts = form(kind, ())["properties"]
    given = {name: value for name, value in body.items() if value not in ("", []) and name not in kind.images}
    return given.keys() <= texts.keys() and all(
        jsonschema_rs.Draft202012Validator(texts[name]).is_valid(value) for name, value in given.items()
    )


@schemathesis.check
def what_is_as_the_document_says_is_taken(ctx: schemathesis.CheckContext, response: schemathesis.Response, case: Case) -> None:
    """Of forms, whose 422 may have other reasons: a key that was used already."""
    is_right = case.meta is not None and case.meta.generation.mode.is_positive
    if is_right and case.method == "POST" and response.status_code in (400, 413, 415, 422):
        told = response.json()
        prompt = case.body.get("prompt", "") if isinstance(case.body, dict) else ""
        # The document's example of an own picture is nobody's here, and a webhook needs an owner.
        has_owner = any(name.lower() == "x-owner-token" for name in dict(case.headers or {}))
        owed = {"input_image", "input_image_1", "input_image_2", *(() if has_owner else ("webhook_url",))}
        if told["errors"] and all(error["field"] in owed and error["code"] == "invalid" for error in told["errors"]):
            return
        # What a prompt needs cannot be said in a pattern; the document says it in words.
        if told["code"] in _SHAPE and not (is_blank(str(prompt)) or is_misread(str(prompt)) or is_damaged(str(prompt))):
            raise AssertionError(f"a request that is right was refused: {told['code']} {told['errors']}")
