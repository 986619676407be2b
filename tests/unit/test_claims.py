"""Who has a key or a slot keeps it: by asking again it neither loses nor gains."""

from shared.storage.key_store import Fingerprints
from tests.unit.test_gate import Clocked
from tests.unit.test_key_store import KEY_ABANDONED, NAME, SECOND, Keys, Known, Taken


def test_a_key_that_was_taken_over_stands_for_the_one_job_that_both_posts_make() -> None:
    keys = Keys()
    keys.take(NAME, Fingerprints("f"), "job_1")
    keys.now += KEY_ABANDONED
    assert keys.take(NAME, Fingerprints("f"), "job_2") == Taken("job_1")

    job = keys.made("job_1")
    keys.now += KEY_ABANDONED + SECOND
    assert keys.take(NAME, Fingerprints("f"), "job_3") == Known(job)


def test_who_has_a_slot_and_asks_again_does_not_lose_it_to_one_who_came_earlier() -> None:
    gate = Clocked(limit=1)
    assert gate.enter("x/0").granted
    assert not gate.enter("a/0").granted

    assert gate.enter("x/0").granted
    assert set(gate.at().document["active"]) == {"x/0"}
    assert set(gate.at().document["waiting"]) == {"a/0"}
