"""What the benchmarks measure against does what the services did that are replaced."""

from collections.abc import Iterator

import pytest
import requests

from bench.hosts import BASELINE_PYTHON, Baseline
from simulators.server import Simulators, running
from tests import pictures
from tests.patience import PATIENCE

pytestmark = pytest.mark.skipif(not BASELINE_PYTHON.exists(), reason="no .venv-baseline here: make .venv-baseline/.ready")
IMAGE = pictures.photo_jpeg(400, 400)
FORMS = {"goods": ("input_image",), "ppl": ("input_image_1", "input_image_2")}


@pytest.fixture(scope="module")
def simulators() -> Iterator[Simulators]:
    with running() as simulators:
        simulators.configure(bfl={"delay_seconds": 0.5}, replicate={"delay_seconds": 0.5})
        yield simulators


@pytest.fixture(scope="module")
def baseline(simulators: Simulators) -> Iterator[Baseline]:
    with Baseline(simulators.url) as baseline:
        yield baseline


def _asked(baseline: Baseline, kind: str) -> requests.Response:
    files = dict.fromkeys(FORMS[kind], ("image.jpg", IMAGE))
    return requests.post(f"{baseline.url}/api/{kind}-gen/generate", data={"prompt": "a mug"}, files=files, timeout=PATIENCE)


@pytest.mark.parametrize(("kind", "provider"), [("goods", "bfl"), ("ppl", "replicate")])
def test_a_post_is_held_until_the_picture_is_there(kind: str, provider: str, baseline: Baseline, simulators: Simulators) -> None:
    before = simulators.stats()[provider]
    answer = _asked(baseline, kind)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    # It looks when a second is over: the picture has been there for half of that.
    assert answer.elapsed.total_seconds() > 1
    counted = {name: simulators.stats()[provider][name] - before[name] for name in ("submits", "polls", "downloads")}
    assert counted == {"submits": 1, "polls": 1, "downloads": 1}


@pytest.mark.parametrize("kind", FORMS)
def test_a_form_without_its_image_is_refused(kind: str, baseline: Baseline) -> None:
    answer = requests.post(f"{baseline.url}/api/{kind}-gen/generate", data={"prompt": "a mug"}, timeout=PATIENCE)

    assert answer.status_code == 422
