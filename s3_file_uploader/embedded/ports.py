"""Addresses and ports of this machine."""

import errno
import secrets
import socket

LOOPBACK = "127.0.0.1"
EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - only where it is asked for
# Below the ports that Linux (32768) and macOS (49152) lend to outgoing connections: those may be gone tomorrow.
PORTS = range(20_000, 30_000)


def free_port(address: str = LOOPBACK) -> int:
    """Return a port that nobody listens on, at random so that two who ask get two."""
    candidates = secrets.SystemRandom().sample(PORTS, len(PORTS))
    return next(filter(lambda port: port_is_free(address, port), candidates))


def port_is_free(address: str, port: int) -> bool:
    """Tell whether one could listen there now.

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


def answers(address: str, port: int) -> bool:
    """Tell whether somebody listens there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((reached_at(address), port)) == 0


def reached_at(address: str) -> str:
    """Return the address under which this machine reaches what listens on the given one."""
    return LOOPBACK if address == EVERY_ADDRESS else address
