"""The HTTP contract: the document is sound, the app keeps to it, and nothing that was promised is taken back."""
