"""The app without money: simulators/ inside the app's own process stand in for the providers (SANDBOX=true; decision 26).

The only room that knows both the app and the simulators. function_app.py imports it in a sandbox and nowhere else.
"""

from sandbox.server import open_sandbox

__all__ = ["open_sandbox"]
