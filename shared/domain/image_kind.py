"""What a file is by its first bytes; names and content types are what the sender claims."""


def sniff_image(head: bytes) -> str | None:
    """The content type of a PNG, JPEG or WebP file from at least its first 12 bytes; None for anything else."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None


EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
