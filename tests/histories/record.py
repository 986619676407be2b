"""`python -m tests.histories.record`: tells every story with today's orchestrators and keeps its history.

For a new story, and with a new names.STORY_VERSION; otherwise what is kept stays as it is, since instances of earlier days are
told on by today's code.
"""

import sys
from pathlib import Path

from devhost.histories import write_history
from shared import names
from tests.histories.stories import STORIES
from tests.orchestrators import story

KEPT = Path(__file__).resolve().parent / "kept"
#: Of stories that are no job's.
_ROOTS = {"janitor": names.JANITOR, "webhook_told_at_last": names.webhook_instance_id(story.JOB)}


def main() -> int:
    for told in KEPT.glob("*.json"):
        told.unlink()
    for make in STORIES:
        told_story = make()
        if told_story.outcome.status != "Completed":
            print(f"{make.__name__} ended as {told_story.outcome.status}: {told_story.outcome.output}", file=sys.stderr)
            return 1
        root = _ROOTS.get(make.__name__, story.JOB)
        write_history(told_story.bench, root, KEPT / f"{make.__name__}.json")
    print(f"{len(STORIES)} histories in {KEPT}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
