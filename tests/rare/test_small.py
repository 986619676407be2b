from activities.finish_job import finish
from activities.keep_leftover import keep
from shared import names
from tests.activities.orders import finish_order, keep_order, picture_end
from triggers.job_view import JobNotFound
from triggers.webhooks import _is_instance


def test_a_webhook_reaches_the_picture_of_a_job_that_was_started_again() -> None:
    job = "job_01m8cakb869wpm4fp8snkev0hw"
    assert _is_instance(names.picture_instance_id(job, 1, 3, 0))
    assert _is_instance(names.picture_instance_id(job, 1, 3, 1))


def test_404_of_a_job_that_was_deleted_and_paid_does_not_say_no() -> None:
    assert JobNotFound().problem.charged == "unknown"


def test_a_late_keep_does_not_lower_what_is_known(services) -> None:
    """The watch of a former start stood still in its KEEP; the one of the later start has told the picture."""
    finish(services, finish_order(picture_end(state="failed")))
    keep(services, keep_order(picture_end()))
    before = services.jobs.read("job_1")
    keep(services, keep_order(picture_end(state="failed", is_watched=False)))
    after = services.jobs.read("job_1")
    assert after["usage"] == before["usage"], (before["usage"], after["usage"])
