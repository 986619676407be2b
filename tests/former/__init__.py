"""What the former version of the app left behind when it was killed, and how a stack is made to find it."""
