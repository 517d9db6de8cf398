"""A table of saves: each behaves as without the app, and is recorded as the database has it."""
