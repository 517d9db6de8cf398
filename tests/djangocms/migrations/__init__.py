"""The plugin's table."""
