"""The models that make pictures, each at the provider that runs it. A new one is a module here and a line in registry.py."""
