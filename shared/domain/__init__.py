"""Rules and data without I/O: no clock, no randomness, no Azure, no HTTP. Orchestrators may import it."""
