"""A local Functions host for Python v2 apps: HTTP, queue and timer triggers, and Durable on one SQLite file."""
