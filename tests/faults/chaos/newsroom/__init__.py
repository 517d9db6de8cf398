"""What the editors of the run edit, and their ledger."""
