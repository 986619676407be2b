"""Blob Storage: where images and job documents live, and the signed links to them."""
