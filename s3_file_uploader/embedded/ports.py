"""Addresses and ports of this machine."""

import errno
import secrets
import socket

LOOPBACK = "127.0.0.1"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - only if the caller asks for it
# Below the ports that Linux (32768) and macOS (49152) lend to outgoing connections: those may be taken tomorrow.
PORTS = range(20_000, 30_000)


def free_port(address: str = LOOPBACK) -> int:
    """Return a port on which nothing listens; it is random, so that two callers get different ones."""
    candidates = secrets.SystemRandom().sample(PORTS, len(PORTS))
    return next(filter(lambda port: is_port_free(address, port), candidates))


def is_port_free(address: str, port: int) -> bool:
    """Return True if a server could listen there now.

    Raises:
        OSError: this machine does not have the address, or may not listen on such a port.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def is_server_at(address: str, port: int) -> bool:
    """Return True if a server accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((local_address(address), port)) == 0


def local_address(address: str) -> str:
    """Return the address at which this machine reaches a server that listens on the given one."""
    return LOOPBACK if address == EVERY_ADDRESS else address
