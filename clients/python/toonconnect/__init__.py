"""Client of the ToonConnect image generation API.

    from toonconnect import Client

    client = Client("http://127.0.0.1:7071")
    job = client.goods("character.png", preset="mug")
    job = client.wait(job)
    client.save(job, "mug.png")

Whatever is sent twice is made, and paid for, once: each call that makes a job has a key of its own, which is kept over its
retries.
"""

from .client import Client, Image, Job, new_owner_token, picture_of
from .errors import ApiError, JobFailed, NoAnswer, ToonConnectError
from .webhooks import BadSignature, verify_webhook

__all__ = [
    "ApiError",
    "BadSignature",
    "Client",
    "Image",
    "Job",
    "JobFailed",
    "NoAnswer",
    "ToonConnectError",
    "new_owner_token",
    "picture_of",
    "verify_webhook",
]
