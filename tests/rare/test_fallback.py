"""PPL with the fallback to BFL: what is on record of the second attempt when the story is told again."""

from dataclasses import replace
from datetime import timedelta

from shared import names
from shared.domain.problem import Problem
from shared.providers.provider import Handle, ProviderError
from shared.storage.gate_store import GateStore
from tests.orchestrators.house import House, Provider
from tests.orchestrators.story import JOB


class Replicate(Provider):
    name, label, on_cancel = "replicate", "Replicate", "canceled"

    def has_made(self, handle: Handle) -> bool:
        return handle.id != "p-bfl"


def two_providers(**environ: str) -> tuple[House, Replicate]:
    house = House(can_find=False, **{"PPL_MODELS": "replicate,bfl", **environ})
    replicate = Replicate(lambda: house.bench.now, house.hooks, can_find=False)
    made = {"replicate": replicate, "bfl": house.provider}
    house.services.__dict__.update(generators=made, providers=made)
    limits = {"replicate": 6, "bfl": 6}
    house.services.__dict__["gates"] = GateStore(house.services.documents, limits, lambda: house.services.now().timestamp())
    return house, replicate


def put(house: House, attempt: int, **fields) -> None:
    at = (house.bench.now - timedelta(seconds=20)).isoformat()
    document = {"state": "submitted", "sends": 1, "possible_duplicate": False, "sent_at": at, "call": attempt, **fields}
    house.blobs.create_document(f"jobs/{JOB}/submission-0-{attempt}.json", document)


def under_way_at_bfl(house: House, name: str, seconds: float = 30.0) -> None:
    house.provider.began[name], house.provider._takes[name] = house.bench.now, seconds


def test_v1_refused_at_replicate_and_sent_to_bfl_is_not_sent_to_replicate_again() -> None:
    """v1 left `refused` on record and went to BFL with attempt 2 (v1 names no generator in its records)."""
    house, replicate = two_providers()
    house.accept(kind="ppl", provider="replicate")
    put(house, 1, state="refused")
    put(house, 2, handle={"id": "p-bfl", "poll_url": "https://fake/p-bfl"})
    under_way_at_bfl(house, "p-bfl")
    house.bench.start(names.GENERATE_JOB, {}, instance_id=JOB)  # v1's instance: ends as Failed
    house.see_every(15.0, 40)
    house.go_on()
    job = house.job()
    assert (len(replicate.submitted), job["provider"]) == (0, "bfl")


def test_v1_refused_at_both_times_still_refused() -> None:
    """The same while Replicate still refuses (401): attempt 2's prediction is watched as BFL's."""
    house, replicate = two_providers()
    replicate.on_submit = [ProviderError(Problem("provider_auth_failed", params={"provider": "R", "setting": "x"}))] * 5
    house.accept(kind="ppl", provider="replicate")
    put(house, 1, state="refused")
    put(house, 2, handle={"id": "p-bfl", "poll_url": "https://fake/p-bfl"})
    under_way_at_bfl(house, "p-bfl")
    house.bench.start(names.GENERATE_JOB, {}, instance_id=JOB)
    house.see_every(15.0, 40)
    house.go_on()
    job = house.job()
    assert (job["status"], len(house.provider.submitted)) == ("succeeded", 0)


def test_the_fallback_is_switched_off_between_two_starts() -> None:
    """Replicate refused (401), BFL has attempt 2; PPL_MODELS without BFL's is deployed, and the worker dies in an episode."""
    house, replicate = two_providers()
    replicate.on_submit = [ProviderError(Problem("provider_auth_failed", params={"provider": "R", "setting": "x"}))] * 5
    house.provider.seconds = {1: 40.0}
    house.accept(kind="ppl", provider="replicate")
    from shared import starting
    from tests.orchestrators.house import do

    do(starting.ensure_started(house.services, house.client, house.services.jobs.read(JOB), is_new=True))

    def switched_off() -> None:
        settings = house.services.settings
        house.services.__dict__["settings"] = replace(settings, models={**settings.models, "ppl": ("replicate",)})
        house.deaths.when = lambda instance, number: house.deaths.happened == 0

    house.bench.at(15.0, switched_off)
    house.see_every(15.0, 40)
    house.go_on()
    job = house.job()
    assert house.deaths.happened == 1
    assert house.provider.billed == 1
    assert job["outputs"] or job["error"]["charged"] != "no", (job["error"], job["usage"])
