"""The process's services: one set, built late, and events that say little."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from shared.services import Services, services, use_services
from shared.settings import Settings
from shared.storage.account import StorageNotConfigured
from shared.storage.blob_store import BlobStore
from shared.storage.documents import Documents
from shared.storage.key_store import Fingerprints
from shared.telemetry import event
from tests.azurite import MadeUpIdentity
from tests.fakes import make_services


@pytest.fixture(autouse=True)
def _own_services() -> Iterator[None]:
    use_services(None)
    yield
    use_services(None)


def test_a_process_has_one_set_of_services_whoever_asks_first() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: services(), range(32)))

    assert all(one is found[0] for one in found)


def test_other_services_can_take_their_place() -> None:
    mine = Services(Settings())
    use_services(mine)
    assert services() is mine

    use_services(None)
    assert services() is not mine


def test_a_bad_setting_hurts_only_what_needs_it() -> None:
    without_storage = Services(Settings.from_environ({"BFL_API_KEY": "key"}))

    assert without_storage.secrets.get("BFL_API_KEY") == "key"
    assert set(without_storage.providers) == {"replicate", "bfl"}
    assert {"flux-kontext-max", "flux-2-pro"} <= set(without_storage.generators)
    for part in ("blobs", "jobs", "links"):
        with pytest.raises(StorageNotConfigured):
            getattr(without_storage, part)


def test_all_parts_go_by_the_one_clock() -> None:
    noon = datetime(2026, 6, 1, 12, tzinfo=timezone(timedelta(hours=9)))
    made = make_services(clock=lambda: noon)
    made.settings = Settings.from_environ({"MAX_ACTIVE_JOBS_PER_OWNER": "5"})
    made.quotas.admit("a", "job_1")
    made.keys.take("idempotency/k.json", Fingerprints("f"), "job_1")

    assert (made.now(), made.now().tzinfo) == (noon, UTC)
    assert made.gates.look("fake").now == noon.timestamp()
    documents = [document for document, _ in made.blobs.documents.values()]  # type: ignore[attr-defined]
    assert [document.get("at", document.get("active")) for document in documents] == [
        {"job_1": "2026-06-01T03:00:00+00:00"}, "2026-06-01T03:00:00+00:00",
    ]  # fmt: skip


AZURE = {
    "AzureWebJobsStorage__blobServiceUri": "https://sthost.blob.core.windows.net/", "IMAGES_STORAGE_ACCOUNT": "stimages",
}  # fmt: skip


def account_of(documents: Documents) -> str:
    return account_below(documents._blobs)


def account_below(blobs: BlobStore) -> str:
    return str(blobs._container("documents").account_name)


def test_what_is_of_no_job_lies_in_the_hosts_account_and_jobs_and_keys_beside_their_images() -> None:
    made = Services(Settings.from_environ({**AZURE, "DAILY_JOBS_PER_OWNER": "5"}), credential=MadeUpIdentity())

    assert account_of(made.gates._documents) == account_of(made.quotas._documents) == "sthost"
    assert account_of(made.jobs._documents) == account_of(made.keys._documents) == "stimages"
    assert made.gates._documents._before is made.blobs, "where earlier versions had them"
    assert account_of(made.spending._documents) == account_of(made.addresses._documents) == "sthost"
    assert made.spending._documents._before is None, "no earlier version had any"
    assert made.submissions._blobs is made.blobs
    assert made.links._service.account_name == "stimages"


def test_with_one_account_there_is_one_place_for_all_documents() -> None:
    made = Services(Settings.from_environ({"AzureWebJobsStorage__accountName": "st"}), credential=MadeUpIdentity())

    assert made.standing_documents is made.documents
    assert made.standing_documents._before is None


@pytest.mark.parametrize("environ", [AZURE, {"AzureWebJobsStorage__accountName": "st"}])
def test_every_account_is_looked_at_once_with_the_containers_it_is_used_for(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[tuple[str, tuple[str, ...]]] = []
    monkeypatch.setattr(BlobStore, "check", lambda self: looked.append((account_below(self), self._containers)))
    Services(Settings.from_environ(environ), credential=MadeUpIdentity()).check_storage()

    two = [("stimages", ("images", "documents")), ("sthost", ("documents",))]
    assert looked == (two if environ is AZURE else [("st", ("images", "documents"))])


def test_the_identity_is_the_one_that_was_given() -> None:
    identity = object()

    assert Services(Settings(), identity).credential() is identity


def test_without_one_the_identity_is_azures_default_and_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    class DefaultAzureCredential:
        def __init__(self, managed_identity_client_id: str | None) -> None:
            asked.append(managed_identity_client_id)

    monkeypatch.setattr("azure.identity.DefaultAzureCredential", DefaultAzureCredential)
    built = Services(Settings.from_environ({"AzureWebJobsStorage__clientId": "c-1"}))

    assert built.credential() is built.credential()
    assert asked == ["c-1"]


def test_an_event_is_its_name_with_its_fields_on_the_record(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "toonconnect"):
        event("prediction_submitted", job_id="job_1", stage="생성", missing=None)
        event("poll_failed", logging.WARNING, status=503, where=Settings)

    first, second = caplog.records
    assert (first.getMessage(), first.job_id, first.stage) == ("prediction_submitted", "job_1", "생성")  # type: ignore[attr-defined]
    assert not hasattr(first, "missing")
    assert (second.getMessage(), second.levelname, second.status) == ("poll_failed", "WARNING", 503)  # type: ignore[attr-defined]


def built(**environ: str) -> Services:
    return Services(Settings.from_environ({"AzureWebJobsStorage": "UseDevelopmentStorage=true", **environ}))


@pytest.mark.parametrize(
    ("provider", "setting", "model"),
    [
        ("bfl", {}, "flux-kontext-max"),
        ("bfl", {"BFL_MODEL": "flux-2-max"}, "flux-2-max"),
        ("replicate", {}, "flux-kontext-apps/multi-image-kontext-max"),
        ("replicate", {"REPLICATE_MODEL": "black-forest-labs/flux-2-pro"}, "black-forest-labs/flux-2-pro"),
        # What is on offer now changes nothing for them.
        ("bfl", {"BFL_MODEL": "flux-2-max", "PPL_MODELS": "flux-2-pro", "GOODS_MODELS": "flux-2-pro"}, "flux-2-max"),
    ],
)
def test_jobs_that_name_their_provider_are_made_by_the_model_that_it_had(
    provider: str, setting: dict[str, str], model: str
) -> None:
    assert built(**setting).generators[provider].name == model


def test_a_job_whose_model_is_not_known_any_more_is_looked_after_by_its_provider() -> None:
    made = built(BFL_MODEL="flux-0")

    assert made.generators["bfl"].provider.name == "bfl"
    assert made.generator_of({"model": "flux-0", "provider": "bfl"}).provider.name == "bfl"
    assert made.generator_of({"model": "flux-2-flex", "provider": "bfl"}).name == "flux-2-flex"
    with pytest.raises(KeyError):
        made.generators["flux-0"]


def test_every_generator_has_a_price_under_its_name_and_under_that_of_before() -> None:
    prices = built(BFL_MODEL="flux-kontext-pro").prices

    assert {name: prices[name] for name in ("flux-kontext-max", "flux-2-pro", "bfl", "replicate")} == {
        "flux-kontext-max": 0.08, "flux-2-pro": 0.045, "bfl": 0.04, "replicate": 0.08,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ({}, {}),
        ({"GOODS_MODELS": "flux-2-pro,flux-9"}, {"GOODS_MODELS": "unknown model flux-9"}),
        ({"BFL_MODEL": "flux-9"}, {"GOODS_MODELS": "unknown model flux-9"}),
        ({"REPLICATE_MODEL": "flux-9"}, {"PPL_MODELS": "unknown model flux-9"}),
    ],
)
def test_a_model_that_is_not_known_is_named_with_its_setting(setting: dict[str, str], wrong: dict[str, str]) -> None:
    assert built(**setting).unknown_models == wrong


@pytest.mark.parametrize(
    ("least", "most", "wrong"),
    [(1, 1, {"PPL_MODELS": "fake does not take 2"}), (2, 2, {"GOODS_MODELS": "fake does not take 1"}), (1, 2, {})],
)
def test_a_model_that_takes_another_number_of_images_than_its_kind_is_named(least: int, most: int, wrong: dict[str, str]) -> None:
    made = make_services(PPL_MODELS="fake", GOODS_MODELS="fake")
    made.generators["fake"].model = SimpleNamespace(min_images=least, max_images=most)  # type: ignore[misc]

    assert made.unknown_models == wrong
