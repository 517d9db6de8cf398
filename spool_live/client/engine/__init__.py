"""What makes a client go: one `Feed` per site, key and event loop, and what it owns.

- `Feed` builds everything below, runs it in one task and is shared by all clients of the site.
- `Supervisor` owns the socket: it takes a `Token` from `TokenSource`, opens a `RealtimeConnection`,
  and throws it away after any error. `Watchdog` is its judgement of a socket that stays silent.
- `CatchUp` is the only one that reads the log (`UpdateLog`: the CMS through `ContentApi`, or else
  PostgREST); socket and log both feed the `Stream`.
- `Stream` owns the `Sequencer` (order, gaps, duplicates) and hands each update to every `Consumer`;
  a `Consumer` belongs to one client, which takes from it, and `CursorKeeper` saves how far it came.
"""
