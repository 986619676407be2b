"""What an ended job tells: until when it is kept, and what a job of the former version owes for each picture."""

from typing import Any

import pytest

from shared.domain.job import amended, charged, ended_pictures, finished, is_watched
from shared.domain.ledger import Ledger
from shared.domain.payloads import FinishOrder
from tests.unit.test_job import ENDED, GOING_ON, MADE, PRICES, STOPPED, at, document, finish


@pytest.mark.parametrize(("days", "expires"), [(1, "2026-06-02"), (30, "2026-07-01"), (365, "2027-06-01")])
def test_a_job_is_kept_for_as_many_days_as_the_setting_says(days: int, expires: str) -> None:
    order: FinishOrder = {"job_id": "job_1", "traceparent": None, "started_at": at(1), "problem": None, "pictures": [MADE]}

    assert finished(document(), order, PRICES, ENDED, days)["expires_at"][:10] == expires


@pytest.mark.parametrize("owed", ["yes", "unknown", "no"])
def test_a_canceled_picture_of_a_former_job_owes_what_was_told_of_it(owed: str) -> None:
    """It has no error that would say so."""
    former: dict[str, Any] = document(2, status="canceled", charges={"0": owed, "1": "no"})

    assert [Ledger.from_payload(picture["sends"]).charged for picture in ended_pictures(former)] == [owed, "no"]
    assert charged(former) == owed


def test_a_word_that_comes_out_of_order_neither_takes_up_a_watch_that_is_over_nor_hides_what_was_known() -> None:
    told = amended(finish(GOING_ON), MADE, PRICES)
    late = amended(amended(told, STOPPED, PRICES), GOING_ON, PRICES)

    assert not is_watched(late)
    assert (late["outputs"], late["usage"], late["error"]["charged"]) == (told["outputs"], told["usage"], "yes")
