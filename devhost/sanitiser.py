"""What the Functions host hides in error texts: it bites where an error text carries JSON, as a failed orchestrator's does."""

import re

_UP_TO_A_QUOTE = re.compile(
    r"(?<!PublicKey)(?:Token=|AccountKey=|DefaultEndpointsProtocol=http|Data Source=|Server=|Password=|pwd=|[&?]sig=|"
    r"SharedAccessKey=|[&?]code=|key=)[^<\"']*",
    re.IGNORECASE,
)
_URL_WITH_PASSWORD = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@\"']+:[^\s:/@\"']+@[^\s:/\"']+:\d+", re.IGNORECASE)


def sanitised(text: str) -> str:
    """The text with everything that looks like a secret cut out, up to the next quote or bracket."""
    return _URL_WITH_PASSWORD.sub("[Hidden Credential]", _UP_TO_A_QUOTE.sub("[Hidden Credential]", text))
