"""The table of named cases: what goes wrong, and how the job must end by the design's rules on money and errors.

The facts are those of the providers reference: statuses and bodies 1.9, 1.10, 2.8, 2.9; run-time failures 1.11, 2.4;
output 1.5, 2.5; webhooks 1.8; billing 1.12, 2.10.
"""

from dataclasses import dataclass, field
from typing import Any

R, B = "replicate", "bfl"
#: Settings of the stack that a group of cases runs on; {url} is the stack's own address.
GROUPS: dict[str, dict[str, str]] = {
    R: {},
    B: {},
    "webhook": {"PUBLIC_BASE_URL": "{url}"},
    "fallback": {"PPL_FALLBACK": "bfl"},
    "fail fast": {"PROVIDER_DOWN": "fail"},
}
#: Quick clocks, so that a case is seconds; Task not found is believed after 10 s.
SETTINGS = {"GENERATION_TIMEOUT_SECONDS": "14", "QUEUE_TIMEOUT_SECONDS": "12"}


@dataclass(frozen=True)
class Case:
    name: str
    #: Who the job goes to: PPL for replicate, goods for bfl.
    provider: str
    #: How the simulator of the provider is set.
    config: dict[str, Any]
    status: str = "succeeded"
    code: str | None = None
    charged: str | None = None
    #: Predictions that the provider made.
    submits: int = 1
    attempts: int | None = None
    flagged: bool = False
    #: Who must have made it, when not `provider`.
    made_by: str | None = None
    #: What the user does meanwhile: cancel while "waiting" or "generating".
    cancel: str | None = None
    #: What must be seen as well: see run.CHECKS.
    also: tuple[str, ...] = ()
    group: str = ""
    #: The other provider's simulator.
    other: dict[str, Any] = field(default_factory=dict)

    @property
    def lane(self) -> str:
        return self.group or self.provider


def fault(on: str, kind: str, times: int | None = 1, **fields: Any) -> dict[str, Any]:
    return {"faults": [{"on": on, "kind": kind, **({"times": times} if times else {}), **fields}]}


def both(name: str, config: dict[str, Any], **expected: Any) -> list[Case]:
    return [Case(f"{provider}: {name}", provider, config, **expected) for provider in (R, B)]


def refused(name: str, status: int, code: str, **fields: Any) -> list[Case]:
    """Nothing was made, and trying again would not help."""
    config = fault("create", "status", status=status, **fields)
    return both(f"create {name}", config, status="failed", code=code, charged="no", submits=0, attempts=0)


def ended(name: str, provider: str, outcome: str, code: str, charged: str, submits: int = 1) -> Case:
    config = {"outcome": outcome}
    return Case(f"{provider}: {name}", provider, config, "failed", code, charged, submits=submits, attempts=submits)


def lost_then(status: int) -> dict[str, Any]:
    return {
        "faults": [{"on": "create", "kind": "disconnect_after", "times": 1}, {"on": "create", "kind": "status", "status": status}]
    }


UNAVAILABLE, BAD, MODERATED = "provider_unavailable", "provider_bad_response", "content_moderated"

CASES: list[Case] = [
    *both("a good day", {}, attempts=1),
    # ---- create: a refusal that passes ----
    *both("create 429, Retry-After in seconds", fault("create", "status", status=429, retry_after=1, header=True)),
    *both("create 429, retry_after in the body", fault("create", "status", status=429, retry_after=1)),
    *both("create 429 that says nothing", fault("create", "status", status=429, body="empty")),
    *both("create 408", fault("create", "status", status=408)),
    *both("create 409", fault("create", "status", status=409)),
    *both("create 503", fault("create", "status", status=503)),
    *both("create 503 as HTML", fault("create", "status", status=503, body="html")),
    # ---- create: nobody knows what happened behind it; nothing did, so one more is made and flagged ----
    *both("create 500", fault("create", "status", status=500), flagged=True),
    *both("create 502 as HTML", fault("create", "status", status=502, body="html"), flagged=True),
    *both("create 504, truncated", fault("create", "status", status=504, body="truncated"), flagged=True),
    *both("create, connection broken before", fault("create", "disconnect_before"), flagged=True),
    # ---- create: made and billed, and the answer is lost. Replicate's list finds it, BFL has none ----
    *[Case(f"{R}: create made, {kind}", R, fault("create", kind)) for kind in
      ("disconnect_after", "truncated_json", "garbage", "html")],
    *[Case(f"{B}: create made, {kind}", B, fault("create", kind), submits=2, flagged=True) for kind in
      ("disconnect_after", "truncated_json", "garbage", "html")],
    Case(f"{R}: create 500 after it was made", R, fault("create", "status", status=500, after_processing=True)),
    Case(f"{R}: create lost and the list broken at first", R,
         {"faults": [{"on": "create", "kind": "disconnect_after", "times": 1}, {"on": "list", "kind": "status", "status": 500, "times": 1}]}),
    # ---- create: lost, and then the repeat fails too: what was lost may be paid for, whatever the repeat was told ----
    *[Case(f"{B}: create made and lost, the repeat refused ({status})", B, lost_then(status), "failed", code, "unknown")
      for status, code in ((422, BAD), (401, "provider_auth_failed"))],
    Case(f"{B}: create made and lost twice", B, fault("create", "disconnect_after", 2), "failed", UNAVAILABLE, "unknown", submits=2,
         flagged=True),
    # ---- create: refusals for good ----
    *refused("400", 400, BAD),
    *refused("401", 401, "provider_auth_failed"),
    *refused("403", 403, "provider_auth_failed"),
    *refused("404", 404, BAD),
    *refused("413", 413, BAD),
    *refused("422", 422, BAD),
    *refused("402", 402, "provider_quota_exhausted"),
    Case(f"{B}: credits used up", B, {"credits": 1}, "failed", "provider_quota_exhausted", "no", submits=0,
         also=("the next POST is refused",)),
    Case(f"{R}: credit used up", R, {"credit_usd": 0}, "failed", "provider_quota_exhausted", "no", submits=0,
         also=("the next POST is refused",)),
    *both("create 503 until the queue's deadline", fault("create", "status", None, status=503), status="failed", code=UNAVAILABLE,
          charged="no", submits=0, attempts=0),
    # ---- polls: none of these fails a job that has a handle ----
    *both("poll 500 three times", fault("poll", "status", 3, status=500)),
    *both("poll 429", fault("poll", "status", 2, status=429)),
    *both("poll 401 for a moment", fault("poll", "status", 1, status=401)),
    *both("poll as HTML", fault("poll", "html", 2)),
    *both("poll truncated", fault("poll", "truncated_json", 2)),
    *both("poll garbage", fault("poll", "garbage", 2)),
    *both("poll, connection broken", fault("poll", "disconnect_before", 2)),
    *both("404 right after create", fault("poll", "not_found_after_create", None, polls=2)),
    # ---- download: paid for, so it is fetched again ----
    *both("download 500", fault("download", "status", status=500)),
    *both("download, connection broken", fault("download", "disconnect_before")),
    *both("download cut off", fault("download", "truncated_body")),
    *both("download is not an image", fault("download", "not_an_image")),
    *both("download under a wrong content type", fault("download", "wrong_content_type", content_type="text/html")),
    *both("download link expired for a moment", fault("download", "expired_link")),
    *both("download redirects to a stranger", fault("download", "redirect", to="http://169.254.169.254/latest/meta-data")),
    *both("download endless", fault("download", "huge_body", megabytes=64)),
    *both("download drop by drop", fault("download", "slow", seconds=3)),
    # ---- runs that end badly ----
    ended("moderated input (E005)", R, "moderated_input", MODERATED, "unknown"),
    ended("moderated output (E005)", R, "moderated_output", MODERATED, "unknown"),
    Case(f"{R}: moderated, text with an id", R, {"outcome": "moderated_input", "moderation_id": True}, "failed", MODERATED, "unknown"),
    ended("Request Moderated", B, "moderated_input", MODERATED, "no"),
    ended("Content Moderated", B, "moderated_output", MODERATED, "no"),
    Case(f"{B}: moderated without details", B, {"outcome": "moderated_input", "moderation_reasons": None}, "failed", MODERATED, "no"),
    ended("busy each time (E003)", R, "error_E003", UNAVAILABLE, "unknown", 3),
    Case(f"{R}: busy once (E003)", R, {"outcome_sequence": ["error_E003"]}, submits=2, attempts=2),
    Case(f"{R}: worker lost once (PA)", R, {"outcome_sequence": ["error_PA"]}, submits=2, attempts=2),
    Case(f"{R}: platform error once (E8765)", R, {"outcome_sequence": ["error_E8765"]}, submits=2, attempts=2),
    Case(f"{R}: start-up timed out once (E6716)", R, {"outcome_sequence": ["error_E6716"]}, submits=2, attempts=2),
    ended("out of memory each time (E1001)", R, "error_E1001", UNAVAILABLE, "unknown", 2),
    ended("webhook empty (E4875)", R, "error_E4875", UNAVAILABLE, "unknown"),
    ended("a failure nobody knows", R, "error_unknown", UNAVAILABLE, "unknown"),
    ended("canceled by somebody else", R, "canceled", UNAVAILABLE, "unknown"),
    ended("aborted before it ran", R, "aborted", UNAVAILABLE, "no"),
    ended("Error each time", B, "error_unknown", UNAVAILABLE, "no", 3),
    Case(f"{B}: Error once", B, {"outcome_sequence": ["error_unknown"]}, submits=2, attempts=2),
    ended("Task not found", B, "not_found", UNAVAILABLE, "unknown"),
    *both("never ends", {"outcome": "never"}, status="failed", code="generation_timeout", charged="unknown"),
    Case(f"{R}: never starts", R, {"outcome": "never_starts"}, "failed", "generation_timeout", "unknown",
         also=("the prediction was canceled",)),
    # ---- odd but right answers ----
    Case(f"{R}: output as a list", R, {"output_shape": "list"}),
    Case(f"{R}: output as a data URI", R, {"output_shape": "data_uri"}),
    Case(f"{R}: output there before the status", R, {"early_output": True}),
    Case(f"{R}: no output at all", R, {"output_shape": "null"}, "failed", BAD, "yes"),
    Case(f"{R}: output of another shape", R, {"output_shape": "object"}, "failed", BAD, "yes"),
    *both("status names nobody knows", {"odd_statuses": ["Reasoning", "Generating"]}),
    Case(f"{B}: status bodies under 202, 422 and 503", B, {"poll_status_codes": {"Pending": 202, "Ready": 503}}),
    Case(f"{B}: moderated under 422", B, {"outcome": "moderated_input", "poll_status_codes": {"Request Moderated": 422}},
         "failed", MODERATED, "no"),
    Case(f"{B}: polling_url on a stranger's host", B, {"polling_host": "evil.example", "wrong_host": "answer"}),
    # ---- cancel ----
    *both("cancel while the provider refuses", fault("create", "status", None, status=503), status="canceled", submits=0,
          attempts=0, cancel="waiting"),
    Case(f"{R}: cancel while generating", R, {"delay_seconds": 8}, "canceled", cancel="generating",
         also=("the prediction was canceled",)),
    Case(f"{B}: cancel while generating", B, {"delay_seconds": 4}, "canceled", cancel="generating", also=("the picture is kept",)),
    Case(f"{R}: cancel while a lost submit is looked for", R, {**fault("create", "disconnect_after"), "delay_seconds": 12}, "canceled",
         cancel="waiting", also=("the prediction was canceled",)),
    # ---- webhooks ----
    *[Case(f"webhook {name}", R, {"delay_seconds": 3, "webhooks": how}, group="webhook", also=also) for name, how, also in (
        ("in time", {}, ("one look",)),
        ("early", {"delay_seconds": -2}, ()),
        ("late", {"delay_seconds": 20}, ()),
        ("twice", {"duplicates": 1}, ("one look",)),
        ("after a forged one", {"forged": True}, ("a webhook was refused",)),
        ("lost", {"lost": True}, ()),
    )],
    Case("webhook, and the create's answer lost", R, {**fault("create", "disconnect_after"), "delay_seconds": 3}, group="webhook"),
    Case("webhook of a moderated run", R, {"outcome": "moderated_input"}, "failed", MODERATED, "unknown", group="webhook"),
    # ---- another provider ----
    Case("fallback: Replicate refuses each create", R, fault("create", "status", None, status=503), made_by=B, group="fallback",
         submits=0),
    Case("fallback: Replicate refuses the key", R, fault("create", "status", None, status=401), made_by=B, group="fallback",
         submits=0),
    Case("fallback: Replicate's credit is used up", R, {"credit_usd": 0}, made_by=B, group="fallback", submits=0),
    Case("fallback: Replicate is busy each time", R, {"outcome": "error_E003"}, made_by=B, group="fallback", submits=3),
    Case("fallback: not for a moderated picture", R, {"outcome": "moderated_input"}, "failed", MODERATED, "unknown", group="fallback"),
    Case("fallback: not while a submit's outcome is unknown", R, fault("create", "disconnect_after"), group="fallback"),
    Case("fallback: BFL moderates instead", R, {"outcome": "error_E003"}, "failed", MODERATED, "no", submits=3, made_by=B,
         other={"outcome": "moderated_input"}, group="fallback"),
    # ---- a provider that is down, and jobs that must not wait ----
    Case("fail fast: the gate shut", R, fault("create", "status", None, status=503), "failed", UNAVAILABLE, "no", submits=0,
         group="fail fast", also=("the gate is shut for the next",)),
    Case("fail fast: the other provider goes on", B, {}, group="fail fast"),
]  # fmt: skip
