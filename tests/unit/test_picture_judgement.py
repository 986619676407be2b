"""What the server says of the pictures of which the page has to say the same (tests/page/test_judgement.py)."""

import pytest

from shared.domain.problem import ProblemError
from shared.domain.warning import WarningData
from shared.pictures.prepare import prepare_for_provider
from shared.pictures.upload import inspect_upload
from tests.cases.judged import JUDGED, Judged

LIMIT = 5 * 1024 * 1024
Verdict = tuple[str | None, tuple[tuple[str, str], ...]]


def verdict(data: bytes, min_side: int) -> Verdict:
    try:
        inspect_upload(data, LIMIT, min_side_px=min_side)
        sent = prepare_for_provider(data)
    except ProblemError as error:
        return error.problem.params.get("why", error.problem.code), ()
    return None, tuple((warning["code"], told(warning)) for warning in sent.warnings)


def told(warning: WarningData) -> str:
    params = warning["params"]
    match warning["code"]:
        case "image_small":
            return f"{params['width']}x{params['height']}"
        case "image_narrow":
            return params["side"]
        case "image_ground_changed":
            return {"grey": "grey", "dark grey": "darkGrey", "pale blue": "paleBlue"}[params["ground_en"]]
        case _:
            return params["frame"]


@pytest.mark.parametrize("row", JUDGED, ids=lambda row: row.what)
def test_a_picture_is_judged(row: Judged) -> None:
    assert verdict(row.make(), row.min_side) == (row.refused, row.warned)


def test_every_reason_and_every_warning_is_judged() -> None:
    assert {row.refused for row in JUDGED} == {None, "narrow", "one_colour", "transparent"}
    assert {code for row in JUDGED for code, _ in row.warned} == {
        "image_small", "image_narrow", "image_ground_changed", "image_first_frame",
    }  # fmt: skip
