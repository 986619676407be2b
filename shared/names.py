"""Names stored by the task hub. Renaming one breaks orchestrations in flight: it is a migration, not an edit."""

GENERATE_JOB = "generate_job"
MAKE_PICTURE = "make_picture"

PREPARE_IMAGE = "prepare_image"
SUBMIT_PREDICTION = "submit_prediction"
CHECK_PREDICTION = "check_prediction"
CANCEL_PREDICTION = "cancel_prediction"
FINISH_JOB = "finish_job"

ORCHESTRATORS = (GENERATE_JOB, MAKE_PICTURE)
ACTIVITIES = (PREPARE_IMAGE, SUBMIT_PREDICTION, CHECK_PREDICTION, CANCEL_PREDICTION, FINISH_JOB)

EVENT_CANCEL = "cancel"


def picture_instance_id(job_id: str, index: int, pictures: int) -> str:
    """The instance that makes one picture: the job itself when it has only one, else a sub-orchestration."""
    return job_id if pictures == 1 else f"{job_id}-{index}"
