"""The HTTP contract as a document: OpenAPI 3.1, and a page that shows it.

Limits, choices and codes come from the tables that the app checks with (`shared.domain`); what stands here alone is what a field
is called for, and which problems an operation can answer with. Tests hold every answer that they see against it. Nothing imports
this before somebody asks for the document: a cold start does not pay for it.
"""
