"""Start a few processes in order, and end all of them."""

from .service import Command, Service, ServiceFailed
from .supervisor import Supervisor

__all__ = ["Command", "Service", "ServiceFailed", "Supervisor"]
