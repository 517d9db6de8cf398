"""Content in as many ways as there are peers: the same ten fields each time."""
