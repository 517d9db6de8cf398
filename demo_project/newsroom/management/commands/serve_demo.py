"""``manage.py serve_demo --fd N``: Django's threaded server on an inherited socket."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from argparse import ArgumentParser
from typing import Any

from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management.base import BaseCommand
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application

from demo_project.celery import app as celery_app


class Command(BaseCommand):
    help = "Serve the demo's pages, admin, API and static files. Run by the demo command."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--fd", type=int, required=True, help="A socket that listens already.")

    def handle(self, *args: Any, **options: Any) -> None:
        # SystemExit runs the exit handlers, so that the last nudge is still sent.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit())
        server = InheritedServer(socket.socket(fileno=options["fd"]))
        server.set_app(StaticFilesHandler(get_wsgi_application()))
        threading.Thread(target=greet_broker, daemon=True).start()
        server.serve_forever()


def greet_broker() -> None:
    """Load the tasks and connect to the broker now, so that the first nudge does not wait."""
    celery_app.finalize(auto=True)
    with celery_app.producer_or_acquire() as producer:
        producer.connection.ensure_connection(max_retries=3)


class InheritedServer(ThreadedWSGIServer):
    """A server like ``runserver``'s, on a socket that its parent process has reserved."""

    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        super().__init__(listener.getsockname(), WSGIRequestHandler)

    def server_bind(self) -> None:
        self.socket.close()
        self.socket = self._listener
        self.server_name, self.server_port = self.socket.getsockname()
        self.setup_environ()

    def server_activate(self) -> None:
        """Do nothing: the socket is already listening."""
