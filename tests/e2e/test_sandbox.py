"""A sandbox: the whole app with its own simulators as the providers, through a kill of the host; every trace of it says so."""

import io
from pathlib import Path

import pytest
import requests
from PIL import Image

from local.ports import free_port
from shared.provenance import SAMPLE_SOURCE_TYPE
from tests import pictures
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack


def test_a_sandbox_makes_samples_and_outlives_its_host(tmp_path: Path) -> None:
    keys = {"REPLICATE_API_TOKEN": "r8_a-real-one", "BFL_API_KEY": "a-real-one", "KEY_VAULT_URI": "https://real.vault.example"}
    stack = Stack(
        tmp_path, SIMULATORS="0", SANDBOX="true", ENVIRONMENT_TYPE="dev", SANDBOX_PORT=str(free_port()), **keys,
        # A provider's own address, too, has no say.
        REPLICATE_API_BASE_URL="https://api.replicate.com",
    )  # fmt: skip
    with stack:
        ready = requests.get(f"{stack.url}/api/health/ready", timeout=PATIENCE).json()
        assert (ready["status"], ready["sandbox"]) == ("ready", True)
        options = requests.get(f"{stack.url}/api/options", timeout=PATIENCE)
        assert (options.json()["sandbox"], options.headers["X-Sandbox"]) == (True, "true")

        character, product = pictures.photo_jpeg(640, 480), pictures.photo_jpeg(300, 500)
        slow = stack.goods(character, prompt="[[slow:6]] a mug").json()
        assert (slow["status"], slow["sample"]) == ("queued", True)
        while stack.job(slow["id"])["stage"] != "generating":
            assert stack.job(slow["id"])["status"] in ("queued", "processing")
        stack.kill_host()
        stack.start()
        of_two = stack.ppl(character, product, headers={"Prefer": "wait=60"}).json()

        for job in (of_two, stack.ended(slow["id"])):
            assert (job["status"], job["sample"]) == ("succeeded", True), job["error"]
            result = requests.get(f"{stack.url}/api/jobs/{job['id']}/result?inline=1", timeout=PATIENCE)
            assert SAMPLE_SOURCE_TYPE.encode() in result.content
            assert b"SAMPLE" in result.content
            assert (Image.open(io.BytesIO(result.content)).width, result.headers["X-Sandbox"]) == (
                job["outputs"][0]["width"], "true",
            )  # fmt: skip
        assert "a-real-one" not in stack.log
