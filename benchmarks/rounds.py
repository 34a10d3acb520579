"""Rounds in which every contender has its turn, so that whatever drifts hits all alike."""

import sys
from collections.abc import Iterable

from .contenders import Contender, Figures, Runs
from .errors import ContenderFailed
from .options import Options


def alternated(what: str, contenders: Iterable[Contender], options: Options) -> Runs:
    """Run all of them in turn, as many rounds as asked for; return the figures of each, round by round.

    Args:
        what: said with the progress, on standard error.
        contenders: those that the options skip are left out.
        options: rounds and contenders to skip.

    Raises:
        ContenderFailed: one did; it is named.
    """
    taking_part = [contender for contender in contenders if contender.key not in options.skip]
    runs: Runs = {contender.name: [] for contender in taking_part}
    for number in range(1, options.rounds + 1):
        for contender in taking_part:
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
