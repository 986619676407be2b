"""Names stored by the task hub. Renaming one breaks orchestrations in flight: it is a migration, not an edit."""

GENERATE_JOB = "generate_job"
MAKE_PICTURE = "make_picture"

PREPARE_IMAGE = "prepare_image"
ENTER_GATE = "enter_gate"
SUBMIT_PREDICTION = "submit_prediction"
CHECK_PREDICTION = "check_prediction"
CANCEL_PREDICTION = "cancel_prediction"
LEAVE_GATE = "leave_gate"
FINISH_JOB = "finish_job"
KEEP_LEFTOVER = "keep_leftover"

ORCHESTRATORS = (GENERATE_JOB, MAKE_PICTURE)
ACTIVITIES = (
    PREPARE_IMAGE, ENTER_GATE, SUBMIT_PREDICTION, CHECK_PREDICTION, CANCEL_PREDICTION, LEAVE_GATE, FINISH_JOB, KEEP_LEFTOVER,
)  # fmt: skip

EVENT_CANCEL = "cancel"


def picture_instance_id(job_id: str, index: int, pictures: int) -> str:
    """The instance that makes one picture: the job itself when it has only one, else a sub-orchestration."""
    return job_id if pictures == 1 else f"{job_id}-{index}"


# Every event that is waited for has a name of its own: a wait is given early events of its name again and again
# (durable-host reference 4.9).


def slot_event(wait: int) -> str:
    """A slot was given to the picture's `wait`-th wait at a gate."""
    return f"slot-{wait}"


def ended_event(submission: int) -> str:
    """The provider says that the picture's `submission`-th prediction has ended."""
    return f"ended-{submission}"
