"""What comes after a prediction, or after the want of one: another here, another elsewhere, or the end. Pure."""

from typing import Literal

from shared.domain.ledger import Ledger
from shared.domain.problem import ProblemData

Next = Literal["again here", "elsewhere", "end"]

#: What can be done about each way in which a picture fails at a generator; whatever else ends it. Moderation would refuse
#: elsewhere as well, or should have; a prediction that took too long may still be paid for.
REMEDIES: dict[str, tuple[Next, ...]] = {
    "provider_unavailable": ("again here", "elsewhere"),
    "provider_auth_failed": ("elsewhere",),
    "provider_quota_exhausted": ("elsewhere",),
}


def after_prediction(code: str, tries: int, resubmits: int, max_attempts: int, *, is_too_late: bool) -> Next:
    """What follows the `tries`-th prediction here, which failed with `code` and is worth `resubmits` new ones."""
    may_repeat = tries <= min(resubmits, max_attempts - 1) and not is_too_late
    return "again here" if may_repeat and "again here" in REMEDIES.get(code, ()) else "end"


def goes_elsewhere(problem: ProblemData, ledger: Ledger, *, is_transient: bool) -> bool:
    """Whether the next generator is asked for a picture that failed here.

    Only while it is sure that no send may still come to something, and that this failure costs nothing, or that the
    provider itself calls it transient (`is_transient`).
    """
    is_sure = problem["charged"] == "no" or is_transient
    return "elsewhere" in REMEDIES.get(problem["code"], ()) and is_sure and not ledger.is_open
