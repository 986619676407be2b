"""What a job's JSON says of money: what is paid, what may still be charged, and whether that is the last word.

`cost_usd` is never less than what may come: a prediction of which nobody knows yet counts with its price, a running picture with
what it is expected to cost. `open_usd` says how much of it may still fall away; it is corrected when that is known.
"""

from collections.abc import Sequence
from typing import Any

from shared.domain.job import Document, Prices, ended_pictures, is_terminal, is_watched
from shared.domain.ledger import Ledger
from shared.domain.warning import WarningData, warning


def usage(document: Document, live: dict[str, Any], prices: Prices) -> dict[str, Any]:
    pictures = [of_picture(document, live, index, prices) for index in range(len(document["seeds"]))]
    known = document["usage"]
    if is_terminal(document["status"]):
        unknown = sum(_ledger_of(picture).open_usd(prices) for picture in ended_pictures(document))
        cost, is_settled = known["cost_usd"] + unknown, known.get("settled", True)
    else:
        cost, is_settled = sum(picture["cost_usd"] or 0.0 for picture in pictures), False
        unknown = cost - sum(ledger.cost_usd(prices) for ledger in _live_ledgers(document, live) if ledger is not None)
    return {
        "cost_usd": _said(cost, is_known=is_settled), "open_usd": round(max(0.0, unknown), 4),
        "estimated": known["estimated"] or unknown > 0, "settled": is_settled,
    }  # fmt: skip


def of_picture(document: Document, live: dict[str, Any], index: int, prices: Prices) -> dict[str, Any]:
    """`charged`, `cost_usd` and `settled` of one of the job's pictures. While the job runs "no" is said of none: the next moment
    may send it."""
    if is_terminal(document["status"]):
        picture = next((p for p in ended_pictures(document) if p["index"] == index), None)
        ledger = _ledger_of(picture or {})
        charged, cost, is_settled = ledger.charged, ledger.cost_usd(prices) + ledger.open_usd(prices), ledger.is_settled
    else:
        seen = _live_ledgers(document, live)[index] or Ledger()
        charged, is_settled = ("yes" if seen.charged == "yes" else "unknown"), False
        cost = seen.cost_usd(prices) + seen.open_usd(prices) or document["usage"]["cost_usd"] / len(document["seeds"])
    return {"charged": charged, "cost_usd": _said(cost, is_known=charged != "unknown"), "settled": is_settled}


def warnings(document: Document) -> list[WarningData]:
    """That the provider goes on with what nobody waits for any more. Documents of before do not say."""
    return [warning("prediction_goes_on")] if "pictures" in document and is_watched(document) else []


def _live_ledgers(document: Document, live: dict[str, Any]) -> Sequence[Ledger | None]:
    """By picture, as its story shows it; None of one of which nothing is known: a story of the version before shows none."""
    count = len(document["seeds"])
    sends = live.get("ledgers") if count > 1 else [live.get("sends")]
    told = sends if isinstance(sends, list) and len(sends) == count else [None] * count
    return [None if rows is None else Ledger.from_payload(rows) for rows in told]


def _ledger_of(picture: dict[str, Any]) -> Ledger:
    return Ledger.from_payload(picture.get("sends") or ())


def _said(cost: float, *, is_known: bool) -> float | None:
    """Nothing is said rather than 0.0 of what may cost something: of a model whose price is not known any more."""
    rounded = round(cost, 4)
    return rounded if rounded or is_known else None
