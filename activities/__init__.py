"""One verb per file; every side effect of a job lives here. Payload in, payload out."""

from activities import (
    cancel_prediction,
    check_prediction,
    enter_gate,
    finish_job,
    keep_leftover,
    leave_gate,
    prepare_image,
    submit_prediction,
)

blueprints = (
    prepare_image.blueprint,
    enter_gate.blueprint,
    submit_prediction.blueprint,
    check_prediction.blueprint,
    cancel_prediction.blueprint,
    leave_gate.blueprint,
    finish_job.blueprint,
    keep_leftover.blueprint,
)
