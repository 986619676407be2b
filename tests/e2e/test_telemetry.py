"""Everything that a full run captures: one trace per job, its spans in order, the metrics, and nothing that is a secret."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from shared.telemetry_names import EVENTS, METRICS
from tests import pictures
from tests.patience import PATIENCE
from tests.stack import Stack

pytestmark = pytest.mark.stack

TRACE = "0af7651916cd43dd8448eb211c80319c"
KEYS = {"REPLICATE_API_TOKEN": "r8_veryprivate1", "BFL_API_KEY": "veryprivate2"}
PROMPT = "a violet hippopotamus"


class Run:
    """Jobs of every ending on one stack, and what was captured of them."""

    def __init__(self, folder: Path) -> None:
        # What is larger is prepared by a step of its own.
        image, large = pictures.photo_jpeg(300, 300), pictures.photo_jpeg(1100, 1100)
        stack = Stack(folder, DEVHOST_TELEMETRY=str(folder / "telemetry.jsonl"), **KEYS)
        stack.settings["PUBLIC_BASE_URL"] = stack.url
        stack.settings["GOODS_MODELS"] = "flux-kontext-max,flux-2-pro"
        with stack:
            stack.configure(replicate={"delay_seconds": 1}, bfl={"delay_seconds": 1})
            traceparent = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
            self.ppl = stack.ppl(image, image, {"Prefer": "wait=60", **traceparent}, prompt=PROMPT).json()
            self.goods = stack.goods(large, {"Prefer": "wait=60"}, prompt=PROMPT).json()
            self.two = stack.goods(image, {"Prefer": "wait=60"}, prompt=PROMPT, n=2, model="flux-2-pro").json()
            self.moderated = stack.goods(image, {"Prefer": "wait=60"}, prompt=f"{PROMPT} [[moderated]]").json()
            self.failed = stack.goods(image, {"Prefer": "wait=60"}, prompt=f"{PROMPT} [[outcome:not_found]]").json()
            canceled = stack.ppl(image, image, prompt=f"{PROMPT} [[never]]").json()
            while stack.job(canceled["id"])["stage"] != "generating":
                time.sleep(0.1)
            requests.post(canceled["urls"]["cancel"], timeout=PATIENCE)
            self.canceled = stack.ended(canceled["id"])
            self.refused = requests.get(f"{stack.url}/api/jobs/nonsense", timeout=PATIENCE)
            file = folder / "telemetry.jsonl"
            # The next export may have begun before the last request.
            enough = _exports(file) + 2
            ends = time.monotonic() + PATIENCE
            while _exports(file) < enough:
                assert time.monotonic() < ends, "no metrics were exported"
                time.sleep(0.1)
        self.file = file.read_text()
        self.logs = stack.log + "".join(log.read_text(errors="replace") for log in folder.glob("*.log"))
        self.lines = [json.loads(line) for line in self.file.splitlines()]

    @property
    def jobs(self) -> list[dict[str, Any]]:
        return [self.ppl, self.goods, self.two, self.moderated, self.failed, self.canceled]

    def spans(self, **attributes: Any) -> list[dict[str, Any]]:
        wanted = {f"toonconnect.{name}": value for name, value in attributes.items()}
        found = [x for x in self.lines if x["signal"] == "span" and wanted.items() <= x["attributes"].items()]
        return sorted(found, key=lambda span: span["start_time"])

    def trace_of(self, job: dict[str, Any]) -> list[dict[str, Any]]:
        """Every span of the job's trace, in order of their start."""
        (trace_id,) = {span["context"]["trace_id"] for span in self.spans(job_id=job["id"])}
        return [span for span in self.spans() if span["context"]["trace_id"] == trace_id]


def _exports(file: Path) -> int:
    """How often metrics were exported so far: every two seconds."""
    return file.read_bytes().count(b'{"signal": "metrics"')


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("telemetry"))


def test_the_jobs_ended_as_they_should(run: Run) -> None:
    assert [job["status"] for job in run.jobs] == ["succeeded"] * 3 + ["failed"] * 2 + ["canceled"]


def test_each_job_is_one_trace_from_its_post_to_its_end(run: Run) -> None:
    traces = [run.trace_of(job) for job in run.jobs]
    assert len({trace[0]["context"]["trace_id"] for trace in traces}) == len(run.jobs)
    for trace in traces:
        ids = {span["context"]["span_id"] for span in trace}
        roots = [span for span in trace if span["parent_id"] not in ids]
        assert [root["name"] for root in roots] in (["generate_ppl"], ["generate_goods"])


def test_a_callers_trace_is_gone_on_with(run: Run) -> None:
    assert {span["context"]["trace_id"] for span in run.trace_of(run.ppl)} == {f"0x{TRACE}"}


def test_the_spans_of_a_job_come_in_the_order_of_its_story(run: Run) -> None:
    names = [span["name"] for span in run.trace_of(run.goods) if not span["name"].startswith(("GET", "POST"))]
    story = list(dict.fromkeys(names))
    assert story == [
        "generate_goods",
        "prepare_image",
        "submit_prediction",
        "check_prediction",
        "store_picture",
        "finish_job",
    ]
    for span in run.spans(job_id=run.goods["id"]):
        if span["name"] in ("submit_prediction", "check_prediction"):
            assert span["attributes"]["toonconnect.prediction_id"]
    assert [span["name"] for span in run.trace_of(run.canceled)].count("cancel_prediction") == 1


def test_calls_to_providers_are_spans_below_their_step_without_a_query(run: Run) -> None:
    spans = run.trace_of(run.goods)
    by_id = {span["context"]["span_id"]: span for span in spans}
    calls = [span for span in spans if span["name"].startswith(("GET", "POST"))]
    assert {by_id[call["parent_id"]]["name"] for call in calls} == {"submit_prediction", "check_prediction", "store_picture"}
    for call in calls:
        assert call["attributes"]["http.response.status_code"] == 200
        assert "?" not in call["attributes"]["url.full"]
    # Neither the prediction nor the picture: calls of a kind have one name, under which they add up.
    assert {call["name"] for call in calls} == {"POST /bfl/v1/flux-kontext-max", "GET /bfl/v1/get_result", "GET /{picture}"}


def test_only_requests_that_we_fail_at_are_failures(run: Run) -> None:
    requests_told = [span for span in run.spans() if span["kind"] == "SpanKind.SERVER"]
    answers = {span["name"]: span["attributes"]["http.response.status_code"] for span in requests_told}
    assert answers["generate_goods"] in (200, 202)
    (refused,) = [span for span in requests_told if span["attributes"]["http.response.status_code"] == 404]
    assert {span["status"]["status_code"] for span in requests_told} == {"UNSET"}
    problems = [line for line in run.lines if line["signal"] == "log" and line["body"] == "problem"]
    assert refused["context"]["trace_id"] in {line["trace_id"] for line in problems}


def test_several_pictures_are_told_apart(run: Run) -> None:
    submits = [span for span in run.trace_of(run.two) if span["name"] == "submit_prediction"]
    assert sorted(span["attributes"]["toonconnect.index"] for span in submits) == [0, 1]


def test_events_have_their_fields_and_a_trace(run: Run) -> None:
    logs = [line for line in run.lines if line["signal"] == "log" and line["body"] in EVENTS]
    seen: dict[str, set[str]] = {}
    for line in logs:
        fields = {name for name in line["attributes"] if not name.startswith("code.")}
        assert fields <= {*EVENTS[line["body"]], "job_id", "index", "request_id", "generator"}, line["body"]
        seen.setdefault(line["body"], set()).update(fields)
        if line["body"] in ("job_accepted", "submitted", "stored", "job_ended"):
            assert int(line["trace_id"], 16)
    assert {"job_accepted", "gate_granted", "submitted", "stored", "prediction_failed", "prediction_canceled", "job_ended",
            "cancel_requested", "webhook_received", "problem"} <= set(seen)  # fmt: skip
    # No job here falls back: tests/unit/test_job_telemetry.py has one.
    assert set(EVENTS["job_ended"]) - {"fallback_from"} <= seen["job_ended"]


def test_what_a_job_was_made_by_is_told_of_its_end(run: Run) -> None:
    ended = {x["attributes"]["job_id"]: x["attributes"] for x in run.lines if x["signal"] == "log" and x["body"] == "job_ended"}
    for job in run.jobs:
        assert [ended[job["id"]][name] for name in ("kind", "provider", "model")] == [
            job["kind"], job["provider"], job["model"]
        ]  # fmt: skip
    assert {attributes["model"] for attributes in ended.values()} == {
        "flux-kontext-apps/multi-image-kontext-max", "flux-kontext-max", "flux-2-pro",
    }  # fmt: skip


def test_every_metric_is_there_with_its_unit_and_attributes(run: Run) -> None:
    seen: dict[str, tuple[str, set[str]]] = {}
    for line in run.lines:
        if line["signal"] == "metrics":
            for scope in line["resource_metrics"][0]["scope_metrics"]:
                for metric in scope["metrics"]:
                    attributes = {name for point in metric["data"]["data_points"] for name in point["attributes"]}
                    seen[metric["name"]] = (metric["unit"], attributes)
    for name, (unit, attributes) in METRICS.items():
        assert seen[name] == (unit, set(attributes)), name


def test_nothing_that_was_captured_or_logged_is_a_secret_or_a_prompt(run: Run) -> None:
    for where, text in (("telemetry", run.file), ("logs", run.logs)):
        for secret in (*KEYS.values(), "whsec_", "hippopotamus", "sig=", "base64,", "AccountKey", "Bearer "):
            assert secret not in text, f"{secret} in {where}"
