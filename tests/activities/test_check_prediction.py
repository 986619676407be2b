"""One look: what it shows, what it stores, and the slot that it gives back as soon as the provider has finished."""

import hashlib
import io
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ServiceRequestError
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from activities.check_prediction import check, late_seconds
from activities.submit_prediction import submit
from shared import slots, threads
from shared.domain.problem import Problem, moderated
from shared.provenance import SOURCE_TYPE
from shared.providers.provider import Failed, NotFound, ProviderError, Ready, Running, Unusable
from shared.storage.documents import Busy
from tests import pictures
from tests.activities.orders import Clock, check_order, submit_order
from tests.fakes import FakeBlobs, FakeGenerator, images_of, make_job, make_services
from tests.patience import PATIENCE
from tests.picture_files import opened
from tests.telling import told

READY = Ready("https://fake/x")
READABLE = pictures.png_with_alpha(600, 400)
GONE = ProviderError(Problem("provider_unavailable", params={"provider": "Fake"}), is_final=True)
AWAY = ProviderError(Problem("provider_unavailable", params={"provider": "Fake"}))


@pytest.fixture
async def slot(services: Any, client: Any) -> None:
    """The job has sent, and holds a slot."""
    await submit(services, client, submit_order())
    assert is_held(services)


def is_held(services: Any) -> bool:
    return "job_1/0" in services.blobs.read_document("gates/fake.json")[0]["active"]


# ---- what it shows ----


async def test_a_running_prediction_is_running_whatever_kept_us_from_looking(
    services: Any, client: Any, generator: FakeGenerator, slot: None
) -> None:
    generator.looks = [Running(trouble="poll answered 500", retry_after=4.0)]

    answer = await check(services, client, check_order())
    assert answer == {"state": "running", "trouble": "poll answered 500", "after_seconds": 4.0}
    assert is_held(services)


async def test_what_the_provider_does_not_know_just_now_is_missing_and_may_be_charged(
    services: Any, client: Any, generator: FakeGenerator, slot: None
) -> None:
    generator.looks = [NotFound()]
    answer = await check(services, client, check_order())

    assert answer["state"] == "missing"
    assert (answer["problem"]["code"], answer["problem"]["charged"]) == ("provider_unavailable", "unknown")
    assert is_held(services), "it may run on"


async def test_a_failed_prediction_is_told_with_its_class(services: Any, client: Any, generator: FakeGenerator) -> None:
    generator.looks = [Failed(moderated("Fake", "input", "no"))]
    answer = await check(services, client, check_order())

    assert answer["state"] == "failed"
    assert (answer["problem"]["code"], answer["problem"]["charged"], answer["resubmits"]) == ("content_moderated", "no", 0)


async def test_a_failure_is_on_record_for_a_story_that_is_told_again(
    services: Any, client: Any, generator: FakeGenerator, slot: None
) -> None:
    generator.looks = [Failed(Problem("provider_unavailable", charged="unknown", params={"provider": "Fake"}), resubmits=2)]
    answer = await check(services, client, check_order())
    again = await submit(services, client, submit_order(may_be_sent=True))

    cost = {"usd": 0.08, "quoted": False}
    assert again == {"state": "ended", "sends": ["may be charged"], "cost": cost, "look": answer}


async def test_two_looks_that_see_the_same_failure_agree(
    services: Any, client: Any, generator: FakeGenerator, slot: None
) -> None:
    generator.looks = [Failed(moderated("Fake", "input", "no"))]

    assert await check(services, client, check_order()) == await check(services, client, check_order())


NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def seconds_before(seconds: float | None) -> datetime | None:
    return None if seconds is None else NOON - timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("ran", "ended", "late"),
    [
        # Nothing is known; half of the time in which it ended; what its provider says.
        (None, None, 0), (2, None, 1), (2, 0.3, 0.3), (None, 7, 7),
        # Clocks differ.
        (2, 9, 2), (2, -3, 0), (None, -3, 0), (-1, None, 0), (-1, 3, 0),
    ],
)  # fmt: skip
def test_how_late_an_end_is_seen(ran: float | None, ended: float | None, late: float) -> None:
    ran_at = seconds_before(ran)
    assert late_seconds(NOON, None if ran_at is None else ran_at.isoformat(), seconds_before(ended)) == late


@pytest.mark.parametrize("end", ["picture", "refusal"])
async def test_the_gate_measures_what_the_provider_took_not_when_it_was_looked_at(
    services: Any, client: Any, generator: FakeGenerator, clock: Clock, end: str
) -> None:
    await submit(services, client, submit_order())
    clock.pass_(13)
    now, ran_at = services.now(), (services.now() - timedelta(seconds=2)).isoformat()
    # A little after its slot was given.
    submitted_at = (now - timedelta(seconds=12.9)).isoformat()
    ready = Ready("https://fake/x", now - timedelta(seconds=0.5))
    generator.looks, generator.picture = [ready if end == "picture" else Failed(moderated("Fake", "input", "no"))], READABLE
    await check(services, client, check_order(submitted_at=submitted_at, ran_at=ran_at))

    measured = services.gates.look("fake").measured_seconds("fake")
    assert measured == (12.4 if end == "picture" else 11.9)


# ---- what it stores ----


async def test_a_ready_picture_is_stored_with_thumbnail_and_provenance_in_the_same_step(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    generator.looks, generator.picture = [READY], pictures.png_with_alpha(600, 400)
    answer = await check(services, client, check_order())

    assert answer["state"] == "stored"
    output = answer["output"]
    assert (output["width"], output["height"], output["preset"], output["seed"]) == (600, 400, "mug", 7)
    kept = services.blobs.images[output["blob"]]
    assert (len(kept), hashlib.sha256(kept).hexdigest()) == (output["bytes"], output["sha256"])
    assert b"trainedAlgorithmicMedia" in kept
    assert max(Image.open(io.BytesIO(services.blobs.images[output["thumbnail_blob"]])).size) == 384


async def test_a_stored_picture_is_told_again_from_its_record(
    services: Any, client: Any, generator: FakeGenerator, slot: None
) -> None:
    generator.looks, generator.picture = [READY], pictures.photo_jpeg(600, 400)
    stored: Any = await check(services, client, check_order())
    again: Any = await submit(services, client, submit_order(may_be_sent=True))

    assert (again["state"], again["sends"], again["look"]["output"]) == ("ended", ["paid"], stored["output"])


async def test_a_visible_label_changes_the_picture(services: Any, client: Any, generator: FakeGenerator) -> None:
    generator.looks, generator.picture = [READY], pictures.photo_jpeg(600, 400)
    plain: Any = await check(services, client, check_order())
    labelled: Any = await check(services, client, check_order(label="visible"))

    assert plain["output"]["sha256"] != labelled["output"]["sha256"]


async def test_a_visible_label_is_on_the_thumbnail_too(services: Any, client: Any, generator: FakeGenerator) -> None:
    generator.looks, generator.picture = [READY], pictures.photo_jpeg(600, 400)
    small = {}
    for label in ("none", "visible"):
        answer: Any = await check(services, client, check_order(label=label))
        small[label] = services.blobs.images[answer["output"]["thumbnail_blob"]]

    assert small["none"] != small["visible"]


@pytest.mark.parametrize(
    "data", [pictures.photo_jpeg(600, 400), pictures.drawing_png(600, 400), pictures.webp(600, 400)], ids=["JPEG", "PNG", "WebP"]
)
async def test_a_stored_picture_says_what_made_it_in_the_providers_own_pixels(
    services: Any, client: Any, generator: FakeGenerator, data: bytes
) -> None:
    generator.looks, generator.picture = [READY], data
    answer: Any = await check(services, client, check_order())
    stored = services.blobs.images[answer["output"]["blob"]]

    assert opened(stored).tobytes() == opened(data).tobytes()
    assert SOURCE_TYPE.encode() in stored
    assert b"Fake fake" in stored
    assert b"job_" not in stored
    assert answer["output"]["bytes"] == len(stored)


@pytest.mark.parametrize(
    ("picture", "code", "is_final"),
    [
        (b"<html>not a picture</html>", "provider_bad_response", True),
        (pictures.truncated_jpeg(), "provider_bad_response", True),
        (GONE, "provider_bad_response", True),
        (AWAY, "provider_unavailable", False),
    ],
    ids=["no image", "half an image", "link is dead", "server is away"],
)
async def test_a_finished_picture_that_cannot_be_had_is_unstored_and_charged(
    services: Any, client: Any, generator: FakeGenerator, picture: Any, code: str, is_final: bool
) -> None:
    generator.looks, generator.picture = [READY], picture
    answer = await check(services, client, check_order())

    assert answer["state"] == "unstored"
    assert (answer["problem"]["code"], answer["problem"]["charged"], answer["is_final"]) == (code, "yes", is_final)
    assert (answer["problem"]["params"]["provider"], answer["problem"]["stage"]) == ("Fake", "storing")


async def test_a_finished_prediction_that_names_nothing_to_fetch_is_charged(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    generator.looks = [Unusable(Problem("provider_bad_response", charged="yes", params={"provider": "Fake"}))]
    answer = await check(services, client, check_order())

    assert answer["state"] == "unstored"
    assert (answer["problem"]["code"], answer["problem"]["charged"], answer["is_final"]) == ("provider_bad_response", "yes", True)


class Unwilling(FakeBlobs):
    """Storage that is away for images, or in whose gate nobody can write."""

    takes_images = takes_gates = True

    def put_image(self, *rest: Any) -> None:
        if not self.takes_images:
            raise ServiceRequestError("away")
        super().put_image(*rest)

    def replace_document(self, name: str, *rest: Any) -> str:
        if name.startswith("gates/") and not self.takes_gates:
            raise Busy(name)
        return super().replace_document(name, *rest)


@pytest.fixture
def unwilling(generator: FakeGenerator, clock: Clock) -> Any:
    made = make_services(generator, clock, blobs=Unwilling())
    made.blobs.put_image("in.png", b"image", "image/png")
    make_job(made)
    return made


async def test_storage_that_is_away_does_not_lose_a_finished_picture(
    unwilling: Any, client: Any, generator: FakeGenerator
) -> None:
    generator.looks, generator.picture = [READY], pictures.photo_jpeg(600, 400)
    unwilling.blobs.takes_images = False
    answer = await check(unwilling, client, check_order())

    assert answer["state"] == "unstored"
    assert (answer["problem"]["code"], answer["problem"]["charged"], answer["is_final"]) == ("internal", "yes", False)


async def test_a_deleted_jobs_picture_is_removed_by_whoever_stored_it(
    services: Any, client: Any, generator: FakeGenerator, clock: Clock
) -> None:
    generator.looks, generator.picture = [READY], pictures.photo_jpeg(600, 400)
    services.jobs.hide("job_1", clock())
    answer = await check(services, client, check_order())

    # It is paid for all the same.
    assert answer["state"] == "stored"
    assert images_of(services.blobs.images, "job_1") == []


@pytest.mark.parametrize(("is_followed", "late", "left"), [(True, 9, 2), (True, 11, 0), (False, 0, 0)])
async def test_only_the_end_that_follows_at_once_may_remove_what_nobody_wants(
    services: Any, client: Any, generator: FakeGenerator, clock: Clock, is_followed: bool, late: int, left: int
) -> None:
    generator.looks, generator.picture = [READY], pictures.photo_jpeg(600, 400)
    services.jobs.hide("job_1", clock())
    asked_at = clock().isoformat()
    clock.pass_(late)
    await check(services, client, check_order(is_followed=is_followed, asked_at=asked_at))

    assert len(images_of(services.blobs.images, "job_1")) == left


# ---- the slot ----


@pytest.mark.parametrize(
    "look", [READY, Unusable(Problem("provider_bad_response", charged="yes")), Failed(moderated("Fake", "input", "no"))],
    ids=["ready", "unusable", "failed"],
)  # fmt: skip
async def test_the_slot_is_left_at_the_first_look_that_shows_the_end(
    services: Any, client: Any, generator: FakeGenerator, slot: None, look: Any
) -> None:
    # Whatever becomes of the picture.
    generator.looks, generator.picture = [look], AWAY
    answer: Any = await check(services, client, check_order())

    assert (answer["left_gate"], is_held(services)) == (True, False)


async def test_the_slot_is_left_while_the_picture_is_still_fetched(
    services: Any, client: Any, generator: FakeGenerator, slot: None, monkeypatch: Any
) -> None:
    left, leave, download = threading.Event(), slots.give_back, generator.download

    async def noted(*args: Any) -> int:
        woken = await leave(*args)
        left.set()
        return woken

    def slow(ready: Ready) -> bytes:
        assert left.wait(PATIENCE)
        return download(ready)

    monkeypatch.setattr(slots, "give_back", noted)
    monkeypatch.setattr(generator, "download", slow)
    generator.looks, generator.picture = [READY], READABLE

    assert (await check(services, client, check_order()))["state"] == "stored"


async def test_the_picture_is_fetched_while_the_gate_is_still_waited_for(
    services: Any, client: Any, generator: FakeGenerator, slot: None, monkeypatch: Any
) -> None:
    fetched, download = threading.Event(), generator.download

    def noted(ready: Ready) -> bytes:
        fetched.set()
        return download(ready)

    async def slow(*args: Any) -> int:
        assert await threads.run(fetched.wait, 10)
        raise Busy

    monkeypatch.setattr(slots, "give_back", slow)
    monkeypatch.setattr(generator, "download", noted)
    generator.looks, generator.picture = [READY], READABLE
    answer: Any = await check(services, client, check_order())

    assert (answer["state"], answer["left_gate"]) == ("stored", False)


async def test_a_gate_that_cannot_be_written_loses_no_picture_and_is_told_so(
    unwilling: Any, client: Any, generator: FakeGenerator
) -> None:
    generator.looks, generator.picture = [READY], pictures.photo_jpeg(600, 400)
    await submit(unwilling, client, submit_order())
    # Busy is what a change says that found no gap for long.
    unwilling.blobs.takes_gates = False
    answer = await check(unwilling, client, check_order())

    assert answer["state"] == "stored"
    assert (answer["left_gate"], is_held(unwilling)) == (False, True)


@pytest.mark.parametrize(
    ("look", "failures"),
    [(Failed(Problem("provider_unavailable")), 1), (Failed(moderated("Fake", "input", "no")), 0)],
    ids=["the provider failed", "it was right to refuse"],
)
async def test_the_gate_hears_how_the_provider_did(
    services: Any, client: Any, generator: FakeGenerator, slot: None, look: Any, failures: int
) -> None:
    generator.looks = [look]
    await check(services, client, check_order())

    assert services.blobs.read_document("gates/fake.json")[0]["failures"] == failures


async def test_a_picture_does_not_tell_what_its_generator_wrote_into_it(
    services: Any, client: Any, generator: FakeGenerator
) -> None:
    info, buffer = PngInfo(), io.BytesIO()
    info.add_text("Description", "a zebra crossing")
    Image.open(io.BytesIO(pictures.drawing_png(64, 64))).save(buffer, "PNG", pnginfo=info)
    generator.looks, generator.picture = [Ready("https://fake/x")], buffer.getvalue()
    answer: Any = await check(services, client, check_order())
    kept = services.blobs.images[answer["output"]["blob"]]

    assert told(buffer.getvalue(), {"prompt": "zebra crossing"}) == {"prompt"}
    assert told(kept, {"prompt": "zebra crossing"}) == set()
    assert answer["output"]["sha256"] == hashlib.sha256(kept).hexdigest()
