"""Simulated participants over the real HTTP and the real socket, who remember what they are owed.

Two kinds. A :class:`Fleet` of :class:`Member` is for whoever kills the server under it: everybody
folds all they are sent into a picture of the room, sends again what was not answered, and compares
everything. The load generator, ``python -m evals.performance.fleet``, holds ten thousand sockets
in one process and checks every frame at a cost that leaves the machine to the servers. Nothing here
is part of the server.
"""

from .company import Fleet
from .ledger import Acknowledged, Command, Ledger, Owed, Unexpected
from .member import HOST, Gate, Member, seen

__all__ = [
    "HOST",
    "Acknowledged",
    "Command",
    "Fleet",
    "Gate",
    "Ledger",
    "Member",
    "Owed",
    "Unexpected",
    "seen",
]
