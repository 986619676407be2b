"""Every request to a provider is one that its limits count, and a second create is a second picture to pay for."""

import pytest

from bench.steps import counted
from tests import pictures
from tests.hub import Hub
from tests.stack import Stack

#: Of a job whose provider takes 3 s.
MOST_LOOKS = 6


@pytest.mark.stack
def test_a_job_asks_its_provider_for_no_more_than_this(stack: Stack) -> None:
    stack.configure(bfl={"delay_seconds": 3}, replicate={"delay_seconds": 3})
    image = pictures.photo_jpeg(400, 400)
    posted = {"bfl": stack.goods(image), "replicate": stack.ppl(image, image)}

    for provider, answer in posted.items():
        job = stack.ended(answer.json()["id"])
        assert job["status"] == "succeeded"
        asked = stack.stats(provider)
        found = {name: asked[name] for name in ("create_requests", "downloads", "lists", "cancel_requests", "refused")}
        assert found == {"create_requests": 1, "downloads": 1, "lists": 0, "cancel_requests": 0, "refused": 0}
        looks = counted(Hub(stack.folder).history(job["id"])).looks
        assert asked["polls"] == looks <= MOST_LOOKS
        # And nothing else, whatever it may be; one more where somebody asks whether the app is ready: after the account.
        assert sum(asked["http"].values()) <= 1 + asked["polls"] + 1 + 1
