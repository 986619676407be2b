"""Signed links open what they name, for as long as they say, and nothing else."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from azure.core.exceptions import ServiceRequestError
from azure.storage.blob import BlobServiceClient, UserDelegationKey

from shared.job_ids import new_job_id
from shared.services import Services
from shared.storage.blob_store import IMAGES, BlobStore
from shared.storage.image_names import output_name
from shared.storage.signed_links import CLOCK_SKEW, LONGEST_DELEGATED_LINK, LinkSigner
from tests.azurite import AzuriteOAuth
from tests.patience import PATIENCE

HOUR = timedelta(hours=1)


@pytest.fixture
def image(services: Services) -> str:
    name = output_name(new_job_id(), 0, "png")
    services.blobs.put_image(name, b"a picture", "image/png")
    return name


def get(url: str, **options: Any) -> requests.Response:
    return requests.get(url, timeout=PATIENCE, **options)


def in_query(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H%%3A%M%%3A%SZ")


def signer(services: Services, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> LinkSigner:
    return LinkSigner(services._blob_service, HOUR, clock)


def test_a_link_opens_its_image_without_credentials(services: Services, image: str) -> None:
    answer = get(services.links.sign(IMAGES, image)[0])

    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"a picture", "image/png")


def test_without_its_query_a_link_opens_nothing(services: Services, image: str) -> None:
    url, _ = services.links.sign(IMAGES, image)

    assert get(url.partition("?")[0]).status_code in (401, 403, 404, 409)


def test_a_link_says_when_it_ends_and_it_is_the_settings_minutes_from_now(services: Services, image: str) -> None:
    now = datetime(2030, 1, 2, 3, 4, 5, 678, UTC)
    url, ends = signer(services, lambda: now).sign(IMAGES, image)

    assert ends == datetime(2030, 1, 2, 4, 4, 5, tzinfo=UTC)
    assert parse_qs(urlsplit(url).query)["se"] == ["2030-01-02T04:04:05Z"]
    assert parse_qs(urlsplit(url).query)["st"] == ["2030-01-02T02:59:05Z"]


def test_a_link_is_dead_after_its_time(services: Services, image: str) -> None:
    url, _ = signer(services, lambda: datetime.now(UTC) - HOUR - timedelta(seconds=2)).sign(IMAGES, image)

    assert get(url).status_code == 403


def test_a_link_made_by_a_clock_that_is_minutes_ahead_opens_at_once(services: Services, image: str) -> None:
    ahead = CLOCK_SKEW - timedelta(seconds=30)

    assert get(signer(services, lambda: datetime.now(UTC) + ahead).sign(IMAGES, image)[0]).status_code == 200


def test_a_link_whose_signature_or_end_was_changed_opens_nothing(services: Services, image: str) -> None:
    url, ends = services.links.sign(IMAGES, image)
    before, signature = url.split("sig=")
    forged = f"{before}sig={'B' if signature[0] != 'B' else 'C'}{signature[1:]}"
    prolonged = url.replace(in_query(ends), in_query(ends + HOUR))

    assert get(forged).status_code == 403
    assert prolonged != url
    assert get(prolonged).status_code == 403


def test_a_link_opens_no_other_image(services: Services, image: str) -> None:
    other = output_name(new_job_id(), 0, "png")
    services.blobs.put_image(other, b"not yours", "image/png")
    url, _ = services.links.sign(IMAGES, image)

    assert get(url.replace(image, other)).status_code == 403


def test_a_link_only_reads(services: Services, image: str) -> None:
    url, _ = services.links.sign(IMAGES, image)

    assert requests.delete(url, timeout=PATIENCE).status_code == 403
    assert requests.put(url, data=b"x", headers={"x-ms-blob-type": "BlockBlob"}, timeout=PATIENCE).status_code == 403
    assert services.blobs.get_image(image) == b"a picture"


def test_a_link_can_name_the_file_a_browser_saves(services: Services, image: str) -> None:
    url, _ = services.links.sign(IMAGES, image, 'attachment; filename="toon.png"')

    assert get(url).headers["Content-Disposition"] == 'attachment; filename="toon.png"'


# ---- by identity ----


class CountingService:
    """The blob service, with a list of the delegation keys that were asked of it: (start, end)."""

    def __init__(self, service: BlobServiceClient) -> None:
        self._service = service
        self.asked: list[tuple[datetime, datetime]] = []

    def get_user_delegation_key(self, start: datetime, end: datetime) -> Any:
        self.asked.append((start, end))
        return self._service.get_user_delegation_key(start, end)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)


@pytest.fixture
def by_identity(azurite_oauth: AzuriteOAuth) -> CountingService:
    return CountingService(
        BlobServiceClient(azurite_oauth.blob_url, credential=azurite_oauth.credential, connection_verify=azurite_oauth.ca_path)
    )


@pytest.fixture
def delegated_image(by_identity: CountingService) -> str:
    name = output_name(new_job_id(), 0, "png")
    BlobStore(by_identity).put_image(name, b"by identity", "image/png")  # type: ignore[arg-type]
    return name


def delegating(service: CountingService, ttl: timedelta = HOUR, clock: Callable[[], datetime] | None = None) -> LinkSigner:
    return LinkSigner(service, ttl, clock or (lambda: datetime.now(UTC)))  # type: ignore[arg-type]


def test_a_link_signed_by_identity_opens_its_image_and_nothing_without_its_query(
    azurite_oauth: AzuriteOAuth, by_identity: CountingService, delegated_image: str
) -> None:
    url, _ = delegating(by_identity).sign(IMAGES, delegated_image)

    assert "skoid=" in url
    answer = get(url, verify=azurite_oauth.ca_path)
    assert (answer.status_code, answer.content) == (200, b"by identity")
    assert get(url.partition("?")[0], verify=azurite_oauth.ca_path).status_code >= 400
    assert get(url.replace("sig=", "sig=A"), verify=azurite_oauth.ca_path).status_code == 403


def test_one_delegation_key_signs_many_links_from_many_threads(by_identity: CountingService, delegated_image: str) -> None:
    links = delegating(by_identity)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: links.sign(IMAGES, delegated_image), range(40)))

    assert len(by_identity.asked) == 1


def test_a_key_that_another_thread_has_just_got_is_not_asked_for_again(
    by_identity: CountingService, delegated_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = delegating(by_identity)
    ask = links._renewing.ask

    def overtaken(question: Callable[[], None]) -> None:
        ask(question)
        ask(question)

    monkeypatch.setattr(links._renewing, "ask", overtaken)
    links.sign(IMAGES, delegated_image)

    assert len(by_identity.asked) == 1


class Clock:
    """Tells the time it is set to."""

    def __init__(self) -> None:
        self.began = datetime.now(UTC)
        self.now = self.began

    def __call__(self) -> datetime:
        return self.now

    def at_hour(self, hours: float) -> None:
        self.now = self.began + timedelta(hours=hours)


@pytest.mark.parametrize(("hour", "keys"), [(0.5, 1), (22.9, 1), (23.1, 2), (30, 2)])
def test_the_delegation_key_is_renewed_once_a_link_would_outlive_it(
    by_identity: CountingService, delegated_image: str, hour: float, keys: int
) -> None:
    clock = Clock()
    links = delegating(by_identity, clock=clock)
    links.sign(IMAGES, delegated_image)
    clock.at_hour(hour)
    _, ends = links.sign(IMAGES, delegated_image)

    assert len(by_identity.asked) == keys
    assert by_identity.asked[-1][1] >= ends


def test_the_longest_links_have_one_key_for_the_links_of_an_hour(by_identity: CountingService, delegated_image: str) -> None:
    clock = Clock()
    links = delegating(by_identity, timedelta(days=7), clock)
    for minute in (0, 30, 59):
        clock.at_hour(minute / 60)
        links.sign(IMAGES, delegated_image)
    assert len(by_identity.asked) == 1
    clock.at_hour(1.1)
    links.sign(IMAGES, delegated_image)
    assert len(by_identity.asked) == 2


@pytest.mark.parametrize("minutes", [1, 60, 23 * 60, 24 * 60, 3 * 24 * 60, 7 * 24 * 60 - 76, 7 * 24 * 60 - 75, 7 * 24 * 60])
def test_no_link_outlives_its_delegation_key_and_no_key_exceeds_the_seven_days_azure_allows(
    by_identity: CountingService, delegated_image: str, minutes: int
) -> None:
    clock, wanted = Clock(), timedelta(minutes=minutes)
    _, ends = delegating(by_identity, wanted, clock).sign(IMAGES, delegated_image)
    key_begins, key_ends = by_identity.asked[-1]

    assert clock.now + min(wanted, timedelta(days=7, minutes=-75)) - timedelta(seconds=1) < ends <= key_ends
    azures_now = clock.now - timedelta(minutes=14, seconds=59)
    assert key_ends < azures_now + timedelta(days=7), "a clock that is ahead of Azure's asks for no more either"
    assert key_ends - key_begins < timedelta(days=7)
    assert ends - clock.now <= LONGEST_DELEGATED_LINK


def test_a_link_that_the_accounts_key_signs_lives_as_long_as_the_setting_says(services: Services, image: str) -> None:
    now = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)

    assert LinkSigner(services._blob_service, timedelta(days=7), lambda: now).sign(IMAGES, image)[1] == now + timedelta(days=7)


class SilentService:
    """Gives no delegation key before it is told to; the first one it gives at once."""

    account_name = "toonimages"
    credential = None

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.begun, self.go_on = threading.Event(), threading.Event()

    def get_blob_client(self, container: str, blob: str) -> Any:
        return SimpleNamespace(url=f"https://toonimages.example/{container}/{blob}")

    def get_user_delegation_key(self, start: datetime, end: datetime) -> UserDelegationKey:
        self.asked += 1
        if self.asked > 1:
            self.begun.set()
            assert self.go_on.wait(2 * PATIENCE)
        if self.error:
            raise self.error
        key = UserDelegationKey()
        for part in ("signed_oid", "signed_tid", "signed_start", "signed_expiry", "signed_service", "signed_version"):
            setattr(key, part, "x")
        key.value = "a2V5"
        return key


@pytest.mark.parametrize("error", [None, ServiceRequestError("away")])
def test_links_that_the_key_at_hand_can_sign_wait_for_no_other(error: Exception | None) -> None:
    service, clock = SilentService(), Clock()
    links = LinkSigner(service, HOUR, clock)  # type: ignore[arg-type]
    links.sign(IMAGES, "a")
    clock.at_hour(23.5)
    service.error = error
    with ThreadPoolExecutor(2) as pool:
        long = pool.submit(links.sign, IMAGES, "b")
        assert service.begun.wait(PATIENCE)
        try:
            assert pool.submit(links.sign, IMAGES, "c", None, timedelta(minutes=10)).result(PATIENCE)
        finally:
            service.go_on.set()
        assert long.exception(PATIENCE) is error
    assert service.asked == 2
