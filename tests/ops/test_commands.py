"""Every command on a real stack, as an operator types it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests import pictures
from tests.operator import Operator
from tests.patience import PATIENCE
from tests.stack import Stack
from tests.vault import CloudSecrets

pytestmark = pytest.mark.stack

IMAGE = pictures.photo_jpeg(300, 300)
#: Prepared by a step of its job, not by its POST.
LARGE = pictures.photo_jpeg(1100, 1100)
MODEL = "flux-kontext-apps/multi-image-kontext-max"
SECRETS = ("sig=", "AccountKey", "simulated", "base64", "r8_")


def failed(stack: Stack, outcome: str = "moderated_input") -> dict[str, Any]:
    stack.configure(bfl={"outcome": outcome})
    job = stack.goods(LARGE, {"Prefer": "wait=60"}, prompt="zebra crossing").json()
    assert job["status"] == "failed", job
    stack.configure(bfl={"outcome": "succeed"})
    return dict(job)


def generating(stack: Stack, job_id: str) -> None:
    while stack.job(job_id)["stage"] != "generating":
        time.sleep(0.1)


# ---- looking ----


def test_ready_is_a_table_of_parts(operator: Operator) -> None:
    said = operator("ready")

    assert said.code == 0, said.err
    for part in ("settings", "storage", "task_hub", "provider_replicate", "provider_bfl"):
        assert part in said.out
    assert operator.data("ready")["status"] == "ready"


def test_an_app_that_is_away_is_said_to_be_with_exit_code_3(operator: Operator) -> None:
    said = operator("ready", "--url", "http://127.0.0.1:9")

    assert (said.code, said.out) == (3, "")
    assert "http://127.0.0.1:9 gave no answer" in said.err


def test_stuck_tells_age_stage_and_instance_and_nothing_when_all_is_well(stack: Stack, operator: Operator) -> None:
    stack.configure(replicate={"outcome": "never"})
    job_id = stack.ppl(IMAGE, IMAGE).json()["id"]
    generating(stack, job_id)

    said = operator("stuck", "--minutes", "0")
    assert said.code == 1
    (job,) = [job for job in operator.data("stuck", "--minutes", "0")["stuck"] if job["id"] == job_id]
    assert (job["stage"], job["instance"], job["kind"]) == ("generating", "Running", "ppl")
    assert job["model"] == MODEL
    assert operator("stuck").code == 0, "no job is older than a quarter of an hour"

    assert operator("cancel", job_id).code == 0
    assert job_id not in operator("stuck", "--minutes", "0").out


def test_a_job_whose_orchestration_was_terminated_is_stuck_at_once_and_cancel_closes_it(stack: Stack, operator: Operator) -> None:
    stack.configure(replicate={"outcome": "never"})
    job_id = stack.ppl(IMAGE, IMAGE).json()["id"]
    generating(stack, job_id)
    hub = f"{stack.url}/runtime/webhooks/durabletask/instances/{job_id}"
    requests.post(f"{hub}/terminate", params={"reason": "by hand"}, timeout=PATIENCE).raise_for_status()
    while requests.get(hub, timeout=PATIENCE).json()["runtimeStatus"] != "Terminated":
        time.sleep(0.05)

    (job,) = [job for job in operator.data("stuck", "--minutes", "0")["stuck"] if job["id"] == job_id]
    assert job["why"] == "its orchestration was stopped from outside (Terminated)"
    assert job["by_itself"] == "it ends as failed with what its records say, within 5 minutes"
    assert "terminated from outside: by hand" in operator("explain", job_id).out
    said = operator("cancel", job_id)
    assert (said.code, "closed as failed" in said.out) == (0, True), said
    job = stack.job(job_id)
    assert (job["status"], job["error"]["code"], job["error"]["charged"]) == ("failed", "internal", "unknown")


def hub(stack: Stack, job_id: str, operation: str = "") -> str:
    return f"{stack.url}/runtime/webhooks/durabletask/instances/{job_id}/{operation}".rstrip("/")


def until(stack: Stack, job_id: str, *statuses: str) -> None:
    while requests.get(hub(stack, job_id), timeout=PATIENCE).json()["runtimeStatus"] not in statuses:
        time.sleep(0.05)


def begun_by_a_former_version(stack: Stack, job_id: str) -> None:
    """The job's orchestration ends as Failed, as one does whose story the code does not know."""
    requests.post(hub(stack, job_id, "terminate"), timeout=PATIENCE).raise_for_status()
    until(stack, job_id, "Terminated")
    start = f"{stack.url}/runtime/webhooks/durabletask/orchestrators/generate_job/{job_id}"
    requests.post(start, params={"version": "1"}, json="{}", timeout=PATIENCE).raise_for_status()
    until(stack, job_id, "Failed")


def test_a_job_whose_orchestration_died_is_told_with_what_comes_of_it_and_cancel_starts_it_again_to_end_it(
    stack: Stack, operator: Operator
) -> None:
    stack.configure(replicate={"outcome": "never"})
    job_id = stack.ppl(IMAGE, IMAGE).json()["id"]
    generating(stack, job_id)
    begun_by_a_former_version(stack, job_id)

    (found,) = [job for job in operator.data("stuck", "--minutes", "0")["stuck"] if job["id"] == job_id]
    assert (found["why"], found["instance"], found["starts"]) == ("its orchestration died", "Failed", 0)
    assert found["by_itself"] == "it is started again from its records (1 of at most 5), within 5 minutes"
    assert "by itself: it is started again from its records" in operator("stuck").out, "whatever its age"

    said = operator("cancel", job_id, "--wait", "40")
    assert (said.code, said.out.splitlines()[0]) == (0, f"{job_id}: canceled")
    assert "its orchestration had died: it was started again from its records" in said.out
    assert stack.stats("replicate")["cancels"] == 1, "it found its prediction on record"
    told = operator.data("explain", job_id)
    assert (told["starts"]["again"], len(told["starts"]["at"])) == (1, 2)
    assert "started again from its records: 1 of at most 5" in [moment["what"] for moment in told["story"]]
    assert "submitted as prediction" in operator("explain", job_id).out, "the recorded answer, told again"
    (send,) = told["pictures"][0]["sends"]
    assert (send["generator"], send["attempt"], send["state"]) == (MODEL, 1, "may be charged")
    assert stack.stats("replicate")["submits"] == 1


def test_cancel_resumes_a_job_that_was_suspended(stack: Stack, operator: Operator) -> None:
    stack.configure(replicate={"outcome": "never"})
    job_id = stack.ppl(IMAGE, IMAGE).json()["id"]
    generating(stack, job_id)
    requests.post(hub(stack, job_id, "suspend"), params={"reason": "by hand"}, timeout=PATIENCE).raise_for_status()
    until(stack, job_id, "Suspended")

    (found,) = [job for job in operator.data("stuck", "--minutes", "0")["stuck"] if job["id"] == job_id]
    assert (found["why"], found["by_itself"]) == ("its orchestration was suspended", "nothing: it waits to be resumed")
    said = operator.data("cancel", job_id)
    assert (said["status"], said["told"], said["resumed"]) == ("canceled", [job_id], [job_id])


def test_a_deleted_job_is_told_as_hidden_while_it_is_watched_and_then_there_is_none(stack: Stack, operator: Operator) -> None:
    stack.configure(bfl={"delay_seconds": 600})
    job_id = stack.goods(IMAGE).json()["id"]
    generating(stack, job_id)
    stack.client().delete(job_id)
    assert requests.get(f"{stack.url}/api/jobs/{job_id}", timeout=PATIENCE).status_code == 404, "hidden from everybody"

    told = operator("explain", job_id)
    assert "deleted: hidden until its story ends" in told.out
    assert "deleted by its owner: hidden from everybody from now on" in told.out
    (found,) = [job for job in operator.data("stuck")["under_way"] if job["id"] == job_id]
    assert found["why"] == "deleted; a prediction of it may still be paid for"
    refused = operator("replay", job_id, "--yes")
    assert (refused.code, "was deleted by its owner" in refused.err or "has not ended" in refused.err) == (2, True)
    stack.finish()
    ends = time.monotonic() + PATIENCE
    while operator("explain", job_id).code == 0 and time.monotonic() < ends:
        time.sleep(1)
    assert "there is no job" in operator("explain", job_id).err
    assert operator("stuck").code == 0


def test_gates_show_slots_queue_and_who_has_them(stack: Stack, operator: Operator) -> None:
    stack.configure(bfl={"delay_seconds": 600})
    assert operator("gates").code == 0, "nobody is there, and the next look is a quick one"
    jobs = [stack.goods(IMAGE).json()["id"] for _ in range(7)]
    ends = time.monotonic() + PATIENCE
    # Whoever comes waits for a moment, free slots or not.
    while len((gate := operator.data("gates")["bfl"])["active"]) + len(gate["waiting"]) < 7 or len(gate["waiting"]) > 1:
        assert time.monotonic() < ends, gate
        time.sleep(0.2)

    assert (gate["limit"], gate["shares"]) == (24, {"flux-kontext-max": {"active": 6, "limit": 6}})
    assert [holder["job_id"] for holder in gate["active"]] == jobs[:6], "first come, first served"
    assert [(holder["job_id"], holder["place"]) for holder in gate["waiting"]] == [(jobs[6], "#1")]
    assert "6 of 24, flux-kontext-max 6 of 6" in operator("gates").out
    assert "waits at place 1 of bfl" in operator("explain", jobs[6]).out
    stack.finish()
    for job_id in jobs:
        assert stack.ended(job_id)["status"] == "succeeded"


def test_explain_tells_the_story_in_order_with_the_error_in_both_languages_and_what_was_paid(
    stack: Stack, operator: Operator
) -> None:
    job = failed(stack)

    said, data = operator("explain", job["id"]), operator.data("explain", job["id"])
    assert said.code == 0
    what = [moment["what"] for moment in data["story"]]
    steps = ("accepted", "orchestration started", "image checked",
             "sent to flux-kontext-max: free (content_moderated)",
             "submitted as",
             "prediction failed: content_moderated", "ended: failed", "orchestration ended: Completed")  # fmt: skip
    found = [next(n for n, text in enumerate(what) if text.startswith(step)) for step in steps]
    assert found == sorted(found), what
    assert [moment["at"] for moment in data["story"]] == sorted(moment["at"] for moment in data["story"])
    assert data["error"]["ko"].startswith("안전성 검사 실패")
    assert data["error"]["en"].startswith("The safety check failed")
    assert data["error"]["ko"] in said.out
    (picture,) = data["pictures"]
    cost = {"usd": 0.08, "quoted": True}
    assert picture["sends"] == [{"generator": "flux-kontext-max", "attempt": 1, "state": "free", "cost": cost}]
    assert (picture["charged"], picture["settled"], picture["is_watched"]) == ("no", True, False)
    assert "1 flux-kontext-max free" in said.out
    assert (data["paid"]["cost_usd"], data["paid"]["charged"]) == (0.0, "no")
    # What a provider got stays; the upload is gone.
    assert "/prepared/input_image.jpg" in said.out
    assert "uploads/" not in said.out


def test_explain_shows_no_link_key_or_picture_and_the_prompt_only_when_asked(stack: Stack, operator: Operator) -> None:
    job_id = stack.goods(IMAGE, {"Prefer": "wait=60"}, prompt="zebra crossing", n=2).json()["id"]

    for flags in ([], ["--json"], ["--all"], ["--all", "--json"]):
        said = operator("explain", job_id, *flags)
        assert said.code == 0
        for secret in (*SECRETS, "zebra"):
            assert secret not in said.out, secret
    assert "zebra crossing" in operator("explain", job_id, "--prompt").out
    whole = operator("explain", job_id, "--all").out
    assert "picture 1" in whole
    assert "a timer fired" in whole


@pytest.mark.parametrize("command", ["explain", "cancel", "replay"])
@pytest.mark.parametrize(("job", "sentence"), [("job_../x", "no id of a job"), ("job_" + "0" * 26, "there is no job")])
def test_a_job_that_is_not_there_is_said_not_to_be(operator: Operator, command: str, job: str, sentence: str) -> None:
    said = operator(command, job)

    assert (said.code, said.out) == (2, "")
    assert sentence in said.err


# ---- acting ----


def test_cancel_ends_a_running_job_and_not_one_that_has_ended(stack: Stack, operator: Operator) -> None:
    stack.configure(replicate={"outcome": "never"})
    job_id = stack.ppl(IMAGE, IMAGE).json()["id"]
    generating(stack, job_id)

    said = operator("cancel", job_id)
    assert (said.code, said.out.strip()) == (0, f"{job_id}: canceled")
    assert stack.stats("replicate")["cancels"] == 1
    again = operator("cancel", job_id)
    assert (again.code, again.err.strip()) == (2, f"{job_id} has ended already: canceled")


def test_cancel_says_when_a_provider_cannot_stop_and_explain_what_that_means_for_the_bill(
    stack: Stack, operator: Operator
) -> None:
    stack.configure(bfl={"delay_seconds": 600})
    job_id = stack.goods(IMAGE, n=2).json()["id"]
    generating(stack, job_id)

    assert "could not cancel its prediction" in operator("cancel", job_id).out
    watched = operator.data("explain", job_id)
    assert "goes on and will likely be charged" in watched["paid"]["text"]
    assert [(p["is_watched"], p["settled"], p["charged"]) for p in watched["pictures"]] == [(True, False, "unknown")] * 2
    (found,) = [job for job in operator.data("stuck")["under_way"] if job["id"] == job_id]
    assert found["why"] == "ended; a prediction of it is watched on"
    refused = operator("replay", job_id)
    assert (refused.code, "whose picture may come" in refused.err) == (2, True)
    stack.finish()
    # Its slots are free again when the provider has ended, and a moment later each picture that came late is kept.
    ends = time.monotonic() + PATIENCE
    while (kept := operator.data("explain", job_id))["gate"] or kept["paid"]["cost_usd"] != 0.16:
        if time.monotonic() > ends:
            break
        time.sleep(1)
    assert (kept["job"]["status"], kept["paid"]["cost_usd"]) == ("canceled", 0.16), "what came late is kept and paid for"


def test_replay_makes_a_job_from_the_stored_inputs_once(stack: Stack, operator: Operator) -> None:
    first = failed(stack)

    made = operator.data("replay", first["id"], "--wait", "60")
    assert (made["status"], made["was_known"]) == ("succeeded", False)
    new = stack.job(made["id"])
    for name in ("prompt", "aspect_ratio", "output_format", "safety_tolerance", "n"):
        assert new["input"][name] == first["input"][name]
    assert new["metadata"]["replay_of"] == first["id"]
    again = operator.data("replay", first["id"])
    assert (again["id"], again["was_known"]) == (made["id"], True)
    assert stack.stats("bfl")["submits"] == 2
    assert f"replay of {first['id']}" in operator("explain", made["id"]).out


def test_a_sheet_is_explained_and_replayed(stack: Stack, operator: Operator) -> None:
    stack.configure(bfl={"outcome": "moderated_input"})
    asked = {"presets": "mug,sticker", "aspect_ratio": "1:1", "seed": "11"}
    sheet = stack.post("goods-gen/sheet", {"input_image": LARGE}, {"Prefer": "wait=60"}, **asked).json()
    assert sheet["status"] == "failed", sheet
    stack.configure(bfl={"outcome": "succeed"})

    said = operator("explain", sheet["id"]).out
    assert "presets=mug,sticker" in said, said
    assert sheet["id"] in json.dumps(operator.data("explain", sheet["id"]))
    made = operator.data("replay", sheet["id"], "--wait", "60")
    assert made["status"] == "succeeded", made
    shown = [[(p["preset"], p["seed"], p["aspect_ratio"], p["prompt_sent"]) for p in job["pictures"]]
             for job in (sheet, stack.job(made["id"]))]  # fmt: skip
    assert shown[0] == shown[1]


def test_replay_says_so_when_there_is_nothing_to_make_it_from(stack: Stack, operator: Operator) -> None:
    refused = stack.goods(pictures.truncated_jpeg(), {"Prefer": "wait=60"}).json()
    assert refused["error"]["code"] == "unsupported_image"
    said = operator("replay", refused["id"])

    assert (said.code, "only their owner can upload them again" in said.err) == (2, True)


def test_replay_refuses_a_running_job_and_what_may_be_paid_for_already(stack: Stack, operator: Operator) -> None:
    done = stack.goods(IMAGE, {"Prefer": "wait=60"}).json()
    refused = operator("replay", done["id"])
    assert (refused.code, "1 picture(s) that are paid for" in refused.err) == (2, True)
    assert stack.stats("bfl")["submits"] == 1

    stack.configure(replicate={"outcome": "error_unknown"})
    doubtful = stack.ppl(IMAGE, IMAGE, {"Prefer": "wait=60"}).json()
    assert doubtful["error"]["charged"] == "unknown"
    assert "may have been paid for" in operator("replay", doubtful["id"]).err

    stack.configure(replicate={"outcome": "never"})
    running = stack.ppl(IMAGE, IMAGE).json()["id"]
    assert "has not ended" in operator("replay", running, "--yes").err
    operator("cancel", running)
    stack.configure(replicate={"outcome": "succeed"})

    assert operator.data("replay", doubtful["id"], "--yes", "--wait", "60")["status"] == "succeeded"


@pytest.fixture
def paused(operator: Operator) -> Iterator[Operator]:
    yield operator
    operator("resume")


def test_pause_refuses_new_jobs_of_one_provider_until_resume(stack: Stack, paused: Operator) -> None:
    stack.configure(bfl={"delay_seconds": 5})
    running = stack.goods(IMAGE).json()["id"]
    assert paused("pause", "--provider", "bfl", "--reason", "their incident").code == 0
    said = paused("gates")
    assert (said.code, "their incident" in said.out) == (1, True)
    # Other instances look at the gate every ten seconds.
    time.sleep(10.5)

    for language, words in (
        ("ko", "관리자가 BFL.ai 작업의 접수를 잠시 멈췄습니다"),
        ("en", "An administrator has paused new jobs"),
    ):
        refused = stack.goods(IMAGE, {"Accept-Language": language})
        assert (refused.status_code, refused.json()["code"]) == (503, "intake_paused")
        assert refused.json()["detail"].startswith(words)
    assert stack.ppl(IMAGE, IMAGE, {"Prefer": "wait=60"}).json()["status"] == "succeeded", "the other provider is not paused"
    assert stack.ended(running)["status"] == "succeeded", "what was there goes on"

    assert paused("resume").code == 0
    assert stack.goods(IMAGE, {"Prefer": "wait=60"}).json()["status"] == "succeeded"
    assert paused("gates").code == 0


def test_smoke_makes_a_picture_and_compares_it(stack: Stack, operator: Operator) -> None:
    for kind in ("goods", "ppl"):
        said = operator("smoke", "--kind", kind)
        assert said.code == 0, said.out + said.err
        assert "sha256 is right" in said.out
        assert "it cost nothing: the providers are simulated" in said.out


def test_smoke_says_what_is_wrong_with_exit_code_1(stack: Stack, operator: Operator) -> None:
    stack.configure(bfl={"outcome": "moderated_output"})
    said = operator("smoke")

    assert said.code == 1
    assert "content_moderated" in said.out
    assert "python -m ops explain job_" in said.out


def test_smoke_off_the_simulators_says_its_price_and_wants_a_yes(stack: Stack) -> None:
    said = Operator(stack, BFL_API_BASE_URL="https://api.bfl.ai")("smoke")

    assert said.code == 2
    assert "costs about 0.08 USD at BFL.ai: add --yes" in said.err
    assert stack.stats("bfl")["submits"] == 0


def test_a_key_is_tried_at_the_provider_put_into_the_vault_and_awaited_in_readiness(tmp_path: Path) -> None:
    secrets = {"replicate-api-token": "r8_first", "bfl-api-key": "first"}
    with CloudSecrets(tmp_path / "vault", **secrets) as cloud:
        stack = Stack(tmp_path / "stack", REPLICATE_API_TOKEN="", BFL_API_KEY="", **cloud.settings)
        with stack:
            operator = Operator(stack, **cloud.settings)
            stack.configure(bfl={"keys": ["second"], "delay_seconds": 0.5})
            assert operator("ready").code == 0, "readiness remembers for a minute that the key was good"

            wrong = operator("rotate-key", "bfl", stdin="wrong\n")
            assert (wrong.code, "provider_auth_failed" in wrong.err) == (2, True)
            for nothing in ("", "  \n", "two words"):
                assert operator("rotate-key", "bfl", stdin=nothing).code == 2
            assert cloud.vault.secrets["bfl-api-key"] == "first", "nothing was changed"

            said = operator("rotate-key", "bfl", stdin="  second \n")
            assert said.code == 0, said.err
            assert cloud.vault.secrets["bfl-api-key"] == "second"
            assert "readiness says provider_bfl: ok" in said.out
            assert "second" not in said.out + said.err
            assert operator("smoke").code == 0, "the app takes the new key when the old one is refused"

            cloud.vault.refusal = 403
            refused = operator("rotate-key", "replicate", "--unchecked", stdin="r8_third")
            assert (refused.code, "Key Vault did not take the key" in refused.err) == (3, True)
            assert "r8_third" not in refused.err


def test_without_a_vault_rotation_says_where_the_key_is(operator: Operator) -> None:
    said = operator("rotate-key", "replicate", stdin="r8_new")

    assert said.code == 2
    assert "KEY_VAULT_URI is not set" in said.err
    assert "REPLICATE_API_TOKEN" in said.err


def test_forget_removes_all_of_an_owners_and_nothing_of_anothers(stack: Stack, operator: Operator) -> None:
    mine, yours = "m" * 43, "y" * 43
    made = [stack.goods(IMAGE, {"Prefer": "wait=60", "X-Owner-Token": token}).json() for token in (mine, mine, yours)]
    assert [job["status"] for job in made] == ["succeeded"] * 3
    running = stack.goods(IMAGE, {"X-Owner-Token": mine}).json()["id"]
    assert [job["id"] for job in stack.client(owner_token=mine).list()] == [running, made[1]["id"], made[0]["id"]]
    assert requests.get(made[0]["urls"]["self"], timeout=PATIENCE).status_code == 404

    counted = operator.data("forget", "-", stdin=mine)
    assert (counted["jobs"], counted["before"]["index rows"], counted["before"]["images"] >= 6) == (3, 3, True)
    assert requests.get(made[0]["urls"]["self"], headers={"X-Owner-Token": mine}, timeout=PATIENCE).status_code == 200
    done = operator.data("forget", "-", "--yes", "--wait", "240", stdin=mine)
    assert done["after"] == {"images": 0, "documents": 0, "index rows": 0, "counters": 0}, done
    assert mine not in json.dumps([counted, done])
    again = operator("forget", "-", "--yes", stdin=mine)
    assert (again.code, "nothing is known of token:" in again.out) == (0, True), again
    assert requests.get(made[0]["urls"]["self"], headers={"X-Owner-Token": mine}, timeout=PATIENCE).status_code == 404
    assert requests.get(made[2]["urls"]["self"], headers={"X-Owner-Token": yours}, timeout=PATIENCE).status_code == 200

    assert operator("forget", "-", stdin="short").code == 2
    assert operator("forget", "anonymous").code == 2


def test_every_command_answers_in_json(operator: Operator) -> None:
    for command in (["ready"], ["gates"], ["stuck"], ["pause", "--provider", "bfl"], ["resume"]):
        assert json.loads(operator(*command, "--json").out)
