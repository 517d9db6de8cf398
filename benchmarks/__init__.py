"""Benchmarks: every figure beside its peer, its goal and its limit, measured in the same run.

``python -m benchmarks`` (or ``tox run -e bench``) runs them all; ``--help`` names the suites.
"""
