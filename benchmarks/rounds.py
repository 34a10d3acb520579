"""Rounds in which every contender has a turn, so that drifts of the machine affect all of them."""

import sys
from collections.abc import Iterable

from .contenders import Contender, Figures, Runs
from .errors import ContenderFailed
from .options import Options


def alternated(what: str, contenders: Iterable[Contender], options: Options) -> Runs:
    """Run all contenders in turn for the given number of rounds. Return the figures of each, by round.

    Args:
        what: the name in the progress on standard error.
        contenders: the contenders, of which the options may skip some.
        options: rounds, and contenders to skip.

    Raises:
        ContenderFailed: the named contender failed.
    """
    taking_part = [contender for contender in contenders if contender.key not in options.skip]
    runs: Runs = {contender.name: [] for contender in taking_part}
    for number in range(1, options.rounds + 1):
        # The first to use pages of memory pays for them, so every second round is in the reverse order.
        for contender in taking_part if number % 2 else reversed(taking_part):
            figures = _run(contender)
            runs[contender.name].append(figures)
            shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            print(f"{what}, round {number} of {options.rounds}, {contender.name}: {shown}", file=sys.stderr)
    return runs


def _run(contender: Contender) -> Figures:
    try:
        return contender.run()
    except ContenderFailed as error:
        raise ContenderFailed(f"{contender.name}: {error}") from error
