"""Prepared images behind links at a real storage: opened by nobody without, and by nobody after the job's end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.storage.blob import BlobServiceClient

from shared.job_ids import new_job_id
from shared.pictures.prepare import prepare_for_provider
from shared.services import Services
from shared.storage.blob_store import BlobStore
from shared.storage.image_names import prepared_prefixes, upload_name
from shared.storage.sent_images import LINK_MARGIN, SentImages
from shared.storage.signed_links import LinkSigner
from tests import pictures
from tests.azurite import AzuriteOAuth
from tests.patience import PATIENCE

TIMEOUT = timedelta(seconds=120)
PREPARED = prepare_for_provider(pictures.drawing_png(300, 300))


@pytest.fixture
def by_link(services: Services) -> Services:
    return Services(replace(services.settings, images_by_link=True))


def link(services: Services, job_id: str) -> str:
    url = services.sent_images.link(services.sent_images.keep(job_id, "input_image", PREPARED), TIMEOUT)
    assert url is not None
    return url


def test_a_link_opens_the_prepared_image_until_its_job_is_deleted(by_link: Services) -> None:
    job_id = new_job_id()
    url = link(by_link, job_id)
    answer = requests.get(url, timeout=PATIENCE)
    assert (answer.content, answer.headers["Content-Type"]) == (PREPARED.data, "image/png")
    assert job_id.removeprefix("job_") not in url

    by_link.pictures.forget(job_id)
    assert requests.get(url, timeout=PATIENCE).status_code in (403, 404)


def test_it_only_reads_and_opens_nothing_else(by_link: Services) -> None:
    url, other = link(by_link, new_job_id()), link(by_link, new_job_id())

    assert requests.put(url, data=b"x", headers={"x-ms-blob-type": "BlockBlob"}, timeout=PATIENCE).status_code == 403
    assert requests.get(f"{other.partition('?')[0]}?{urlsplit(url).query}", timeout=PATIENCE).status_code == 403
    assert requests.get(url.partition("?")[0], timeout=PATIENCE).status_code in (401, 403, 404, 409)


def test_it_is_dead_after_the_time_that_a_prediction_may_take(by_link: Services) -> None:
    late = SentImages(by_link.blobs, LinkSigner(by_link._blob_service, timedelta(days=1), lambda: now))
    now = datetime.now(UTC)
    name = late.keep(new_job_id(), "input_image", PREPARED)
    now -= TIMEOUT + LINK_MARGIN - timedelta(seconds=20)
    assert requests.get(str(late.link(name, TIMEOUT)), timeout=PATIENCE).status_code == 200

    now -= timedelta(seconds=25)
    assert requests.get(str(late.link(name, TIMEOUT)), timeout=PATIENCE).status_code == 403


def test_deleting_a_job_leaves_none_of_its_images(by_link: Services) -> None:
    mine, other = new_job_id(), new_job_id()
    urls = [link(by_link, job_id) for job_id in (mine, other)]
    by_link.pictures.forget(mine)

    assert [requests.get(url, timeout=PATIENCE).status_code == 200 for url in urls] == [False, True]


@pytest.mark.parametrize("timeout", [TIMEOUT, timedelta(days=1)])
def test_by_identity_it_works_over_https_alone_and_does_not_outlive_its_key(
    azurite_oauth: AzuriteOAuth, timeout: timedelta
) -> None:
    service = BlobServiceClient(
        azurite_oauth.blob_url, credential=azurite_oauth.credential, connection_verify=azurite_oauth.ca_path
    )
    sent = SentImages(BlobStore(service), LinkSigner(service, timedelta(minutes=60)))
    url = str(sent.link(sent.keep(new_job_id(), "input_image", PREPARED), timeout))
    query = parse_qs(urlsplit(url).query)

    assert (query["spr"], query["sp"]) == (["https"], ["r"])
    assert query["se"][0] <= query["ske"][0]
    assert requests.get(url, timeout=PATIENCE, verify=azurite_oauth.ca_path).content == PREPARED.data


def test_without_links_it_lies_at_the_same_place(services: Services, by_link: Services) -> None:
    job_id = new_job_id()
    name = services.sent_images.keep(job_id, "input_image", PREPARED)

    assert services.sent_images.link(name, TIMEOUT) is None
    assert by_link.sent_images.keep(job_id, "input_image", PREPARED) == name
    assert services.sent_images.find(job_id, "input_image") == name
    assert services.sent_images.find(job_id, "input_image_1") is None


@pytest.mark.parametrize("place", ["prepared of before", "sent of before"])
def test_what_an_earlier_version_prepared_is_found_where_it_lies(services: Services, place: str) -> None:
    job_id = new_job_id()
    names = dict(zip(["today", "prepared of before", "sent of before"], prepared_prefixes(job_id, "input_image"), strict=True))
    services.blobs.put_image(f"{names[place]}jpg", PREPARED.data, "image/jpeg")

    assert services.sent_images.find(job_id, "input_image") == f"{names[place]}jpg"


def test_what_is_left_of_uploads_is_told_by_job_with_its_age(services: Services) -> None:
    mine, other = new_job_id(), new_job_id()
    names = [upload_name(mine, field, "jpg", "0badcafe") for field in ("input_image_1", "input_image_2")]
    for name in (*names, upload_name(other, "input_image", "png")):
        services.uploads.keep(name, b"x", "image/jpeg")
    before = f"{mine}/input/input_image.png"
    for name in (before, f"{mine}/output/0.png", f"{mine}/prepared/input_image.png"):
        services.blobs.put_image(name, b"x", "image/png")
    found = {left.job_id: left for left in services.uploads.left()}
    found_before = {left.job_id: left for left in services.uploads.left_by_before()}

    assert found[mine].names == tuple(names)
    assert abs(datetime.now(UTC) - found[mine].written) < timedelta(minutes=1)
    assert (found_before[mine].names, other in found, other in found_before) == ((before,), True, False)

    services.uploads.forget({"id": mine, "images": dict(zip("ab", names, strict=True))})
    assert mine not in {left.job_id for left in services.uploads.left()}
