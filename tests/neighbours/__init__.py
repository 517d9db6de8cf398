"""A project full of well-known packages, and what an edit through each of them records."""
