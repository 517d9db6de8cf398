"""The HTTP API that subscribers use: token, catch-up, site."""
