"""Models of one account: they share its gate, its claims and its credit, and each picture costs what its own model takes."""

import io
from dataclasses import replace
from typing import Any

import pytest

from activities import cancel_prediction, check_prediction, record_prediction, submit_prediction
from activities.finish_job import finish
from shared import intake, starting
from shared.domain.problem import Problem
from shared.pictures.inline import INLINE_BYTES
from shared.providers.provider import Handle, ProviderError
from shared.storage.gate_store import GateStore
from shared.storage.submission_store import Attempt
from tests import pictures
from tests.activities.orders import LOST, Clock, check_order, finish_order, picture_end, submit_order
from tests.activities.test_lost_sends import Listing
from tests.fakes import make_job, make_services
from tests.orchestrators.house import House, do
from tests.orchestrators.story import JOB


class Account(Listing):
    """A provider that is no model; what its models are sent comes here."""

    name, label = "bank", "Bank"


class Model:
    """One model of an account, with a price of its own for each image."""

    def __init__(self, name: str, account: Account, price: float = 0.03) -> None:
        self.name, self.provider, self.expected_seconds, self._price = name, account, 10, price
        self.submit, self.find, self.model = account.submit, account.find, account.model

    def price_usd(self, images: int) -> float:
        return self._price * images

    def worded(self, prompt: str, roles: tuple[str, ...]) -> str:
        return prompt


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def services(account: Account, clock: Clock) -> Any:
    """Two models of one account with two slots, and another account before it."""
    made = make_services(clock=clock)
    models = {name: Model(name, account) for name in ("pro", "max")}
    made.generators.update(models)  # type: ignore[arg-type]
    made.providers["bank"] = account  # type: ignore[assignment]
    made.settings = replace(made.settings, models={"ppl": ("fake", "pro"), "goods": ("pro", "max")})
    made.__dict__["gates"] = GateStore(made.documents, {"fake": 2, "bank": 2}, lambda: clock.now.timestamp())
    for name in ("in.png", "second.png"):
        made.blobs.put_image(name, name.encode(), "image/png")
    for job_id in ("job_1", "job_2", "job_3"):
        make_job(made, job_id, provider="bank", model="pro", polls=0, fallback_used=False)
    return made


async def send(services: Any, client: Any, job: str = "job_1", model: str = "pro", **changes: Any) -> Any:
    order = submit_order(**{"job_id": job, "instance": job, "generator": model, **changes})
    return await submit_prediction.submit(services, client, order)


def claims(services: Any) -> list[str]:
    return list(services.blobs.names("documents", "predictions/"))


# ---- the gate ----


async def test_models_of_one_account_share_its_slots(services: Any, client: Any) -> None:
    states = [(await send(services, client, job, model))["state"] for job, model in zip(
        ("job_1", "job_2", "job_3"), ("pro", "max", "pro"), strict=True
    )]  # fmt: skip

    assert states == ["submitted", "submitted", "waiting"]
    assert list(services.blobs.names("documents", "gates/")) == ["gates/bank.json"]
    held = services.gates.look("bank").document["active"]
    assert {holder: entry["generator"] for holder, entry in held.items()} == {"job_1/0": "pro", "job_2/0": "max"}


async def test_a_slot_is_given_back_where_it_was_taken(services: Any, client: Any, account: Account) -> None:
    await send(services, client)
    account.on_submit = [ProviderError(Problem("provider_auth_failed", params={"provider": "Bank"}))]
    await send(services, client, "job_2", "max")

    assert set(services.gates.look("bank").document["active"]) == {"job_1/0"}
    assert services.gates.look("fake").document["active"] == {}


async def test_a_waiting_picture_takes_its_owners_turn(services: Any, client: Any) -> None:
    await send(services, client, "job_1", owner="me")
    await send(services, client, "job_2", owner="me")
    await send(services, client, "job_3", owner="you")
    gate = services.gates.look("bank").document

    owners = {holder: entry["owner"] for group in ("active", "waiting") for holder, entry in gate[group].items()}
    assert owners == {"job_1/0": "me", "job_2/0": "me", "job_3/0": "you"}


async def test_how_long_a_prediction_takes_is_known_of_its_own_model(services: Any, client: Any, clock: Clock) -> None:
    for model, seconds in (("pro", 7), ("max", 42)):
        services.gates.change("bank", lambda gate, model=model: gate.enter("job_9/0", "i", "e", generator=model))
        clock.pass_(seconds)
        services.gates.change("bank", lambda gate: gate.leave("job_9/0", "ok"))

    assert (await send(services, client))["expected_seconds"] == 7
    # Of what was sent before nobody asks the gate for a slot.
    assert (await send(services, client, call=2, may_be_sent=True))["expected_seconds"] == 7


async def test_a_used_up_credit_stops_the_account_for_all_its_models_and_no_other(
    services: Any, client: Any, account: Account
) -> None:
    account.on_submit = [ProviderError(Problem("provider_quota_exhausted", params={"provider": "Bank"}))]
    await send(services, client)

    assert (await send(services, client, "job_2", "max"))["problem"]["code"] == "provider_quota_exhausted"
    assert intake.refusal(services, account) is not None  # type: ignore[arg-type]
    assert intake.refusal(services, services.providers["fake"]) is None


def test_how_far_a_job_got_is_known_of_its_models_account(services: Any) -> None:
    assert starting._progress_of_records(services, services.jobs.read("job_1")) == 5


# ---- claims ----


async def test_a_prediction_belongs_to_one_send_whichever_model_of_the_account_made_it(
    services: Any, client: Any, account: Account, clock: Clock
) -> None:
    account.on_submit, account.listed = [LOST, Handle("p-late", "https://bank/p-late")], ["p-late"]
    await send(services, client)
    clock.pass_(5)
    assert (await send(services, client, call=2, may_be_sent=True))["handle"]["id"] == "p-late"

    assert (await send(services, client, "job_2", "max"))["state"] == "again"
    assert claims(services) == ["predictions/bank/p-late.json"]


async def test_a_claim_goes_with_its_job_whichever_model_made_it(services: Any, client: Any) -> None:
    await send(services, client)
    assert claims(services) == ["predictions/bank/p-1.json"]
    services.jobs.delete("job_1")

    assert claims(services) == []


async def test_the_claim_of_a_record_that_names_its_provider_as_its_generator_goes_with_its_job(
    services: Any, client: Any
) -> None:
    await send(services, client)
    name = "jobs/job_1/submission-0-1.json"
    before, etag = services.blobs.read_document(name)
    services.blobs.replace_document(name, {**before, "generator": "bank", "provider": None}, etag)
    services.jobs.delete("job_1")

    assert claims(services) == []


async def test_a_claim_that_leads_nowhere_is_given_up(services: Any, client: Any, account: Account) -> None:
    def forget(order: Any, *, timeout_seconds: int) -> Handle:
        """The job is deleted while the provider answers."""
        services.jobs.delete("job_1")
        return Handle("p-1", "https://bank/p-1")

    services.generators["pro"].submit = forget
    assert (await send(services, client))["state"] == "canceled"

    assert (account.canceled, claims(services)) == (["p-1"], [])


async def test_a_record_that_comes_late_gives_its_claim_up_where_another_word_stands(services: Any, client: Any) -> None:
    services.submissions.claim("bank", "p-9", Attempt("job_1", 0, 1))
    order: Any = {
        "job_id": "job_1", "traceparent": None, "index": 0, "generator": "pro", "attempt": 1,
        "handle": {"id": "p-9", "poll_url": "https://bank/p-9"},
    }  # fmt: skip

    assert record_prediction.record(services, order) == {"recorded": False}
    assert claims(services) == []


# ---- what it costs ----


@pytest.mark.parametrize(
    ("said", "images", "cost"),
    [
        (0.045, ["in.png"], {"usd": 0.045, "quoted": True}),
        (0.0, ["in.png"], {"usd": 0.0, "quoted": True}),
        (None, ["in.png"], {"usd": 0.03, "quoted": False}),
        (None, ["in.png", "second.png"], {"usd": 0.06, "quoted": False}),
    ],
)
async def test_a_prediction_costs_what_its_provider_says_and_else_the_list_price_of_its_images(
    services: Any, client: Any, account: Account, said: float | None, images: list[str], cost: Any
) -> None:
    account.on_submit = [Handle("p-1", "https://bank/p-1", said)]
    answer = await send(services, client, images=images)

    assert answer["cost"] == cost
    assert services.submissions.find(Attempt("job_1", 0, 1)).submission.cost == cost
    (sent,) = services.submissions.ledger("job_1", 0, "bank").sends
    assert (sent.generator, sent.cost) == ("pro", cost)


async def test_a_prediction_that_was_found_costs_the_list_price(
    services: Any, client: Any, account: Account, clock: Clock
) -> None:
    account.on_submit, account.listed = [LOST], ["p-found"]
    await send(services, client, images=["in.png", "second.png"])
    clock.pass_(5)
    answer = await send(services, client, call=2, may_be_sent=True, images=["in.png", "second.png"])

    assert (answer["handle"]["id"], answer["cost"]) == ("p-found", {"usd": 0.06, "quoted": False})


async def test_a_story_that_is_told_again_is_told_what_the_picture_that_is_kept_cost(services: Any, client: Any) -> None:
    await send(services, client)
    services.pictures.find = lambda job_id, index: ({"index": 0}, 1)
    answer = await send(services, client, call=2, may_be_sent=True)

    assert (answer["state"], answer["cost"]) == ("ended", {"usd": 0.03, "quoted": False})


def test_a_job_says_which_model_of_which_provider_made_it(services: Any) -> None:
    finish(services, finish_order(picture_end(generator="max")))
    job = services.jobs.read("job_1")

    assert (job["provider"], job["model"]) == ("bank", "max")


# ---- what is sent ----


@pytest.mark.parametrize(("kind", "roles"), [("ppl", ("character", "product")), ("goods", ("character",))])
async def test_a_model_is_told_what_each_image_shows(
    services: Any, client: Any, account: Account, kind: str, roles: tuple[str, ...]
) -> None:
    services.jobs.update("job_1", lambda job: {**job, "kind": kind})
    await send(services, client)

    assert account.submitted[0].roles == roles


async def test_an_image_is_sent_as_small_as_costs_nothing_that_is_seen(services: Any, client: Any, account: Account) -> None:
    file = io.BytesIO()
    pictures.character(1024, 1024).save(file, "PNG")
    services.blobs.put_image("in.png", file.getvalue(), "image/png")
    await send(services, client)

    assert len(file.getvalue()) > INLINE_BYTES >= len(account.submitted[0].images[0])


@pytest.mark.parametrize("says", [True, False])
async def test_what_the_former_version_sent_is_looked_for_as_it_was_sent(
    services: Any, client: Any, account: Account, clock: Clock, says: bool, monkeypatch: Any
) -> None:
    """It sent images as they were prepared, and its records do not say how."""
    account.on_submit = [LOST]
    file = io.BytesIO()
    pictures.noise(900, 900).save(file, "PNG")
    services.blobs.put_image("in.png", file.getvalue(), "image/png")
    await send(services, client)
    if not says:
        record = services.submissions.find(Attempt("job_1", 0, 1))
        before = {name: value for name, value in record.submission.document.items() if name != "by_link"}
        services.submissions.change(record, record.submission._replace(document=before))
    sought: list[Any] = []
    monkeypatch.setattr(account, "find", lambda order, since: sought.append(order.images) or iter(()))
    services.generators["pro"].find = account.find
    clock.pass_(6)
    await send(services, client, call=2, may_be_sent=True)

    assert (sought[0] == (file.getvalue(),)) is not says


# ---- through the story ----


def test_a_whole_story_costs_what_the_provider_said() -> None:
    house = House()
    submit = house.provider.submit
    house.provider.submit = lambda order, **given: submit(order, **given)._replace(cost_usd=0.045)  # type: ignore[method-assign]
    house.post()
    house.go_on()

    assert house.job()["usage"] == {"cost_usd": 0.045, "estimated": False, "settled": True}


def test_a_story_takes_the_turns_of_its_owner() -> None:
    """Of one slot: who came second does not wait for all jobs of who came first."""
    house = House(slots=1)
    for number, owner in enumerate(("me", "me", "me", "you")):
        document = house.accept(job_id=f"{JOB[:-1]}{number}", owner=owner)
        do(starting.ensure_started(house.services, house.client, document, is_new=True))
    house.go_on()

    assert [order.reference.split("/")[0][-1] for order in house.provider.submitted] == ["0", "1", "3", "2"]


def test_a_line_knows_owners_by_a_mark_that_does_not_tell_who_they_are(services: Any) -> None:
    job = {**services.jobs.read("job_1"), "owner": "hero@toon.example", "images": {}}
    marks = {starting.job_order(services, {**job, "owner": owner})["owner"] for owner in ("hero@toon.example", "you", "")}

    assert len(marks) == 3
    assert not any("hero" in mark or "toon" in mark for mark in marks)


def test_a_running_story_shows_the_model_that_it_is_at() -> None:
    house = House()
    house.post()
    shown: list[Any] = []
    house.bench.at(5.0, lambda: shown.append(house.bench.status(JOB).custom_status))
    house.go_on()

    assert shown[0]["model"] == "bfl"


async def test_what_a_model_that_was_taken_out_has_made_is_looked_at_through_its_account(
    services: Any, client: Any, account: Account
) -> None:
    handle = (await send(services, client))["handle"]
    del services.generators["pro"]
    services.__dict__["generators"] = OnlyAccounts(services.generators, account)
    order = check_order(generator="pro", handle=handle)

    assert (await check_prediction.check(services, client, order))["state"] == "running"
    assert (await cancel_prediction.cancel(services, client, {**order}))["state"] == "canceled"  # type: ignore[arg-type]
    assert "job_1/0" not in services.gates.look("bank", 0.0).document["active"]
    finish(services, finish_order(picture_end(generator="pro")))
    assert services.jobs.read("job_1")["status"] == "succeeded"


class OnlyAccounts(dict):  # type: ignore[type-arg]
    """As the registry: by model, and by provider."""

    def __init__(self, generators: Any, account: Account) -> None:
        super().__init__(generators)
        self._account = account

    def __missing__(self, name: str) -> Any:
        if name == self._account.name:
            return Model("max", self._account)
        raise KeyError(name)
