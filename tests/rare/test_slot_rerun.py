"""run=0 start on an ended id: is a slot taken and left while the instance is over?"""

from shared import starting
from tests.orchestrators.house import House, do
from tests.orchestrators.story import JOB


def test_slot_of_a_second_telling() -> None:
    house = House(can_find=False)
    document = house.accept()
    do(starting.ensure_started(house.services, house.client, document, is_new=False))
    house.go_on()
    do(starting.ensure_started(house.services, house.client, document, is_new=True))
    house.go_on(600)
    assert house.bench.instances()[JOB] == "Completed"
    assert not house.held, house.held
