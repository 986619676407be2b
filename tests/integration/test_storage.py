"""Images and documents in a real blob service."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import requests
from azure.core.exceptions import ServiceResponseError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import BlobServiceClient, ExponentialRetry

from shared.job_ids import new_job_id
from shared.services import Services
from shared.settings import Settings
from shared.storage.account import StorageNotConfigured, blob_service
from shared.storage.blob_store import DOCUMENTS, IMAGES, BlobStore, Conflict, Missing
from shared.storage.documents import Documents
from shared.storage.image_names import folders, output_name, prepared_name, thumbnail_name, upload_name
from shared.storage.job_store import JobStore, NoSuchJob, prediction_name, submission_name
from tests.azurite import ACCOUNT, Azurite, AzuriteOAuth, MadeUpIdentity
from tests.patience import PATIENCE


@pytest.fixture
def blobs(services: Services) -> BlobStore:
    return services.blobs


@pytest.fixture
def jobs(services: Services) -> JobStore:
    return services.jobs


@pytest.fixture
def others(services: Services) -> JobStore:
    """The jobs as another instance of the app sees them."""
    return JobStore(services.blobs, Documents(services.blobs))


@pytest.fixture
def job_id(jobs: JobStore) -> str:
    """A job that is queued."""
    job_id = new_job_id()
    jobs.create({"id": job_id, "status": "queued", "marks": []})
    return job_id


# ---- images ----


def test_an_image_comes_back_byte_for_byte(blobs: BlobStore) -> None:
    name = output_name(new_job_id(), 0, "png")
    blobs.put_image(name, b"\x89PNG\0\xff", "image/png")

    assert blobs.get_image(name) == b"\x89PNG\0\xff"


def test_an_image_written_twice_is_the_second_one(blobs: BlobStore) -> None:
    name = output_name(new_job_id(), 0, "png")
    blobs.put_image(name, b"first", "image/png")
    blobs.put_image(name, b"second", "image/png")

    assert blobs.get_image(name) == b"second"


@pytest.mark.parametrize(("extension", "content_type"), [("png", "image/png"), ("jpg", "image/jpeg")])
def test_an_image_is_served_with_its_content_type_and_kept_by_browsers_alone(
    services: Services, azurite: Azurite, extension: str, content_type: str
) -> None:
    name = output_name(new_job_id(), 0, extension)
    services.blobs.put_image(name, b"...", content_type, metadata={"seed": "5"})
    answer = requests.get(services.links.sign(IMAGES, name)[0], timeout=PATIENCE)

    assert answer.headers["Content-Type"] == content_type
    assert answer.headers["Cache-Control"] == "private, max-age=3600"
    assert answer.headers["x-ms-meta-seed"] == "5"


def test_an_image_that_is_not_there_is_said_to_be_missing(blobs: BlobStore) -> None:
    with pytest.raises(Missing):
        blobs.get_image(output_name(new_job_id(), 0, "png"))


def test_no_name_is_a_mistake_of_the_app_and_no_missing_image(blobs: BlobStore) -> None:
    with pytest.raises(ValueError, match="blob name"):
        blobs.get_image("")


def test_an_image_of_a_moment_ago_is_not_read_again_unless_it_was_deleted(azurite: Azurite) -> None:
    answered: list[str] = []

    def count(response: Any) -> None:
        answered.append(response.http_request.method)

    blobs = BlobStore(BlobServiceClient.from_connection_string(azurite.connection_string, raw_response_hook=count))
    name = output_name(new_job_id(), 0, "png")
    blobs.put_image(name, b"first", "image/png")
    blobs.put_image(name, b"second", "image/png")
    assert blobs.get_image(name) == b"second"
    assert "GET" not in answered

    blobs.delete_all(IMAGES, name)
    with pytest.raises(Missing):
        blobs.get_image(name)


def test_images_are_listed_with_what_was_said_about_them(blobs: BlobStore) -> None:
    job = new_job_id()
    blobs.put_image(output_name(job, 0, "png"), b"x", "image/png", {"seed": "5", "model": "flux-프로 "})
    blobs.put_image(output_name(job, 1, "png"), b"x", "image/png")

    assert list(blobs.image_metadata(output_name(job, 0, "png").removesuffix("0.png"))) == [
        (output_name(job, 0, "png"), {"seed": "5", "model": "flux-??"}), (output_name(job, 1, "png"), {}),
    ]  # fmt: skip


def test_names_lists_what_lies_under_a_prefix_and_nothing_beside_it(blobs: BlobStore) -> None:
    mine, other = new_job_id(), new_job_id()
    names = [f"{mine}/input_image.png", f"{mine}/output/0.png"]
    for name in (*names, f"{other}/output/0.png"):
        blobs.put_image(name, b"x", "image/png")

    assert list(blobs.names(IMAGES, f"{mine}/")) == names


# ---- documents ----


def test_a_document_comes_back_with_its_version(blobs: BlobStore) -> None:
    name = submission_name(new_job_id(), 0, 1)
    etag = blobs.create_document(name, {"프롬프트": "주인공", "n": 1})

    assert blobs.read_document(name) == ({"프롬프트": "주인공", "n": 1}, etag)


def test_a_document_that_is_not_there_is_none(blobs: BlobStore) -> None:
    assert blobs.read_document(submission_name(new_job_id(), 0, 1)) is None


def test_a_document_is_created_once_only(blobs: BlobStore) -> None:
    name = submission_name(new_job_id(), 0, 1)
    blobs.create_document(name, {"by": "first"})

    with pytest.raises(Conflict):
        blobs.create_document(name, {"by": "second"})
    assert blobs.read_document(name)[0] == {"by": "first"}  # type: ignore[index]


def test_only_the_version_that_was_read_is_replaced(blobs: BlobStore) -> None:
    name = submission_name(new_job_id(), 0, 1)
    old = blobs.create_document(name, {"version": 1})
    new = blobs.replace_document(name, {"version": 2}, old)

    assert new != old
    with pytest.raises(Conflict):
        blobs.replace_document(name, {"version": 3}, old)
    assert blobs.read_document(name) == ({"version": 2}, new)


def test_a_document_that_was_written_since_is_not_deleted_by_its_old_etag(blobs: BlobStore) -> None:
    name = submission_name(new_job_id(), 0, 1)
    first = blobs.create_document(name, {"n": 1})
    second = blobs.replace_document(name, {"n": 2}, first)
    blobs.delete(DOCUMENTS, name, first)
    assert blobs.read_document(name) == ({"n": 2}, second)
    for _ in range(2):
        blobs.delete(DOCUMENTS, name, second)

    assert blobs.read_document(name) is None


def test_a_document_that_was_deleted_is_not_brought_back(blobs: BlobStore) -> None:
    name = submission_name(new_job_id(), 0, 1)

    with pytest.raises(Conflict):
        blobs.replace_document(name, {"version": 2}, '"0x8DC0000000000000"')
    assert blobs.read_document(name) is None


class AnswerLost(RequestsTransport):
    """Loses the answer of one write, after the write was done."""

    lost = 0

    def send(self, request: Any, **kwargs: Any) -> Any:
        response = super().send(request, **kwargs)
        if request.method == "PUT" and "restype=container" not in request.url and not self.lost:
            self.lost += 1
            raise ServiceResponseError("the answer was lost")
        return response


def test_a_write_whose_answer_was_lost_is_known_for_the_clients_own(azurite: Azurite) -> None:
    transport = AnswerLost()
    service = BlobServiceClient.from_connection_string(
        azurite.connection_string, transport=transport, retry_policy=ExponentialRetry(0, increment_base=0, random_jitter_range=0)
    )
    blobs, name = BlobStore(service), submission_name(new_job_id(), 0, 1)

    created = blobs.create_document(name, {"version": 1})
    assert (transport.lost, blobs.read_document(name)) == (1, ({"version": 1}, created))
    transport.lost = 0
    replaced = blobs.replace_document(name, {"version": 2}, created)
    assert (transport.lost, blobs.read_document(name)) == (1, ({"version": 2}, replaced))


def test_the_same_words_of_somebody_else_are_no_write_of_ours(blobs: BlobStore) -> None:
    name = submission_name(new_job_id(), 0, 1)
    old = blobs.create_document(name, {"version": 1})
    blobs.replace_document(name, {"version": 2}, old)

    with pytest.raises(Conflict):
        blobs.replace_document(name, {"version": 2}, old)


def test_of_many_who_create_a_document_at_once_exactly_one_wins(blobs: BlobStore) -> None:
    racers = 8
    name, start = submission_name(new_job_id(), 0, 1), Barrier(racers)

    def create(racer: int) -> bool:
        start.wait(PATIENCE)
        try:
            blobs.create_document(name, {"racer": racer})
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(racers) as pool:
        won = list(pool.map(create, range(racers)))

    assert won.count(True) == 1
    assert blobs.read_document(name)[0] == {"racer": won.index(True)}  # type: ignore[index]


def test_containers_are_made_when_first_needed_and_again_by_a_check(azurite_oauth: AzuriteOAuth) -> None:
    service = BlobServiceClient(
        azurite_oauth.blob_url, credential=azurite_oauth.credential, connection_verify=azurite_oauth.ca_path
    )
    for container in service.list_containers():
        service.delete_container(container.name)
    blobs = BlobStore(service)

    assert list(blobs.names(IMAGES, "")) == []
    assert blobs.read_document("jobs/none/job.json") is None
    blobs.check()
    assert {container.name for container in service.list_containers()} == {IMAGES, DOCUMENTS}
    service.delete_container(IMAGES)
    blobs.check()
    assert {container.name for container in service.list_containers()} == {IMAGES, DOCUMENTS}


def test_documents_that_nobody_has_written_for_long_are_deleted_by_prefix_and_a_few_at_a_time(blobs: BlobStore) -> None:
    folder = f"old-{new_job_id()}"
    names = [f"{folder}/{number}.json" for number in range(4)]
    for name in [*names, f"{folder}-not/0.json"]:
        blobs.create_document(name, {})
    now = datetime.now(UTC)

    assert blobs.delete_documents_unwritten_since(now - timedelta(minutes=1), f"{folder}/", 10) == 0
    assert blobs.delete_documents_unwritten_since(now + timedelta(minutes=1), f"{folder}/", 3) == 3
    assert blobs.delete_documents_unwritten_since(now + timedelta(minutes=1), f"{folder}/", 3) == 1
    assert blobs.read_document(f"{folder}-not/0.json") is not None


def test_a_document_that_is_written_while_old_ones_are_deleted_stays(blobs: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    name, delete = f"old-{new_job_id()}/0.json", blobs.delete
    etag = blobs.create_document(name, {"at": 1})

    def overtaken(container: str, found: str, etag: str | None = None) -> None:
        blobs.replace_document(name, {"at": 2}, first)
        delete(container, found, etag)

    first = etag
    monkeypatch.setattr(blobs, "delete", overtaken)
    blobs.delete_documents_unwritten_since(datetime.now(UTC) + timedelta(minutes=1), name, 10)

    assert blobs.read_document(name)[0] == {"at": 2}  # type: ignore[index]


# ---- jobs ----


def test_a_job_is_read_as_it_was_created(jobs: JobStore) -> None:
    document = {"id": new_job_id(), "status": "queued", "input": {"prompt": "고양이"}}
    jobs.create(document)

    assert jobs.read(document["id"]) == document


def test_a_job_id_is_taken_once_only(jobs: JobStore, job_id: str) -> None:
    with pytest.raises(Conflict):
        jobs.create({"id": job_id, "status": "queued"})


def test_an_unknown_job_is_none_to_read_and_cannot_be_changed(jobs: JobStore) -> None:
    assert jobs.read(new_job_id()) is None
    for change in (jobs.update, jobs.amend, jobs.end):
        with pytest.raises(NoSuchJob):
            change(new_job_id(), lambda document: document)


@pytest.mark.parametrize("terminal", ["succeeded", "failed", "canceled"])
def test_a_terminal_status_never_changes(jobs: JobStore, job_id: str, terminal: str) -> None:
    ended = jobs.update(job_id, lambda document: {**document, "status": terminal})

    later = jobs.update(job_id, lambda document: {**document, "status": "processing", "late": True})

    assert later == ended == jobs.read(job_id)


def test_a_job_that_was_ended_while_another_was_writing_stays_ended(jobs: JobStore, others: JobStore, job_id: str) -> None:
    def slow_change(document: dict[str, Any]) -> dict[str, Any]:
        others.update(job_id, lambda current: {**current, "status": "canceled"})
        return {**document, "status": "succeeded"}

    assert jobs.update(job_id, slow_change)["status"] == "canceled"
    assert jobs.read(job_id)["status"] == "canceled"  # type: ignore[index]


def test_updates_at_the_same_time_are_all_applied(jobs: JobStore, others: JobStore, job_id: str) -> None:
    writers = 16
    start = Barrier(writers)

    def mark(writer: int) -> None:
        start.wait(PATIENCE)
        store = (jobs, others)[writer % 2]
        store.update(job_id, lambda document: {**document, "marks": [*document["marks"], writer]})

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(mark, range(writers)))

    assert sorted(jobs.read(job_id)["marks"]) == list(range(writers))  # type: ignore[index]


def test_of_many_who_end_a_job_at_once_one_is_told_that_it_did(jobs: JobStore, others: JobStore, job_id: str) -> None:
    racers = 8
    start = Barrier(racers)

    def end(racer: int) -> bool:
        start.wait(PATIENCE)
        # All of them say the very same: not even then do two of them take the write for theirs.
        return (jobs, others)[racer % 2].end(job_id, lambda document: {**document, "status": "succeeded"})[1]

    with ThreadPoolExecutor(racers) as pool:
        assert sum(pool.map(end, range(racers))) == 1


def test_open_jobs_are_listed_by_the_time_they_were_accepted(blobs: BlobStore, jobs: JobStore) -> None:
    began = datetime.now(UTC) - timedelta(milliseconds=1)
    ids = [new_job_id() for _ in range(5)]
    for made, status in zip(ids, ("queued", "processing", "queued", "succeeded", "queued"), strict=True):
        jobs.create({"id": made, "status": status})
        blobs.create_document(submission_name(made, 0, 1), {"state": "sending"})
    jobs.end(ids[2], lambda document: {**document, "status": "failed"})

    span = (began, datetime.now(UTC))
    assert {*jobs.open_jobs(*span)} & {*ids} == {ids[0], ids[1], ids[4]}
    assert not {*ids} & {*jobs.open_jobs(began - timedelta(days=3), began - timedelta(seconds=1))}


def test_jobs_that_an_earlier_version_wrote_are_read_to_see_whether_they_are_open(blobs: BlobStore, jobs: JobStore) -> None:
    began = datetime.now(UTC) - timedelta(milliseconds=1)
    ids = sorted(new_job_id() for _ in range(2))
    for made, status in zip(ids, ("queued", "succeeded"), strict=True):
        blobs.create_document(f"jobs/{made}/job.json", {"id": made, "status": status})

    assert [made for made in jobs.open_jobs(began, datetime.now(UTC)) if made in ids] == ids[:1]


def test_every_blob_of_a_job_lies_in_its_folders_and_has_a_name_of_its_own() -> None:
    job_id = new_job_id()
    images = [
        upload_name(job_id, "input_image_1", "jpg"), upload_name(job_id, "input_image_2", "jpg"),
        prepared_name(job_id, "input_image_1", "jpg"), prepared_name(job_id, "input_image_2", "jpg"),
        output_name(job_id, 0, "jpg"), output_name(job_id, 1, "jpg"), thumbnail_name(job_id, 0), thumbnail_name(job_id, 1),
    ]  # fmt: skip
    submissions = [submission_name(job_id, index, attempt) for index in (0, 1) for attempt in (1, 2)]

    assert all(name.startswith(folders(job_id)) for name in images)
    assert all(name.startswith(f"jobs/{job_id}/") for name in submissions)
    assert len({*images, *submissions}) == len(images) + len(submissions)


# ---- which account ----


def no_identity() -> Any:
    raise AssertionError("a connection string needs no identity")


def chosen(**environ: str) -> BlobServiceClient:
    return blob_service(Settings.from_environ(environ), MadeUpIdentity)


def test_a_connection_string_is_enough(azurite: Azurite) -> None:
    service = blob_service(Settings.from_environ({"AzureWebJobsStorage": azurite.connection_string}), no_identity)

    assert service.url.rstrip("/") == azurite.blob_url
    assert service.account_name == ACCOUNT
    assert service.credential.account_key


def test_an_account_name_is_reached_by_identity() -> None:
    service = chosen(AzureWebJobsStorage__accountName="toonstore")

    assert service.url == "https://toonstore.blob.core.windows.net/"
    assert service.account_name == "toonstore"
    assert isinstance(service.credential, MadeUpIdentity)


def test_a_blob_service_uri_is_reached_as_it_stands() -> None:
    uri = "https://toonstore.blob.core.chinacloudapi.cn"

    assert chosen(AzureWebJobsStorage__blobServiceUri=uri, AzureWebJobsStorage__accountName="x").url == f"{uri}/"


def test_images_go_to_their_own_account_by_identity_even_beside_a_connection_string(azurite: Azurite) -> None:
    service = chosen(AzureWebJobsStorage=azurite.connection_string, IMAGES_STORAGE_ACCOUNT="toonimages")

    assert service.url == "https://toonimages.blob.core.windows.net/"
    assert isinstance(service.credential, MadeUpIdentity)


def test_no_account_at_all_is_told_by_the_settings_name() -> None:
    with pytest.raises(StorageNotConfigured, match="AzureWebJobsStorage"):
        chosen()


def test_a_deleted_job_takes_its_blobs_along_and_no_others(blobs: BlobStore, jobs: JobStore, job_id: str) -> None:
    other = new_job_id()
    jobs.create({"id": other, "status": "queued"})
    for owner in (job_id, other):
        for folder in folders(owner):
            blobs.put_image(f"{folder}input_image.png", b"x", "image/png")
    blobs.create_document(submission_name(job_id, 0, 1), {"state": "sending"})
    blobs.create_document(submission_name(job_id, 0, 2), {"generator": "replicate", "handle": {"id": f"p-{job_id}", "url": "u"}})
    for prediction in (f"p-{job_id}", f"p-{other}"):
        blobs.create_document(prediction_name("replicate", prediction), {"by": "x"})
    for _ in range(2):
        jobs.delete(job_id)

    assert jobs.read(job_id) is None
    images = [[*blobs.names(IMAGES, folder)] for owner in (job_id, other) for folder in folders(owner)]
    assert [len(names) for names in images] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [*blobs.names(DOCUMENTS, f"jobs/{job_id}/")] == []
    assert [*blobs.names(DOCUMENTS, f"predictions/replicate/p-{job_id}")] == []
    assert [*blobs.names(DOCUMENTS, f"predictions/replicate/p-{other}")] == [prediction_name("replicate", f"p-{other}")]
    assert jobs.read(other) is not None
    assert blobs.get_image(upload_name(other, "input_image", "png")) == b"x"
