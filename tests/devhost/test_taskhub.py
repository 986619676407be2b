"""What the task hub keeps from one episode to the next."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from devhost import replay
from devhost.replay import Decisions
from devhost.taskhub import Episode, HubInUse, TaskHub

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.fixture
def hub() -> TaskHub:
    made = TaskHub()
    assert made.create(NOW, "story", "i1", None, None) is None
    return made


def load(hub: TaskHub) -> Episode:
    episode = hub.load("i1", NOW)
    assert episode
    return episode


def test_one_task_hub_has_one_host(tmp_path: Path) -> None:
    first = TaskHub(tmp_path / "taskhub.sqlite")
    with pytest.raises(HubInUse, match="in use by another host"):
        TaskHub(tmp_path / "taskhub.sqlite", wait_seconds=0.1)
    first.close()
    TaskHub(tmp_path / "taskhub.sqlite", wait_seconds=0.1).close()


def test_a_live_id_is_not_started_again_and_an_ended_one_is(hub: TaskHub) -> None:
    assert hub.create(NOW, "other", "i1", None, None) == "Pending"
    hub.commit(load(hub), Decisions(ended=(replay.COMPLETED, "1")), NOW, None)
    assert hub.create(NOW, "other", "i1", None, None) is None
    assert hub.history("i1") == []


def test_an_answer_that_comes_twice_counts_once(hub: TaskHub) -> None:
    hub.commit(load(hub), Decisions(activities=[(0, "work", "1")]), NOW, None)
    (work,) = hub.open_work()
    for _ in range(2):
        hub.answer(work, replay.task_completed(NOW, 0, "1"))
    assert len(load(hub).messages) == 1
    assert hub.open_work() == []


def test_continue_as_new_begins_with_the_events_it_carries_over(hub: TaskHub) -> None:
    first, second = replay.event_raised(NOW, "first", "1"), replay.event_raised(NOW, "second", "2")
    episode = load(hub)
    hub.send("i1", second)  # while the episode ran
    hub.commit(episode, Decisions(continue_as_new="{}", carried=[first]), NOW, None)
    started, *events = load(hub).messages
    assert started["EventType"] == replay.EXECUTION_STARTED
    assert started["Input"] == '"{}"'
    assert [e["Name"] for e in events] == ["first", "second"]


def test_an_answer_for_an_earlier_execution_is_dropped(hub: TaskHub) -> None:
    hub.commit(load(hub), Decisions(activities=[(0, "work", "1")]), NOW, None)
    (work,) = hub.open_work()
    hub.send("i1", replay.event_raised(NOW, "go", "1"))
    hub.commit(load(hub), Decisions(continue_as_new="{}"), NOW, None)
    hub.answer(work, replay.task_completed(NOW, 0, "1"))
    assert [e["EventType"] for e in load(hub).messages] == [replay.EXECUTION_STARTED]


def test_a_terminated_instance_keeps_its_custom_status(hub: TaskHub) -> None:
    hub.commit(load(hub), Decisions(custom_status='{"step": 1}'), NOW, None)
    hub.send("i1", replay.execution_terminated(NOW, "enough"))
    hub.commit(load(hub), Decisions(ended=(replay.TERMINATED, '"enough"')), NOW, None)
    status = hub.status("i1")
    assert status
    assert (status["status"], status["custom"]) == ("Terminated", '{"step": 1}')


def test_a_timer_is_hidden_for_whole_seconds_and_says_what_was_asked_for(hub: TaskHub) -> None:
    asked = NOW + timedelta(seconds=2.5)
    sent = hub.commit(load(hub), Decisions(timers=[(0, asked)]), NOW, None)
    assert sent.messages == [("i1", (NOW + timedelta(seconds=2)).timestamp())]
    assert hub.load("i1", NOW + timedelta(seconds=1.999)) is None
    episode = hub.load("i1", NOW + timedelta(seconds=2))
    assert episode
    (fired,) = episode.messages
    assert (fired["EventType"], fired["FireAt"]) == (replay.TIMER_FIRED, replay.format_time(asked))


def test_an_id_that_begins_anew_gets_nothing_of_its_former_execution(hub: TaskHub) -> None:
    hub.commit(load(hub), Decisions(custom_status="1", activities=[(0, "work", "1")], timers=[(1, NOW)]), NOW, None)
    (work,) = hub.open_work()
    hub.send("i1", replay.execution_terminated(NOW, "enough"))
    hub.commit(load(hub), Decisions(ended=(replay.TERMINATED, '"enough"')), NOW, None)
    assert hub.create(NOW, "story", "i1", '"again"', None) is None

    # What was to run still runs, a restart of the host or not.
    assert hub.open_work() == [work]
    hub.answer(work, replay.task_completed(NOW, 0, "1"))

    status = hub.status("i1")
    assert status
    assert (status["status"], status["custom"], status["output"]) == ("Pending", None, None)
    episode = load(hub)
    assert [e["EventType"] for e in episode.messages] == [replay.EXECUTION_STARTED]
    hub.commit(episode, Decisions(activities=[(0, "work", "1")]), NOW, None)
    hub.answer(work, replay.task_completed(NOW, 0, "1"))
    # Nothing for it to do: no episode is run for what is not its own.
    assert hub.load("i1", NOW) is None
    assert hub.waiting() == []


def test_late_answers_beyond_a_batch_do_not_hide_what_comes_after_them(hub: TaskHub) -> None:
    hub.commit(load(hub), Decisions(activities=[(n, "work", "1") for n in range(40)]), NOW, None)
    late = hub.open_work()
    hub.send("i1", replay.execution_terminated(NOW, "enough"))
    hub.commit(load(hub), Decisions(ended=(replay.TERMINATED, '"enough"')), NOW, None)
    hub.create(NOW, "story", "i1", None, None)
    hub.commit(load(hub), Decisions(), NOW, None)
    for work in late:
        hub.answer(work, replay.task_completed(NOW, work.task_id, "1"))
    hub.send("i1", replay.event_raised(NOW, "go", "1"))
    assert [e["EventType"] for e in load(hub).messages] == [replay.EVENT_RAISED]


def test_a_child_of_one_id_answers_the_call_that_made_it(hub: TaskHub) -> None:
    def call(task_id: int) -> Decisions:
        return Decisions(children=[replay.Start(task_id, "child", "c1", None, None)])

    def end_child(ended: tuple[int, str]) -> None:
        child = hub.load("c1", NOW)
        assert child
        hub.commit(child, Decisions(ended=ended), NOW, None)

    hub.commit(load(hub), call(0), NOW, None)
    end_child((replay.FAILED, '"died"'))
    hub.commit(load(hub), call(1), NOW, None)
    end_child((replay.COMPLETED, "1"))
    (answer,) = load(hub).messages
    assert (answer["EventType"], answer["TaskScheduledId"]) == (replay.SUB_COMPLETED, 1)


def test_a_child_of_a_former_execution_does_not_answer_the_new_one(hub: TaskHub) -> None:
    hub.commit(load(hub), Decisions(children=[replay.Start(0, "child", "c1", None, None)]), NOW, None)
    hub.send("i1", replay.execution_terminated(NOW, "enough"))
    hub.commit(load(hub), Decisions(ended=(replay.TERMINATED, '"enough"')), NOW, None)
    hub.create(NOW, "story", "i1", None, None)
    hub.commit(load(hub), Decisions(), NOW, None)
    child = hub.load("c1", NOW)
    assert child
    hub.commit(child, Decisions(ended=(replay.COMPLETED, "1")), NOW, None)
    assert hub.load("i1", NOW) is None


def test_nothing_is_sent_to_who_is_not_there_or_has_ended(hub: TaskHub) -> None:
    event = replay.event_raised(NOW, "go", "1")
    assert hub.send("nobody", event) == ""
    hub.commit(load(hub), Decisions(ended=(replay.FAILED, '"x"')), NOW, None)
    assert hub.send("i1", event) == "Failed"
