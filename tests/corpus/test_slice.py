"""A slice of the corpus that is always tried: the seeds, some mutated ones, and all that once went wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import browser  # noqa: F401  (a fixture)
from tests.corpus.compare import difference
from tests.corpus.mutations import make_input, seed_files
from tests.corpus.run import Outcome, Report, looked_at, tried
from tests.corpus.views import HEIF_TOOL, ChromiumViews
from tests.corpus.workers import Worker

#: Files on which the app once failed: taken or refused, as is right, and what was wrong.
FAULTS = sorted((Path(__file__).parent / "faults").iterdir())


@pytest.fixture(scope="module")
def seeds() -> list[Outcome]:
    return list(tried(make_input(1, index) for index in range(len(seed_files()))))


@pytest.fixture(scope="module")
def mutated() -> list[Outcome]:
    first = len(seed_files())
    return list(tried(make_input(1, index) for index in range(first, first + 240)))


def test_every_seed_is_taken(seeds: list[Outcome]) -> None:
    assert [f"{outcome.input}: {outcome.verdict.what}" for outcome in seeds if outcome.verdict.kind != "taken"] == []


def test_what_is_mutated_is_taken_or_refused(mutated: list[Outcome]) -> None:
    assert [f"{outcome.input}: {outcome.verdict.what}" for outcome in mutated if outcome.verdict.kind == "fault"] == []
    # Both happen, or nothing was tried.
    assert {outcome.verdict.kind for outcome in mutated} == {"taken", "refused"}


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    with Worker() as running:
        yield running


@pytest.mark.parametrize("path", FAULTS, ids=lambda path: path.name)
def test_what_once_went_wrong(worker: Worker, path: Path) -> None:
    verdict = worker.try_out(path.read_bytes())
    assert verdict.kind == path.name.split("-")[0], (verdict.what, verdict.detail)


@pytest.mark.browser
def test_what_once_went_wrong_is_what_chromium_shows(worker: Worker, browser: Browser) -> None:  # noqa: F811
    files = [path.read_bytes() for path in FAULTS if path.name.startswith("taken-")]
    for data, view in zip(files, ChromiumViews(browser).see(files), strict=True):
        assert view is not None
        found = difference(worker.try_out(data).sent, view)
        assert not found.is_over, (found, len(data))
    assert files


@pytest.mark.browser
def test_chromium_sees_what_is_sent(seeds: list[Outcome], mutated: list[Outcome], browser: Browser) -> None:  # noqa: F811
    given = [outcome for outcome in (*seeds, *mutated) if outcome.input.format != "heic"]
    told = Report(list(looked_at(given, ChromiumViews(browser))))
    assert [f"{outcome.input}: {outcome.difference}" for outcome in told.disagreements] == []
    assert sum(outcome.difference is not None for outcome in told.outcomes) > 100


@pytest.mark.skipif(HEIF_TOOL is None, reason="no heif-convert: apt-get install libheif-examples")
def test_libheif_sees_what_is_sent(seeds: list[Outcome], mutated: list[Outcome]) -> None:
    heics = [outcome for outcome in (*seeds, *mutated) if outcome.input.format == "heic" and outcome.verdict.kind == "taken"]
    told = Report(list(looked_at(heics, None)))
    assert [f"{outcome.input}: {outcome.difference}" for outcome in told.disagreements] == []
    assert len(told.outcomes) > 10
