"""The client's engine: one ``Feed`` for each site, key and event loop, and the parts it owns.

- ``Feed`` builds everything below, runs it in one task and is shared by all clients of the site.
- ``Supervisor`` owns the socket: it takes a ``RealtimeToken`` from ``TokenSource``, opens a
  ``RealtimeConnection``, and discards it after any error. ``Watchdog`` detects a dead socket.
- ``CatchUp`` alone reads the log (``UpdateLog``: the CMS through ``ContentApi``, or else
  PostgREST). Socket and log both feed the ``Stream``.
- ``Stream`` owns the ``Sequencer`` (order, gaps, duplicates) and passes each update to every
  ``Consumer``. A ``Consumer`` belongs to one client. ``CursorKeeper`` saves its position.
"""
