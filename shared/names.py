"""Names stored by the task hub, with the types of what is said under them. Renaming one breaks orchestrations in flight: it is a
migration, not an edit."""

from typing import Generic, TypeVar

from shared.domain import payloads as p

P = TypeVar("P")
A = TypeVar("A")

#: The version of the orchestrators' stories, host.json's `defaultVersion`. Raise it with a change that histories under way would
#: not survive: an instance of an older version ends at once, and is started again from its records.
STORY_VERSION = 2


class Activity(str, Generic[P, A]):
    """An activity's name, with the types of its payload and its answer."""


GENERATE_JOB = "generate_job"
MAKE_PICTURE = "make_picture"
FORGET_JOBS = "forget_jobs"
DELIVER_WEBHOOK = "deliver_webhook"

PREPARE_IMAGE: Activity[p.PrepareOrder, p.PrepareAnswer] = Activity("prepare_image")
TRANSLATE_PROMPT: Activity[p.TranslateOrder, p.TranslateAnswer] = Activity("translate_prompt")
SUBMIT_PREDICTION: Activity[p.SubmitOrder, p.SubmitAnswer] = Activity("submit_prediction")
RECORD_PREDICTION: Activity[p.RecordOrder, p.Recorded] = Activity("record_prediction")
CHECK_PREDICTION: Activity[p.CheckOrder, p.LookAnswer] = Activity("check_prediction")
CANCEL_PREDICTION: Activity[p.CancelOrder, p.CancelAnswer] = Activity("cancel_prediction")
LEAVE_GATE: Activity[p.LeaveOrder, p.LeaveAnswer] = Activity("leave_gate")
TELL_JOB: Activity[p.TellOrder, p.Told] = Activity("tell_job")
FINISH_JOB: Activity[p.FinishOrder, p.FinishAnswer] = Activity("finish_job")
KEEP_LEFTOVER: Activity[p.KeepOrder, p.Kept] = Activity("keep_leftover")
LOOK_AT_CHILD: Activity[p.ChildOrder, p.ChildAnswer] = Activity("look_at_child")
FORGET_DELETED: Activity[p.ForgetOrder, p.ForgetAnswer] = Activity("forget_deleted")
SEND_WEBHOOK: Activity[p.SendOrder, p.DeliverAnswer] = Activity("send_webhook")

ORCHESTRATORS = (GENERATE_JOB, MAKE_PICTURE, FORGET_JOBS, DELIVER_WEBHOOK)
ACTIVITIES = (
    PREPARE_IMAGE, SUBMIT_PREDICTION, RECORD_PREDICTION, CHECK_PREDICTION, CANCEL_PREDICTION, LEAVE_GATE, TELL_JOB,
    LOOK_AT_CHILD, FINISH_JOB, KEEP_LEFTOVER, FORGET_DELETED, SEND_WEBHOOK, TRANSLATE_PROMPT,
)  # fmt: skip

EVENT_CANCEL = "cancel"
#: The one instance that forgets deleted jobs.
JANITOR = "janitor"


#: What follows a job's id in an instance that makes one of its pictures: which picture, and the job's start if it is a later one.
PICTURE_SUFFIX = r"-[0-8](-[1-9])?"


def picture_instance_id(job_id: str, index: int, pictures: int, start: int = 0) -> str:
    """The instance that makes one picture: the job itself when it has only one, else a sub-orchestration.

    Children of a former start of the job may still be alive, so those of a later one have names of their own.
    """
    if pictures == 1:
        return job_id
    return f"{job_id}-{index}-{start}" if start else f"{job_id}-{index}"


def instance_ids(job_id: str, pictures: int, starts: int) -> list[str]:
    """Every instance that a job has or had."""
    children = [picture_instance_id(job_id, i, pictures, start) for start in range(starts + 1) for i in range(pictures)]
    return list(dict.fromkeys([job_id, *children]))


_WEBHOOK = "-webhook"


def webhook_instance_id(job_id: str) -> str:
    """The instance that tells the end of a job to the address its owner named; no part of the job's own story."""
    return f"{job_id}{_WEBHOOK}"


def is_webhook_instance(instance_id: str) -> bool:
    """Whether it is one of those, which wait for hours between their tries."""
    return instance_id.endswith(_WEBHOOK)


# Every event that is waited for has a name of its own: a wait is given early events of its name again and again
# (durable-host reference 4.9).


def slot_event(wait: int) -> str:
    """A slot was given to the picture's `wait`-th wait at a gate."""
    return f"slot-{wait}"


def ended_event(attempt: int) -> str:
    """The provider says that the prediction of the picture's `attempt`-th attempt has ended."""
    return f"ended-{attempt}"


def picture_event(index: int) -> str:
    """A picture has ended, while its orchestration goes on to watch a prediction."""
    return f"picture-{index}"
