"""How a history is told; the shapes are those of the real engine's status answer (durable-host reference 3)."""

from typing import Any

from ops.story import _of_history, _without_routine


def done(name: str, at: int, **result: Any) -> dict[str, Any]:
    return {
        "EventType": "TaskCompleted", "FunctionName": name, "Timestamp": f"2026-11-22T12:00:{at:02}.1234567Z",
        "ScheduledTime": f"2026-11-22T12:00:{at:02}.0234567Z", "Result": result,
    }  # fmt: skip


def timer(at: int) -> dict[str, Any]:
    return {"EventType": "TimerFired", "Timestamp": f"2026-11-22T12:00:{at:02}Z", "FireAt": "x"}


def told(*events: dict[str, Any]) -> list[str]:
    return [moment.what for moment in _without_routine(list(_of_history("job", {"historyEvents": list(events)})))]


def test_looks_are_told_as_one_and_their_troubles_counted() -> None:
    looks = [event for n in range(1, 5) for event in (timer(n), done("check_prediction", n, state="running"))]
    looks[3]["Result"]["trouble"] = "poll answered 503"

    assert told(*looks) == ["looked 4 times, every 1.0 s to 1.0 s: still running, 1 times trouble: poll answered 503"]


def test_each_answer_of_an_activity_has_its_sentence() -> None:
    problem = {"code": "provider_unavailable"}
    assert told(
        done("prepare_image", 1, blob="x"),
        done("enter_gate", 2, state="waiting", position=3),
        done("enter_gate", 3, state="closed", problem=problem),
        done("submit_prediction", 4, state="wait", after_seconds=5.0, problem=problem),
        done("submit_prediction", 5, state="submitted", handle={"id": "abc", "poll_url": "https://x/?id=abc"}),
        done("check_prediction", 6, state="failed", problem={"code": "content_moderated"}),
        done("cancel_prediction", 7, state="going on"),
        done("something_new", 8),
    ) == [
        "image checked and made ready (0.1 s)",
        "waits for a slot at place 3 (0.1 s)",
        "no slot to be had: provider_unavailable (0.1 s)",
        "not submitted yet: provider_unavailable, again after 5 s or more (0.1 s)",
        "submitted as prediction abc (0.1 s)",
        "prediction failed: content_moderated (0.1 s)",
        "cancel asked of the provider: going on (0.1 s)",
        "something_new answered (0.1 s)",
    ]


def test_what_an_activity_raised_is_told_without_what_must_not_be_seen() -> None:
    reason = "HTTP 403 for https://account.blob.core.windows.net/images/x.png?sig=SECRET"
    event = {"EventType": "TaskFailed", "FunctionName": "finish_job", "Timestamp": "2026-11-22T12:00:01Z", "Reason": reason}

    assert told(event) == ["finish_job raised: HTTP 403 for https://account.blob.core.windows.net/images/x.png?[removed]"]


def test_what_came_from_outside_is_told() -> None:
    at = {"Timestamp": "2026-11-22T12:00:01Z"}
    assert told(
        {"EventType": "EventRaised", "Name": "cancel", **at},
        {"EventType": "ExecutionTerminated", "Input": "by hand", **at},
        {"EventType": "ExecutionCompleted", "OrchestrationStatus": "Terminated", **at},
    ) == ["was told: cancel", "terminated from outside: by hand", "orchestration ended: Terminated"]


def test_an_instance_that_is_gone_has_no_story() -> None:
    assert list(_of_history("job", None)) == []
