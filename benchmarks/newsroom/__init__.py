"""Content models, one for each peer, all with the same ten fields."""
