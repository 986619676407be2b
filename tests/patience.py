"""How long a test waits for what comes in a moment on a quiet machine, before it says that it did not come.

Only a test that fails waits so long. A bound near what something usually takes is one on who else uses the machine.
"""

PATIENCE = 180.0
#: The same for a browser.
PATIENCE_MS = 1000 * PATIENCE
