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
  const { kindByContent } = await import("/js/file-kinds.js");
  return heads.map((head) => kindByContent(Uint8Array.from(head.match(/../g) ?? [], (byte) => parseInt(byte, 16))));
}"""
WORDS = """async (kinds) => {
  const { hasWords } = await import("/js/i18n.js");
  const { adviceFor } = await import("/js/file-kinds.js");
  return kinds.filter((kind) => !hasWords(`file.${kind}`) || !hasWords(`file.do.${adviceFor(kind)}`));
}"""


def named(page: Page) -> dict[str, Any]:
    return dict(zip([row["what"] for row in HEADS], page.evaluate(KINDS, [row["head"] for row in HEADS]), strict=True))


def test_every_kind_of_file_is_known_by_its_first_bytes(page: Page) -> None:
    assert named(page) == {row["what"]: row["kind"] for row in HEADS}


def test_every_kind_has_a_name_and_something_to_do(page: Page) -> None:
    assert page.evaluate(WORDS, sorted({row["kind"] for row in HEADS})) == []


@pytest.mark.parametrize("row", HEADS, ids=[row["what"] for row in HEADS])
def test_the_server_calls_it_the_same(row: dict[str, str]) -> None:
    head = bytes.fromhex(row["head"])
    taken = image_kind.sniff_image(head)
    assert (taken.removeprefix("image/") if taken else image_kind.name_other(head) or "unknown") == row["kind"]
