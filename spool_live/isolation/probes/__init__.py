"""Attacks on probe sites: each thing that a token must not be able to do is tried."""
