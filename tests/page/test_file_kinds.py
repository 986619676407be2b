"""The page and the server call a file by the same name, from the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from shared.domain import image_kind

pytestmark = pytest.mark.browser

#: `head` is in hexadecimal, `kind` the name that both give.
HEADS: list[dict[str, str]] = json.loads((Path(__file__).parents[1] / "cases" / "file_heads.json").read_text())

KINDS = """async (heads) => {
  const { kindByContent } = await import("/js/images/file-kinds.js");
  return heads.map((head) => kindByContent(Uint8Array.from(head.match(/../g) ?? [], (byte) => parseInt(byte, 16))));
}"""
#: In ms. Tried in every way, 28 comments take seconds; many more would take for ever.
TIME = """async (head) => {
  const { kindByContent } = await import("/js/images/file-kinds.js");
  const bytes = Uint8Array.from(head.match(/../g), (byte) => parseInt(byte, 16));
  const began = performance.now();
  kindByContent(bytes);
  return performance.now() - began;
}"""
WORDS = """async (kinds) => {
  const { hasWords } = await import("/js/words/words.js");
  const { adviceFor } = await import("/js/images/file-types.js");
  (await import("/js/words/all.js")).learnAll();
  return kinds.filter((kind) => !hasWords(`file.${kind}`) || !hasWords(`file.do.${adviceFor(kind)}`));
}"""


def named(page: Page) -> dict[str, Any]:
    return dict(zip([row["what"] for row in HEADS], page.evaluate(KINDS, [row["head"] for row in HEADS]), strict=True))


def test_every_kind_of_file_is_known_by_its_first_bytes(page: Page) -> None:
    assert named(page) == {row["what"]: row["kind"] for row in HEADS}


def test_every_kind_has_a_name_and_something_to_do(page: Page) -> None:
    assert page.evaluate(WORDS, sorted({row["kind"] for row in HEADS})) == []


@pytest.mark.parametrize(
    "head", [b"<!---->" * 28, b"<?xml ?>" * 28, b" " * 4095, b"<!--" * 1023, b"<!DOCTYPE " + b" " * 4080, b"P6\n" + b"#\n" * 2040]
)
def test_what_a_file_is_takes_no_longer_the_more_its_beginning_repeats(page: Page, head: bytes) -> None:
    assert page.evaluate(TIME, (head + b"<").hex()) < 500


@pytest.mark.parametrize("row", HEADS, ids=[row["what"] for row in HEADS])
def test_the_server_calls_it_the_same(row: dict[str, str]) -> None:
    head = bytes.fromhex(row["head"])
    taken = image_kind.sniff_image(head)
    assert (taken.removeprefix("image/") if taken else image_kind.name_other(head) or "unknown") == row["kind"]
