"""How a history is told; the shapes are those of the real engine's status answer (durable-host reference 3)."""

from datetime import UTC, datetime
from typing import Any

import pytest

from ops.story import _of_history, _of_submissions, _who, _without_routine
from shared import names
from shared.domain.submission import Submission


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


PROBLEM = {"code": "provider_unavailable"}


@pytest.mark.parametrize(
    ("activity", "answer", "sentence"),
    [
        ("prepare_image", {"blob": "x"}, "image checked and made ready"),
        ("prepare_image", {"problem": {"code": "unsupported_image"}}, "image refused: unsupported_image"),
        ("submit_prediction", {"state": "waiting", "position": 3, "problem": None}, "waits for a slot at place 3"),
        ("submit_prediction", {"state": "waiting", "position": None, "problem": PROBLEM},
         "waits for a slot in line: provider_unavailable"),
        ("submit_prediction", {"state": "again", "after_seconds": 5.0, "problem": PROBLEM, "sends": ["refused"]},
         "not submitted yet: provider_unavailable, again after 5 s or more"),
        ("submit_prediction", {"state": "again", "after_seconds": None, "problem": PROBLEM, "sends": ["open"]},
         "not submitted yet: provider_unavailable, nobody knows whether it was sent"),
        ("submit_prediction", {"state": "submitted", "handle": {"id": "abc", "poll_url": "https://x/?id=abc"},
         "age_seconds": 0.2},
         "submitted as prediction abc"),
        ("submit_prediction", {"state": "submitted", "handle": {"id": "abc"}, "age_seconds": 42.0, "is_wanted": False},
         "submitted as prediction abc, 42 s ago, which nobody wants any more"),
        ("submit_prediction", {"state": "ended", "look": {"state": "failed", "problem": {"code": "content_moderated"}}},
         "its prediction had ended in an earlier run: failed: content_moderated"),
        ("submit_prediction", {"state": "ended", "look": {"state": "stored"}},
         "its prediction had ended in an earlier run: stored"),
        ("submit_prediction", {"state": "failed", "problem": PROBLEM}, "no prediction was made: provider_unavailable"),
        ("submit_prediction", {"state": "canceled"}, "canceled: no prediction is made any more"),
        ("check_prediction", {"state": "missing", "problem": PROBLEM}, "looked: the provider does not know it just now"),
        ("check_prediction", {"state": "unstored", "is_final": False, "problem": PROBLEM},
         "finished and paid for, but its picture is not to be had just now: provider_unavailable"),
        ("check_prediction", {"state": "unstored", "is_final": True, "problem": {"code": "provider_bad_response"}},
         "finished and paid for, but its picture is not to be had, and never will be: provider_bad_response"),
        ("check_prediction", {"state": "failed", "problem": {"code": "content_moderated"}},
         "prediction failed: content_moderated"),
        ("check_prediction", {"state": "stored", "output": {"width": 8, "height": 9, "bytes": 2048}},
         "picture stored, 8x9, 2.0 KB"),
        ("record_prediction", {"recorded": True}, "prediction put on record"),
        ("record_prediction", {"recorded": False}, "prediction not put on record: another run sent as well"),
        ("cancel_prediction", {"state": "going on"}, "cancel asked of the provider: going on"),
        ("leave_gate", {"woken": 0}, "slot given back"),
        ("tell_job", {"told": True}, "the job heard of its end"),
        ("tell_job", {"told": False}, "the job did not wait for its end any more"),
        ("look_at_child", {"was_terminated": True}, "a picture's orchestration was terminated from outside"),
        ("look_at_child", {"was_terminated": False}, "a picture's orchestration died, and can be started again"),
        ("finish_job", {"status": "failed"}, "end written: failed"),
        ("keep_leftover", {"kept": True}, "prediction that outlived its picture has ended: its picture is kept"),
        ("keep_leftover", {"kept": False}, "prediction that outlived its picture has ended: no picture is kept of it"),
        ("forget_deleted", {"left": 2}, "forgot deleted jobs: 2 left"),
        ("send_webhook", {"wait_seconds": 300.0}, "its end is told again in 5 min"),
        ("send_webhook", {"wait_seconds": None}, "its end was told, or will not be"),
        ("translate_prompt", {"state": "decided"}, "what is sent of the prompt is decided"),
        ("translate_prompt", {"state": "again"}, "the translator gave no answer: it is asked again"),
        ("something_new", {}, "something_new answered"),
    ],
)  # fmt: skip
def test_each_answer_of_an_activity_has_its_sentence(activity: str, answer: dict[str, Any], sentence: str) -> None:
    assert told(done(activity, 1, **answer)) == [f"{sentence} (0.1 s)"]


def test_every_activity_has_a_sentence() -> None:
    assert [name for name in names.ACTIVITIES if told(done(name, 1)) == [f"{name} answered (0.1 s)"]] == []


AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
BEGUN = Submission.begun("bfl", 1, AT, "job_1")
HANDLE = {"id": "abc", "poll_url": "https://x/?id=abc"}


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (BEGUN, "sent to bfl: open (on its way, or its host died with it)"),
        (BEGUN.lost(AT), "sent to bfl: open (its answer was lost)"),
        (BEGUN.refused(), "sent to bfl: refused"),
        (BEGUN.submitted(HANDLE), "sent to bfl: accepted, prediction abc"),
        (BEGUN.lost(AT).sent_again(2, AT, "job_1").submitted(HANDLE),
         "sent to bfl: open, then accepted, prediction abc, possibly a duplicate"),
        (BEGUN.submitted(HANDLE).ended({"problem": {"code": "content_moderated"}}, "free"),
         "sent to bfl: free (content_moderated), prediction abc"),
        (BEGUN.failed({"code": "provider_auth_failed"}, is_refused=True), "sent to bfl: refused, given up: provider_auth_failed"),
        (BEGUN.canceled(), "sent to bfl: open, canceled"),
        (Submission.never_sent("bfl", 1, AT, None), "nothing was sent, canceled"),
        (Submission.never_sent("bfl", 1, AT, {"code": "generation_timeout"}), "nothing was sent, given up: generation_timeout"),
        # as the former version wrote it
        (Submission({"state": "lost", "sends": 2, "possible_duplicate": True, "sent_at": AT.isoformat()}),
         "sent: open, then open (its answer was lost), possibly a duplicate"),
    ],
)  # fmt: skip
def test_each_record_of_an_attempt_has_its_sentence(record: Submission, sentence: str) -> None:
    (moment,) = _of_submissions({"submission-0-1": record.document})

    assert (moment.what, moment.at, moment.who) == (sentence, AT, "submission-0-1")
    assert moment.facts["sends"] == record.sends


def test_the_children_of_a_later_start_are_told_apart() -> None:
    assert [_who(instance) for instance in ("job_1", "job_1-0", "job_1-0-2")] == ["job", "picture 0", "picture 0, again 2"]


def test_a_child_that_died_is_told() -> None:
    event = {"EventType": "SubOrchestrationInstanceFailed", "Timestamp": "2026-11-22T12:00:01Z", "Reason": "worker exited"}

    assert told(event) == ["a picture's orchestration died: worker exited"]


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
