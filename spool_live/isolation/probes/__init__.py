"""Attacks on probe sites: what a token can do, tried."""
