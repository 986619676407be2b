"""The failures that the providers' documents name (reference 1.9-1.13, 2.4-2.9), and what the design's rules make of each."""

from typing import Any

from tests.faults.case import DATE_IN, STRANGER, Case, answers, fault

BOTH = ("replicate", "bfl")
#: What each POST that cannot succeed comes to.
REFUSED: dict[str, Any] = {"status": "failed", "charged": "no", "submits": 0, "asked": 1, "retryable": False}
#: The provider stayed down until the job's time in line was over.
NEVER_UP: dict[str, Any] = {
    "status": "failed", "code": "provider_unavailable", "charged": "no", "submits": 0, "asked": 3, "retryable": True,
}  # fmt: skip


def creates(provider: str) -> list[Case]:
    """A create that is refused. 4xx is never repeated, except 408, 409 and 429; 429 and 503 name their pause."""

    def case(name: str, *faults: dict[str, Any], **expected: Any) -> Case:
        return Case(f"{provider}: create {name}", provider, {"faults": list(faults)}, **expected)

    again: dict[str, Any] = {"submits": 1, "asked": 2}
    throttled = {"detail": "Request was throttled. Your rate limit resets in ~3s."}
    return [
        *(
            case(f"{status}", answers("create", status), code=code, **REFUSED)
            for status, code in (
                (400, "provider_bad_response"), (401, "provider_auth_failed"), (403, "provider_auth_failed"),
                (404, "provider_bad_response"), (413, "provider_bad_response"), (422, "provider_bad_response"),
            )
        ),
        case("402 stops the intake", answers("create", 402), code="provider_quota_exhausted",
             next_post="provider_quota_exhausted", **REFUSED),
        case("408 once", answers("create", 408, 1), **again),
        case("409 once", answers("create", 409, 1), **again),
        case("429, Retry-After in seconds", answers("create", 429, 1, retry_after=3, header=True), create_gap=3, **again),
        case("429, Retry-After as a date", answers("create", 429, 1, retry_after=f"{DATE_IN}6", header=True), create_gap=3,
             **again),
        case("429, retry_after in the body", answers("create", 429, 1, retry_after=3), create_gap=3, **again),
        case("429, seconds in the text", answers("create", 429, 1, json=throttled), create_gap=3, **again),
        case("429 without a word", answers("create", 429, 1, body="empty"), create_gap=2, **again),
        case("429 for ever", answers("create", 429, body="empty"), **NEVER_UP),
        Case(f"{provider}: create without credit", provider, {"credit_usd": 0} if provider == "replicate" else {"credits": 1},
             code="provider_quota_exhausted", next_post="provider_quota_exhausted", **REFUSED),
        case("503 once, Retry-After", answers("create", 503, 1, retry_after=3, header=True), create_gap=3, **again),
        case("503 once, HTML", answers("create", 503, 1, body="html"), **again),
        case("503 for ever", answers("create", 503), **NEVER_UP),
    ]  # fmt: skip


def lost_creates(provider: str) -> list[Case]:
    """A create whose answer tells nothing: looked for where that can be, then repeated once at most."""
    can_find = provider == "replicate"

    def case(name: str, *faults: dict[str, Any], **expected: Any) -> Case:
        return Case(f"{provider}: create {name}", provider, {"faults": list(faults)}, **expected)

    not_made: dict[str, Any] = {"submits": 1, "asked": 2, "possible_duplicate": True, "create_gap": 5}
    made: dict[str, Any] = {"submits": 1, "asked": 1} if can_find else {**not_made, "submits": 2}
    lost: dict[str, Any] = {"status": "failed", "code": "provider_unavailable", "charged": "unknown"}
    both_lost = {**lost, "possible_duplicate": True}
    cases = [
        case("500 once", answers("create", 500, 1), **not_made),
        case("500 for ever", answers("create", 500), submits=0, asked=2, **both_lost),
        case("502 once, HTML", answers("create", 502, 1, body="html"), **not_made),
        case("504 once, empty", answers("create", 504, 1, body="empty"), **not_made),
        case("200 with HTML", fault("create", "html", 1), **made),
        case("200 with half a JSON", fault("create", "truncated_json", 1), **made),
        case("200 with garbage", fault("create", "garbage", 1), **made),
        case("answer broken off", fault("create", "truncated_body", 1), **made),
        case("dropped before", fault("create", "disconnect_before", 1), **not_made),
        case("reset before", fault("create", "disconnect_before", 1, reset=True), **not_made),
        case("dropped after", fault("create", "disconnect_after", 1), **made),
        case("hangs, then dropped", fault("create", "hang", 1, seconds=2), **not_made),
        case("slow", fault("create", "slow", 1, seconds=3), asked=1),
    ]
    if can_find:
        return [
            *cases,
            case("dropped after, the list is down once", fault("create", "disconnect_after", 1),
                 answers("list", 500, 1, retry_after=1, header=True), **made),
            # Not repeated blindly: it may be there.
            case("dropped after, the list is down", fault("create", "disconnect_after", 1), answers("list", 500),
                 submits=1, asked=1, **lost),
            Case("replicate: create dropped after, images listed as links", provider,
                 {"faults": [fault("create", "disconnect_after", 1)], "echo_limit_bytes": 100}, **made),
            case("dropped before, then 400", fault("create", "disconnect_before", 1), answers("create", 400), status="failed",
                 code="provider_bad_response", charged="unknown", submits=0, asked=2),
        ]  # fmt: skip
    return [
        *cases,
        case("dropped after, twice", fault("create", "disconnect_after"), submits=2, asked=2, **both_lost),
        # The second POST was refused, but the first may be paid for, and here it is.
        case("dropped after, then 400", fault("create", "disconnect_after", 1), answers("create", 400), status="failed",
             code="provider_bad_response", charged="unknown", submits=1, asked=2),
        case("dropped after, then 401", fault("create", "disconnect_after", 1), answers("create", 401), status="failed",
             code="provider_auth_failed", charged="unknown", submits=1),
        case("dropped after, then 503 for ever", fault("create", "disconnect_after", 1), answers("create", 503),
             submits=1, **lost),
        Case("bfl: create dropped after, the second is moderated", provider,
             {"faults": [fault("create", "disconnect_after", 1)], "outcome_sequence": ["succeed", "moderated_input"]},
             status="failed", code="content_moderated", charged="unknown", submits=2, asked=2, possible_duplicate=True),
    ]  # fmt: skip


def polls(provider: str) -> list[Case]:
    """A look that tells nothing never fails a job that has a prediction."""

    def case(name: str, *faults: dict[str, Any], **expected: Any) -> Case:
        return Case(f"{provider}: poll {name}", provider, {"faults": list(faults)}, **{"asked": 1, **expected})

    return [
        case("500, three times", answers("poll", 500, 3)),
        case("503 with HTML, three times", answers("poll", 503, 3, body="html")),
        case("401 once", answers("poll", 401, 1)),
        case("429 once, Retry-After", answers("poll", 429, 1, retry_after=3, header=True), poll_gap=3),
        case("404 right after the create", fault("poll", "not_found_after_create", polls=3)),
        case("200 with HTML, twice", fault("poll", "html", 2)),
        case("200 with half a JSON, twice", fault("poll", "truncated_json", 2)),
        case("200 with a JSON list", answers("poll", 200, 1, json=[])),
        case("broken off, twice", fault("poll", "truncated_body", 2)),
        case("dropped, twice", fault("poll", "disconnect_before", 2)),
        # Made, billed and out of sight until after the deadline: kept all the same.
        case("500 until after the deadline", answers("poll", 500), heals=True, is_kept_later=True, status="failed",
             code="generation_timeout", charged="yes"),
    ]  # fmt: skip


def downloads(provider: str) -> list[Case]:
    """A picture that is paid for is fetched again, from nowhere but the provider, and never made anew."""

    def case(name: str, *faults: dict[str, Any]) -> Case:
        return Case(f"{provider}: download {name}", provider, {"faults": list(faults)}, asked=1)

    return [
        case("500, twice", answers("download", 500, 2)),
        case("broken off", fault("download", "truncated_body", 1)),
        case("dropped", fault("download", "disconnect_before", 1)),
        case("not an image", fault("download", "not_an_image", 1)),
        case("expired link", fault("download", "expired_link", 1)),
        case("redirect to a stranger", fault("download", "redirect", 1, to=f"{STRANGER}/stolen.png")),
        case("redirect to the host's own metadata", fault("download", "redirect", 1, to="http://169.254.169.254/metadata")),
        case("wrong content type", fault("download", "wrong_content_type")),
        case("slow drip", fault("download", "slow", seconds=4)),
        case("too large", fault("download", "huge_body", 1, megabytes=48)),
        case("empty", answers("download", 200, 1, body="empty")),
    ]


def runs(provider: str) -> list[Case]:
    """A prediction that ends without a picture. Repeated only where the provider calls the failure passing."""
    # Whether a failed run is billed: Replicate does not say (1.12), BFL bills only what is Ready (2.10).
    charged = "unknown" if provider == "replicate" else "no"
    moderated: dict[str, Any] = {"status": "failed", "code": "content_moderated", "charged": charged, "retryable": False}

    def case(name: str, config: dict[str, Any], **expected: Any) -> Case:
        # Three tries, with the pauses between them, take nearly all of the time that the others have.
        group = "patient" if expected.get("submits") == 3 else "plain"  # noqa: PLR2004
        return Case(f"{provider}: run {name}", provider, {"delay_seconds": 0.5, **config}, group=group, **expected)

    def failing(outcome: str, tries: int, charge: str = charged) -> Case:
        return case(f"{outcome} for ever", {"outcome": outcome}, status="failed", code="provider_unavailable", charged=charge,
                    submits=tries, asked=tries)  # fmt: skip

    common = [
        case("input moderated", {"outcome": "moderated_input"}, asked=1, **moderated),
        case("output moderated", {"outcome": "moderated_output"}, asked=1, **moderated),
        case("with statuses that nobody knows", {"delay_seconds": 3, "odd_statuses": ["Reasoning", "Generating", "queued"]}),
    ]
    if provider == "replicate":
        return [
            *common,
            case("input moderated, with an id", {"outcome": "moderated_input", "moderation_id": True}, **moderated),
            case("E003 once", {"outcome_sequence": ["error_E003"]}, submits=2),
            failing("error_E003", 3),
            case("PA, E8765, E9828", {"outcome_sequence": ["error_PA", "error_E8765", "error_E9828"]}, status="failed",
                 code="provider_unavailable", charged="unknown", submits=3),
            case("E6716, then E1000", {"outcome_sequence": ["error_E6716", "error_E1000"]}, status="failed",
                 code="provider_unavailable", charged="unknown", submits=2),
            *(failing(outcome, 2) for outcome in ("error_E1000", "error_E1001")),
            *(failing(outcome, 1) for outcome in ("error_E4875", "error_unknown", "canceled")),
            failing("aborted", 1, "no"),
            case("E003, billed all the same", {"outcome": "error_E003", "bill_failed": True}, status="failed",
                 code="provider_unavailable", charged="unknown", submits=3),
        ]  # fmt: skip
    return [
        *common,
        case("moderated without a reason", {"outcome": "moderated_output", "moderation_reasons": None}, **moderated),
        case("moderated under 422", {"outcome": "moderated_input", "poll_status_codes": {"Request Moderated": 422}}, **moderated),
        case("pending under 202, ready under 503", {"delay_seconds": 2, "poll_status_codes": {"Pending": 202, "Ready": 503}}),
        case("Error once", {"outcome_sequence": ["error_unknown"]}, submits=2),
        case("Error under 503, once", {"outcome_sequence": ["error_unknown"], "poll_status_codes": {"Error": 503}}, submits=2),
        failing("error_unknown", 3),
        failing("failed", 3),
        case("Task not found at first", {"faults": [answers("poll", 404, 2, json={"id": "x", "status": "Task not found"})]}),
        failing("not_found", 1, "unknown"),
        case("polling_url elsewhere", {"polling_host": "stranger.example", "wrong_host": "answer"}),
    ]


def outputs(provider: str) -> list[Case]:
    """What a finished prediction holds."""
    useless: dict[str, Any] = {"status": "failed", "code": "provider_bad_response", "charged": "yes", "asked": 1}

    def case(name: str, config: dict[str, Any], **expected: Any) -> Case:
        return Case(f"{provider}: output {name}", provider, {"delay_seconds": 0.5, **config}, **expected)

    if provider == "replicate":
        return [
            case("as a list", {"output_shape": "list"}),
            case("as a data URI", {"output_shape": "data_uri"}),
            case("null", {"output_shape": "null"}, **useless),
            case("an object", {"output_shape": "object"}, **useless),
            case("there before the end", {"delay_seconds": 4, "early_output": True}),
        ]
    ready = {"id": "x", "status": "Ready"}
    return [
        case("without a sample", {"faults": [answers("poll", 200, json={**ready, "result": {}})]}, **useless),
        case("null", {"faults": [answers("poll", 200, json={**ready, "result": None})]}, **useless),
    ]


def endless(provider: str) -> list[Case]:
    """No end before the deadline: canceled where that can be, else left to finish, and then its picture is kept."""
    late: dict[str, Any] = {"status": "failed", "code": "generation_timeout", "charged": "unknown", "asked": 1, "retryable": True}
    if provider == "replicate":
        return [
            Case("replicate: never finishes", provider, {"outcome": "never"}, cancels=1, **late),
            Case("replicate: never starts", provider, {"outcome": "never_starts"}, cancels=1, **late),
            Case("replicate: finishes after the deadline, nor is canceled", provider,
                 {"delay_seconds": 22, "faults": [answers("cancel", 500)]}, is_kept_later=True, **{**late, "charged": "yes"}),
        ]  # fmt: skip
    return [
        Case("bfl: never finishes", provider, {"outcome": "never"}, **late),
        Case("bfl: finishes after the deadline", provider, {"delay_seconds": 15}, is_kept_later=True,
             **{**late, "charged": "yes"}),
    ]  # fmt: skip


def cancels(provider: str) -> list[Case]:
    """A job that nobody wants any more. What cannot be stopped is left to finish, and its picture kept: it is paid for."""

    def case(name: str, cancel_at: str, config: dict[str, Any], **expected: Any) -> Case:
        return Case(f"{provider}: cancel {name}", provider, config, status="canceled", cancel_at=cancel_at, **expected)

    common = [
        case("while refused", "waiting", {"faults": [answers("create", 429)]}, submits=0),
        case("in line", "waiting", {}, submits=0, asked=0, failures_before=5),
    ]
    if provider == "replicate":
        return [
            *common,
            case("while sent", "sent", {"delay_seconds": 60, "faults": [fault("create", "slow", 1, seconds=2)]}, cancels=1),
            case("while a lost create is looked for", "waiting",
                 {"delay_seconds": 60, "faults": [fault("create", "disconnect_after", 1)]}, cancels=1, asked=1),
            case("while generating", "generating", {"delay_seconds": 60}, cancels=1),
            case("while generating, 500 once", "generating", {"delay_seconds": 60, "faults": [answers("cancel", 500, 1)]},
                 cancels=1),
            case("that is refused", "generating", {"delay_seconds": 6, "faults": [answers("cancel", 404)]}, is_kept_later=True),
        ]  # fmt: skip
    return [
        *common,
        case("while sent", "sent", {"delay_seconds": 5, "faults": [fault("create", "slow", 1, seconds=2)]},
             is_kept_later=True),
        case("while generating", "generating", {"delay_seconds": 5}, is_kept_later=True),
    ]  # fmt: skip


def breakers() -> list[Case]:
    """Five failures in a row shut a provider out for half a minute."""
    shut: dict[str, Any] = {
        "failures_before": 5,
        "submits": 0,
        "asked": 0,
        "status": "failed",
        "charged": "no",
        "stage": "waiting",
    }
    return [
        # PROVIDER_DOWN=wait: in line until the time in line is over.
        Case("replicate: breaker open, in line", "replicate", code="provider_unavailable", **shut),
        Case("bfl: breaker open, PROVIDER_DOWN=fail", "bfl", code="provider_unavailable", group="fallback", **shut),
    ]


def fallbacks() -> list[Case]:
    """PPL_FALLBACK=bfl: only where Replicate did not do it and will not charge, and never on moderation."""

    def case(name: str, config: dict[str, Any], **expected: Any) -> Case:
        group = "patient fallback" if expected.get("submits") == 3 else "fallback"  # noqa: PLR2004
        return Case(f"replicate: fallback, {name}", "replicate", config, group=group, **expected)

    elsewhere: dict[str, Any] = {"other_submits": 1, "fallback_used": True}
    down = {"faults": [answers("create", 503)]}
    failed: dict[str, Any] = {"status": "failed"}
    return [
        case("503 for ever", down, submits=0, asked=3, **elsewhere),
        case("401", {"faults": [answers("create", 401)]}, submits=0, asked=1, **elsewhere),
        case("402", {"faults": [answers("create", 402)]}, submits=0, asked=1, **elsewhere),
        case("breaker open", {}, submits=0, asked=0, failures_before=5, **elsewhere),
        case("E003 for ever", {"delay_seconds": 0.5, "outcome": "error_E003"}, submits=3, **elsewhere),
        case("both are down", {"faults": [answers("create", 401)]}, other={"faults": [answers("create", 401)]}, submits=0,
             asked=1, fallback_used=True, code="provider_auth_failed", charged="no", **failed),
        case("the other one moderates", {"faults": [answers("create", 401)]}, other={"outcome": "moderated_input"}, submits=0,
             code="content_moderated", charged="no", **failed, **elsewhere),
        case("not when a lost create is found", {"faults": [fault("create", "disconnect_after", 1)]}, asked=1),
        case("not on moderation", {"outcome": "moderated_output"}, code="content_moderated", charged="unknown", **failed),
        case("not on 400", {"faults": [answers("create", 400)]}, submits=0, asked=1, code="provider_bad_response", charged="no",
             **failed),
        case("not on an unknown failure", {"outcome": "error_unknown"}, code="provider_unavailable", charged="unknown", **failed),
        case("not on an output that is no picture", {"output_shape": "null"}, code="provider_bad_response", charged="yes",
             **failed),
        case("not on a timeout", {"outcome": "never"}, code="generation_timeout", charged="unknown", cancels=1, **failed),
        case("not on lost creates", {"faults": [answers("create", 500)]}, submits=0, asked=2, code="provider_unavailable",
             charged="unknown", possible_duplicate=True, **failed),
        # The fifth failure in a row would open the breaker, but this one may be paid for: it is found first.
        case("not on a lost create that would open the breaker", {"faults": [fault("create", "disconnect_after", 1)]},
             failures_before=4, asked=1),
    ]  # fmt: skip


def webhooks() -> list[Case]:
    """Replicate calls when a prediction has ended. The call is a hint to look, and polling the net below."""

    def case(name: str, config: dict[str, Any] | None = None, hooks: dict[str, Any] | None = None, **expected: Any) -> Case:
        told = {"delay_seconds": 3, **(config or {}), "webhooks": hooks or {}}
        return Case(f"replicate: webhook {name}", "replicate", told, group="webhooks", **{"asked": 1, **expected})

    return [
        # First, while the secret is not known yet: the call is answered 503 and comes again.
        case("whose secret cannot be had at first", {"faults": [answers("secret", 500, 1)]}, most_polls=1),
        case("on time", most_polls=1, most_seconds=8),
        case("twice", hooks={"duplicates": 2}, most_polls=1, most_seconds=8),
        case("forged before the real one", hooks={"forged": True}, most_polls=1, most_seconds=8, logged="webhook_refused"),
        case("signed ten minutes ago", hooks={"clock_skew_seconds": -600}, most_polls=2, logged="webhook_refused"),
        case("signed in ten minutes", hooks={"clock_skew_seconds": 600}, most_polls=2, logged="webhook_refused"),
        case("too early", hooks={"delay_seconds": -1.5}, most_seconds=8),
        case("late", hooks={"delay_seconds": 4}, most_polls=1),
        case("lost", hooks={"lost": True}, most_polls=2),
        case("of a moderated run", {"outcome": "moderated_output"}, most_polls=1, most_seconds=8, status="failed",
             code="content_moderated", charged="unknown"),
        case("finds a lost create", {"delay_seconds": 8, "faults": [fault("create", "disconnect_after", 1)]}),
    ]  # fmt: skip


CASES: list[Case] = [
    *(
        case
        for provider in BOTH
        for part in (creates, lost_creates, polls, downloads, runs, outputs, endless, cancels)
        for case in part(provider)
    ),
    *breakers(),
    *fallbacks(),
    *webhooks(),
]
