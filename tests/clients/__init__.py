"""Both clients of the API, asked the same things and held to the same answers."""
