"""A web process of the project: the API alone, ``python -m tests.worker.web PORT``."""

from __future__ import annotations

import os
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django


class Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Says nothing."""


def main(port: str) -> None:
    """Serves until it is killed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.worker.settings")
    django.setup()
    from django.core.wsgi import get_wsgi_application

    with make_server("127.0.0.1", int(port), get_wsgi_application(), handler_class=Quiet) as server:
        print("Serving", flush=True)  # noqa: T201 - for the test that waits for it
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
