"""What a result is called when it is saved."""

from typing import Any
from urllib.parse import unquote

import pytest
from werkzeug.http import parse_options_header

from shared.domain.file_names import content_disposition


def named(kind: str = "goods", completed: str | None = "2026-06-30T16:00:00+00:00", **output: Any) -> str:
    document = {"id": "job_secret", "kind": kind, "created_at": "2026-06-30T14:59:00+00:00", "completed_at": completed}
    return content_disposition(document, {"index": 0, "preset": None, "content_type": "image/png", **output})


@pytest.mark.parametrize(
    ("header", "plain", "korean"),
    [
        (named(preset="mug", index=2), "toonconnect-goods-mug-20260701-2.png", "툰커넥트_굿즈_머그컵_2026-07-01_2.png"),
        (named("ppl", content_type="image/jpeg"), "toonconnect-ppl-20260701-0.jpg", "툰커넥트_PPL_2026-07-01_0.jpg"),
        # Of before midnight in Korea; a preset that was taken out; a picture that came late to a job without an end.
        (named(preset="gone", completed=None), "toonconnect-goods-20260630-0.png", "툰커넥트_굿즈_2026-06-30_0.png"),
    ],
)
def test_it_has_a_name_in_ascii_and_one_in_korean(header: str, plain: str, korean: str) -> None:
    assert header.isascii()
    assert header.startswith(f"inline; filename=\"{plain}\"; filename*=UTF-8''")
    assert unquote(header.split("''")[1]) == korean
    # As another reader of RFC 8187 has it.
    assert parse_options_header(header.replace(f'filename="{plain}"; ', ""))[1]["filename"] == korean
    assert "secret" not in header
