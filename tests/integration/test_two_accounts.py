"""As in the cloud: images and jobs in an account of their own, gates and owners' counters in the host's, both real."""

from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient

from shared import intake
from shared.domain.problem import ProblemError
from shared.job_ids import new_job_id
from shared.services import Services
from shared.settings import Settings
from shared.storage.blob_store import BlobStore
from shared.storage.documents import Documents
from shared.storage.gate_store import GateStore, gate_name
from shared.storage.quota_store import QuotaStore, owner_name
from tests.azurite import Azurite, AzuriteOAuth

LIMITS = {"bfl": 24, "replicate": 50}


@pytest.fixture
def images(azurite_oauth: AzuriteOAuth) -> BlobServiceClient:
    service = BlobServiceClient(
        azurite_oauth.blob_url, credential=azurite_oauth.credential, connection_verify=azurite_oauth.ca_path
    )
    for container in service.list_containers():
        service.delete_container(container.name)
    return service


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """The host's, with nothing in it that other tests look for."""
    with Azurite(tmp_path_factory.mktemp("host-account")) as running:
        yield running


@pytest.fixture
def host(account: Azurite) -> BlobServiceClient:
    service = BlobServiceClient.from_connection_string(account.connection_string)
    for container in service.list_containers():
        service.delete_container(container.name)
    return service


@pytest.fixture
def app(account: Azurite, azurite_oauth: AzuriteOAuth, images: BlobServiceClient, host: BlobServiceClient) -> Services:
    made = Services(
        Settings.from_environ({
            "AzureWebJobsStorage": account.connection_string, "IMAGES_STORAGE_ACCOUNT": azurite_oauth.blob_url,
            "MAX_ACTIVE_JOBS_PER_OWNER": "1",
        })
    )  # fmt: skip
    made.__dict__["_blob_service"] = images
    return made


def names(service: BlobServiceClient) -> list[str]:
    containers = sorted(container.name for container in service.list_containers())
    return [f"{name}/{blob}" for name in containers for blob in service.get_container_client(name).list_blob_names()]


def test_each_account_gets_its_own(app: Services, images: BlobServiceClient, host: BlobServiceClient) -> None:
    app.check_storage()
    assert sorted(container.name for container in images.list_containers()) == ["documents", "images"]
    assert [container.name for container in host.list_containers()] == ["documents"]

    job_id = new_job_id()
    app.jobs.create({"id": job_id, "status": "queued"})
    app.gates.change("bfl", lambda gate: gate.enter(f"{job_id}/0", "i", "e"))
    app.quotas.admit("me", job_id)
    assert names(images) == [f"documents/jobs/{job_id}/job.json"]
    assert names(host) == [f"documents/{gate_name('bfl')}", f"documents/{owner_name('me')}"]


def test_a_pause_and_the_counters_of_the_version_before_hold_after_its_deployment(
    app: Services, images: BlobServiceClient, host: BlobServiceClient
) -> None:
    beside_the_jobs = Documents(BlobStore(images))
    GateStore(beside_the_jobs, LIMITS).change("bfl", lambda gate: gate.pause("a bill to look into"))
    QuotaStore(beside_the_jobs, 1, None).admit("me", "job_1")
    bfl = app.providers["bfl"]

    for _ in range(2):
        problem = intake.refusal(app, bfl)
        assert problem is not None
        assert problem.code == "intake_paused"
        with pytest.raises(ProblemError) as refused:
            app.quotas.admit("me", "job_2")
        assert refused.value.problem.code == "too_many_active_jobs"
        # The second time with what was brought into the host's account.
        app.gates.change("bfl", lambda gate: gate.enter("job_1/0", "i", "e"))
        app.gates._seen.clear()
    app.quotas.release("me", "job_1")
    app.quotas.admit("me", "job_2")
    app.gates.change("bfl", lambda gate: gate.resume())
    assert intake.refusal(app, bfl) is None
    assert len(names(host)) == 2
