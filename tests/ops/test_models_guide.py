"""What the guide says of the models is what the code does with them."""

import re

import pytest

from shared.generators.registry import MODELS
from shared.settings import DEFAULT_MODELS
from tests.guides import ROOT, text_of
from tests.providers.orders import order

GUIDES = {"en": ROOT / "docs/models.en.md", "ko": ROOT / "docs/models.ko.md"}
BY_ID = {model.id: model for model in MODELS}
#: Whether pixels are sent instead of a ratio: for a usual one, and for an unusual one.
SIZES = {
    "ratio": (False, False), "비율": (False, False), "pixels": (True, True), "픽셀": (True, True),
    "ratio or pixels": (False, True), "비율 또는 픽셀": (False, True),
}  # fmt: skip

both_languages = pytest.mark.parametrize("language", GUIDES)


def rows(language: str) -> dict[str, list[str]]:
    """The table of models: what stands in each row behind the id."""
    found = re.findall(r"^\| `([\w./-]+)` \| (`.*) \|$", text_of(GUIDES[language]), re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in found}


@both_languages
def test_the_guide_has_a_row_for_every_model_and_no_other(language: str) -> None:
    assert list(rows(language)) == [model.id for model in MODELS]


@both_languages
def test_a_row_has_the_models_provider_price_time_and_images(language: str) -> None:
    for name, (provider, _, goods, ppl, seconds, images, _) in rows(language).items():
        model = BY_ID[name]
        assert provider == f"`{model.provider}`", name
        assert (float(goods), float(ppl)) == (model.price_usd(1), model.price_usd(2)), name
        assert (int(seconds), int(images)) == (model.expected_seconds, model.max_images), name


@both_languages
def test_a_row_says_whether_a_ratio_or_pixels_are_sent(language: str) -> None:
    for name, (*_, size) in rows(language).items():
        sent = [BY_ID[name].fields(order(BY_ID[name].provider, aspect_ratio=ratio)) for ratio in ("1:1", "21:9")]
        assert tuple("width" in fields for fields in sent) == SIZES[size], name


@both_languages
def test_the_defaults_of_the_kinds_are_marked(language: str) -> None:
    word = {"en": "default of ", "ko": " 기본 모델"}[language]
    assert {name for name, cells in rows(language).items() if word in cells[1]} == {names[0] for names in DEFAULT_MODELS.values()}


@both_languages
def test_each_model_gets_the_safety_that_the_guide_says(language: str) -> None:
    table = re.findall(r"^\| (\d) \| (\d) \| (\d) \| (\d) \|$", text_of(GUIDES[language]), re.MULTILINE)
    assert [row[0] for row in table] == ["0", "1", "2"]
    for ours, kontext, at_bfl, at_replicate in table:
        for model in MODELS:
            said = kontext if "kontext" in model.id else at_bfl if model.provider == "bfl" else at_replicate
            sent = model.fields(order(model.provider, safety_tolerance=int(ours)))
            assert sent["safety_tolerance"] == int(said), model.id


@both_languages
def test_every_model_that_the_guide_names_is_there(language: str) -> None:
    named = set(re.findall(r"\b(?:[\w-]+/)?(?:flux-2|flux-kontext|multi-image)-[\w-]+\b", text_of(GUIDES[language])))
    kinds = {f"ppl/{name}" for name in BY_ID}
    assert named <= BY_ID.keys() | kinds
