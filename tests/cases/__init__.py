"""Inputs that real people send: whole bodies of forms (*.multipart), and prompts with what is to come of them
(prompts.json), which the page's tests read too."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

PROMPTS: list[dict[str, Any]] = json.loads((FOLDER / "prompts.json").read_text())
