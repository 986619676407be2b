"""In a sandbox every picture says that it is a sample; and nothing is ever bought for a sample, or sampled for a job."""

import io
from typing import Any

import pytest
from PIL import Image

from activities.check_prediction import check
from activities.submit_prediction import submit
from shared.provenance import SAMPLE_SOURCE_TYPE, SOURCE_TYPE
from shared.providers.provider import Ready
from tests import pictures
from tests.activities.orders import Client, Clock, check_order, submit_order
from tests.fakes import FakeGenerator, make_job, make_services

SANDBOX = {"SANDBOX": "true", "ENVIRONMENT_TYPE": "dev"}


def services_of(generator: FakeGenerator, *, is_sandbox: bool, sample: bool | None) -> Any:
    services = make_services(generator, Clock(), **(SANDBOX if is_sandbox else {}))
    services.blobs.put_image("in.png", b"image", "image/png")
    changes = {} if sample is None else {"sample": sample}
    make_job(services, polls=0, fallback_used=False, **changes)
    return services


@pytest.mark.parametrize(
    ("is_sandbox", "sample", "is_sent"),
    [
        (True, True, True),
        (False, False, True),
        (False, None, True),
        (True, False, False),
        (True, None, False),
        (False, True, False),
    ],
)
async def test_a_job_is_made_only_where_it_was_accepted(is_sandbox: bool, sample: bool | None, is_sent: bool) -> None:
    """None: a job of before there were sandboxes."""
    generator = FakeGenerator()
    services = services_of(generator, is_sandbox=is_sandbox, sample=sample)

    answer = await submit(services, Client(), submit_order())  # type: ignore[arg-type]
    assert (answer["state"], len(generator.submitted)) == (("submitted", 1) if is_sent else ("canceled", 0))


async def test_a_sample_says_so_in_its_file_and_in_both_pictures() -> None:
    made = {}
    for is_sandbox in (False, True):
        generator = FakeGenerator()
        services = services_of(generator, is_sandbox=is_sandbox, sample=is_sandbox)
        await submit(services, Client(), submit_order())  # type: ignore[arg-type]
        generator.looks, generator.picture = [Ready("https://fake/x")], pictures.photo_jpeg(512, 512)
        answer: Any = await check(services, Client(), check_order())  # type: ignore[arg-type]
        output = answer["output"]
        made[is_sandbox] = [services.blobs.images[output[name]] for name in ("blob", "thumbnail_blob")]
        assert output["bytes"] == len(made[is_sandbox][0])

    (real, small), (sample, small_sample) = made[False], made[True]
    assert SOURCE_TYPE.encode() in real
    assert b"SAMPLE" not in real
    assert SAMPLE_SOURCE_TYPE.encode() in sample
    assert SOURCE_TYPE.encode() not in sample
    assert b"SAMPLE, no generated picture: a simulator of" in sample
    for plain, marked in ((real, sample), (small, small_sample)):
        assert corner(plain) != corner(marked), "the mark can be seen"


def corner(data: bytes) -> bytes:
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    return picture.crop((picture.width * 3 // 4, picture.height * 3 // 4, picture.width, picture.height)).tobytes()
