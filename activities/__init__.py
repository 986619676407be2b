"""One verb per file; every side effect of a job lives here. Payload in, payload out."""

from activities import cancel_prediction, check_prediction, finish_job, prepare_image, submit_prediction

blueprints = (
    prepare_image.blueprint,
    submit_prediction.blueprint,
    check_prediction.blueprint,
    cancel_prediction.blueprint,
    finish_job.blueprint,
)
