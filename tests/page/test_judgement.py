"""The page says of a picture what the server would say of it: refused or not, why, and what is poor about it."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.cases.judged import JUDGED, Judged
from tests.unit.test_picture_judgement import Verdict, verdict

pytestmark = pytest.mark.browser

JUDGEMENT = """async ({file, minSide}) => {
  const { prepareImage, ImageProblem } = await import("/js/images/images.js");
  const types = ["image/png", "image/jpeg", "image/webp", "image/gif"];
  const bytes = Uint8Array.from(atob(file), (sign) => sign.charCodeAt(0));
  try {
    const prepared = await prepareImage(new File([bytes], "image"), { maxBytes: 5 * 1024 * 1024, types, minSide });
    const sent = new Uint8Array(await prepared.file.arrayBuffer());
    const text = Array.from(sent, (byte) => String.fromCharCode(byte)).join("");
    return { advice: prepared.advice, canCrop: prepared.canCrop, sent: btoa(text) };
  } catch (error) {
    if (!(error instanceof ImageProblem)) throw error;
    return { key: error.key, canCrop: error.canCrop };
  }
}"""
REASONS = {"image.strip": "narrow", "image.oneColour": "one_colour", "image.transparent": "transparent"}
#: What the page says besides: the server has no word for it.
OWN = {"image.small", "image.busy", "image.seeThrough", "image.animated"}


def judged(page: Page, row: Judged) -> dict[str, Any]:
    return page.evaluate(JUDGEMENT, {"file": base64.b64encode(row.make()).decode(), "minSide": row.min_side})


def told(advice: dict[str, Any]) -> tuple[str, str]:
    values = advice.get("values", {})
    match advice["key"]:
        case "image.enlarged":
            return "image_small", f"{values['width']}x{values['height']}"
        case "image.narrow":
            return "image_narrow", str(values["side"])
        case "image.ground":
            return "image_ground_changed", values["ground"]
        case "image.animatedAt":
            return "image_first_frame", str(values["frame"])
        case other:
            raise AssertionError(other)


def said(found: dict[str, Any]) -> Verdict:
    if "key" in found:
        return REASONS[found["key"]], ()
    return None, tuple(sorted(told(advice) for advice in found["advice"] if advice["key"] not in OWN))


def test_the_page_says_what_the_server_says(page: Page) -> None:
    found = {row.what: judged(page, row) for row in JUDGED}

    assert {what: said(each) for what, each in found.items()} == {
        row.what: (row.refused, tuple(sorted(row.warned))) for row in JUDGED
    }
    # A part is offered where it would help, and nowhere else.
    assert {what for what, each in found.items() if each["canCrop"]} == {
        row.what for row in JUDGED if row.refused == "narrow" or "image_narrow" in dict(row.warned)
    }
    made = {row.what: (base64.b64decode(found[row.what]["sent"]), row) for row in JUDGED if row.refused is None}
    assert {what: verdict(data, row.min_side) for what, (data, row) in made.items()} == {
        what: (None, still_warned(data, row)) for what, (data, row) in made.items()
    }


def still_warned(sent: bytes, row: Judged) -> tuple[tuple[str, str], ...]:
    """Of an animation that it makes smaller the page sends one frame."""
    moves = getattr(Image.open(io.BytesIO(sent)), "n_frames", 1) > 1
    return tuple(each for each in row.warned if moves or each[0] != "image_first_frame")
