"""What the guide reckons a month of watching with is what is deployed."""

from collections import Counter

from bench.capacity import LOG_ALERTS, TESTED_FROM
from tests.infra.compiler import Infra


def test_alerts_cost_what_the_deployed_ones_do(infra: Infra) -> None:
    production = infra.snapshots["prod"]
    rules = production.all("Microsoft.Insights/scheduledQueryRules")
    test = production.one("Microsoft.Insights/webtests")["properties"]

    minutes = Counter(int(rule["properties"]["evaluationFrequency"].removeprefix("PT").removesuffix("M")) for rule in rules)
    assert minutes == LOG_ALERTS
    assert (len(test["Locations"]), test["Frequency"]) == (TESTED_FROM, 300)
