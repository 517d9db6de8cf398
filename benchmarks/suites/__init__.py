"""The suites: each a function from the rig to its figures."""
