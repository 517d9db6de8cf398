"""The console command ``spool-live``: ``tail`` follows a site, ``check`` finds out what does not
work."""

from spool_live.client.cli.command import add_tail_arguments, main, run

__all__ = ["add_tail_arguments", "main", "run"]
