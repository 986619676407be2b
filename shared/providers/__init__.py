"""The companies that make pictures. What is shaped like a provider stays in that provider's module."""
