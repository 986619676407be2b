"""What triggers and activities share: the pure domain, and adapters to providers, storage, secrets and images."""
