"""Jobs at once, 3 s each at the provider, with clients that look at theirs once a second: from the first POST until the last job
has ended. Both caps at BFL and the simulator's are out of the way. The service that was replaced makes goods one after the other.
"""

import statistics
from collections.abc import Iterator

from bench import clients, hosts
from bench.clients import Form
from bench.table import Row, spread
from tests import pictures

SECONDS = 3.0
#: Jobs at once, and how many times.
GOODS, PPL = {1: 3, 8: 2, 32: 3, 128: 1}, {1: 2, 32: 2}
BASELINE_GOODS, BASELINE_PPL = {1: 1, 8: 1}, {1: 1, 32: 1}
JUDGED, GOAL = 32, 1.5


def rows(is_long: bool) -> Iterator[Row]:
    image = pictures.photo_jpeg(800, 800)
    goods, ppl = clients.goods(image), clients.ppl(image, image)
    with hosts.fresh_stack(SECONDS, is_told=True) as stack:
        with hosts.Baseline(stack.simulators) as baseline:
            old_goods = {n: _whole(baseline.url, goods, n, times) for n, times in BASELINE_GOODS.items()}
            old_ppl = {n: _whole(baseline.url, ppl, n, times) for n, times in BASELINE_PPL.items()}
        for kind, form, numbers, old in (("goods", goods, GOODS, old_goods), ("PPL, told", ppl, PPL, old_ppl)):
            clients.together(stack.url, [form] * 8)
            alone = 0.0
            for number, times in numbers.items():
                with hosts.spent(hosts.host_of(stack)) as cpu:
                    seconds = _whole(stack.url, form, number, times)
                alone = alone or statistics.median(seconds)
                yield _row(kind, number, seconds, old.get(number), alone, cpu[0] / number / times)


def _whole(url: str, form: Form, number: int, times: int) -> list[float]:
    return [clients.until_last(clients.together(url, [form] * number)) for _ in range(times)]


def _row(kind: str, number: int, seconds: list[float], old: list[float] | None, alone: float, cpu: float) -> Row:
    median = statistics.median(seconds)
    is_judged = kind == "goods" and number == JUDGED
    return Row(
        f"{kind}, {number} at once: {median / alone:.2f} x one", spread(seconds), spread(old) if old else "",
        median / statistics.median(old) if old else None,
        f"<= {GOAL} x one" if is_judged else "", median <= GOAL * alone if is_judged else None,
        f"{cpu:.2f} s of the host's one Python a job, {cpu * number:.1f} s in all" if number > 1 else "the provider",
    )  # fmt: skip
