"""The kind of service that this app replaces: what `make bench` measures beside it."""
