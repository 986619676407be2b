"""The operator's command line: what is stuck and why, cancel and replay, pause and resume, keys, a smoke job. Never deployed."""
