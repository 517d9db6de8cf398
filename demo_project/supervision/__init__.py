"""Starting a handful of processes in order, and never leaving one behind."""

from .service import Command, Service, ServiceFailed
from .supervisor import Supervisor

__all__ = ["Command", "Service", "ServiceFailed", "Supervisor"]
