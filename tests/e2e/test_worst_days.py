"""Waiting in line, keys that change, what cannot be canceled, and providers that call back: on the whole stack."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from local.ports import free_port
from tests import pictures
from tests.beside import client_of
from tests.patience import PATIENCE
from tests.stack import PATIENT, Stack
from tests.vault import CloudSecrets
from triggers import housekeeping

pytestmark = pytest.mark.stack


def test_jobs_wait_in_line_see_their_place_and_can_leave_it_for_nothing(tmp_path: Path) -> None:
    with Stack(tmp_path, BFL_MAX_ACTIVE="1", **PATIENT) as stack:
        stack.configure(bfl={"delay_seconds": 600, "max_active": 1})
        image = pictures.photo_jpeg(300, 300)
        first, second, third = (stack.goods(image).json()["id"] for _ in range(3))
        waiting = stack.job(third)
        ends = time.monotonic() + PATIENCE
        while waiting["queue_position"] != 2 and time.monotonic() < ends:
            time.sleep(0.1)
            waiting = stack.job(third)
        assert (waiting["stage"], waiting["queue_position"]) == ("waiting", 2)
        # Of a first one that is later than was expected nobody knows.
        assert waiting["overdue"] or waiting["eta_seconds"] >= 3

        assert requests.post(waiting["urls"]["cancel"], timeout=PATIENCE).status_code == 202
        canceled = stack.ended(third)
        assert (canceled["status"], canceled["usage"]["cost_usd"], canceled["attempts"]) == ("canceled", 0, 0)
        stack.finish()
        assert [stack.ended(job)["status"] for job in (first, second)] == ["succeeded"] * 2
        stats = stack.stats("bfl")
        assert (stats["submits"], stats["max_active"], stats["refused"]) == (2, 1, 0)


def test_what_bfl_cannot_cancel_is_kept_when_it_comes(tmp_path: Path) -> None:
    with Stack(tmp_path, **PATIENT) as stack:
        stack.configure(bfl={"delay_seconds": 600})
        job = stack.goods(pictures.photo_jpeg(300, 300)).json()
        while stack.job(job["id"])["stage"] != "generating":
            time.sleep(0.1)
        requests.post(job["urls"]["cancel"], timeout=PATIENCE)
        canceled = stack.ended(job["id"])
        assert (canceled["status"], canceled["outputs"]) == ("canceled", [])
        stack.finish()

        ends = time.monotonic() + PATIENCE
        while not (kept := stack.job(job["id"]))["outputs"] and time.monotonic() < ends:
            time.sleep(0.5)
        assert (kept["status"], len(kept["outputs"]), kept["usage"]["cost_usd"]) == ("canceled", 1, 0.08)
        assert requests.get(kept["outputs"][0]["url"], timeout=PATIENCE).status_code == 200
        assert requests.get(job["urls"]["result"], timeout=PATIENCE, allow_redirects=False).status_code == 302


def test_keys_that_change_under_load_fail_no_job(tmp_path: Path) -> None:
    secrets = {"replicate-api-token": "r8_first", "bfl-api-key": "first"}
    with CloudSecrets(tmp_path / "vault", **secrets) as cloud, Stack(tmp_path, **cloud.settings) as stack:
        stack.configure(replicate={"delay_seconds": 3, "keys": ["r8_first"]}, bfl={"delay_seconds": 2, "keys": ["first"]})
        image = pictures.photo_jpeg(300, 300)

        def post(number: int) -> str:
            if number == 6:
                cloud.vault.secrets = {"replicate-api-token": "r8_second\n", "bfl-api-key": " second"}
                stack.configure(replicate={"keys": ["r8_second"]}, bfl={"keys": ["second"]})
            return str((stack.goods(image) if number % 2 else stack.ppl(image, image)).json()["id"])

        with ThreadPoolExecutor(4) as pool:
            jobs = list(pool.map(post, range(12)))
        assert {stack.ended(job)["status"] for job in jobs} == {"succeeded"}
        for secret in ("r8_first", "r8_second", "made-up-token"):
            assert secret not in stack.log


def test_replicate_calls_back_and_nobody_else_can(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.settings = {"PUBLIC_BASE_URL": stack.url}
    with stack:
        stack.configure(replicate={"delay_seconds": 4, "webhooks": {"duplicates": 1, "forged": True}})
        image = pictures.photo_jpeg(300, 300)
        job = stack.ppl(image, image, {"Prefer": "wait=60"}).json()
        assert job["status"] == "succeeded"
        # The safety net would have looked after ten seconds.
        assert job["metrics"]["provider_ms"] < 10_000
        assert stack.stats("replicate")["polls"] == 1
        assert "webhook_refused" in stack.log

        url = f"{stack.url}/api/webhooks/replicate?instance={job['id']}&submission=1"
        unsigned = requests.post(url, json={"id": "x", "status": "succeeded"}, timeout=PATIENCE)
        assert (unsigned.status_code, unsigned.json()["code"]) == (401, "unauthorized")


async def test_housekeeping_forgets_what_is_past_its_time_and_leaves_what_runs(tmp_path: Path) -> None:
    with Stack(tmp_path, BFL_MAX_ACTIVE="4") as stack:
        stack.configure(bfl={"delay_seconds": 1})
        image = pictures.photo_jpeg(300, 300)
        done = stack.ended(stack.goods(image).json()["id"])
        stack.configure(bfl={"outcome": "never"})
        running = stack.goods(image).json()
        while stack.job(running["id"])["stage"] != "generating":
            time.sleep(0.1)

        async with client_of(stack) as client:
            await housekeeping.tidy(client, datetime.now(UTC) + timedelta(days=31))

        hub = f"{stack.url}/runtime/webhooks/durabletask"
        known = [one["instanceId"] for one in requests.get(f"{hub}/instances", timeout=PATIENCE).json()]
        assert known == [running["id"]]
        # Its time is over a month from now: nothing of it is left.
        assert requests.get(f"{stack.url}/api/jobs/{done['id']}", timeout=PATIENCE).status_code == 404


def test_a_job_that_an_operator_suspended_hears_its_cancel(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.configure(replicate={"outcome": "never"})
        image = pictures.photo_jpeg(300, 300)
        job = stack.ppl(image, image).json()
        while stack.job(job["id"])["stage"] != "generating":
            time.sleep(0.1)
        instance = f"{stack.url}/runtime/webhooks/durabletask/instances/{job['id']}"
        assert requests.post(f"{instance}/suspend?reason=drill", timeout=PATIENCE).status_code == 202
        while requests.get(instance, timeout=PATIENCE).json()["runtimeStatus"] != "Suspended":
            time.sleep(0.1)
        assert requests.post(job["urls"]["cancel"], timeout=PATIENCE).status_code == 202
        assert stack.ended(job["id"])["status"] == "canceled"
        assert stack.stats("replicate")["cancels"] == 1


def test_without_a_translator_the_route_says_so(tmp_path: Path) -> None:
    with Stack(tmp_path, TRANSLATOR_ENDPOINT="") as stack:
        answer = requests.post(f"{stack.url}/api/ppl-gen/translate", json={"prompt": "영웅"}, timeout=PATIENCE)
        assert (answer.status_code, answer.json()["code"]) == (501, "translator_not_configured")
