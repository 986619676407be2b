"""Which instances this code can tell the story of."""

import azure.durable_functions as df

from shared import names


class OtherStory(Exception):
    """The instance was begun by another version of the code; its history cannot be replayed by this one."""


def refuse_other_stories(context: df.DurableOrchestrationContext) -> None:
    """End an instance of an older version at once, as Failed: it is started again from its records (shared/starting.py).

    `defaultVersion` of host.json stamps each instance; without one (a bench) it is of today.
    """
    version = context.version
    if version and version.split(".")[0].isdigit() and int(version.split(".")[0]) < names.STORY_VERSION:
        raise OtherStory(f"begun by version {version}, this is {names.STORY_VERSION}")
