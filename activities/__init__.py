"""One verb per file; every side effect of a job lives here. Payload in, payload out."""

from activities import (
    cancel_prediction,
    check_prediction,
    finish_job,
    forget_jobs,
    keep_leftover,
    leave_gate,
    look_at_child,
    prepare_image,
    record_prediction,
    send_webhook,
    submit_prediction,
    tell_job,
    translate_prompt,
)

blueprints = (
    prepare_image.blueprint,
    translate_prompt.blueprint,
    submit_prediction.blueprint,
    record_prediction.blueprint,
    check_prediction.blueprint,
    cancel_prediction.blueprint,
    leave_gate.blueprint,
    tell_job.blueprint,
    look_at_child.blueprint,
    finish_job.blueprint,
    keep_leftover.blueprint,
    forget_jobs.blueprint,
    send_webhook.blueprint,
)
