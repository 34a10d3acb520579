"""The case: what the operator named, and what earlier examinations learnt."""

from dataclasses import dataclass, field

from ...s3.trials.reach import StoreAnswer
from ...s3.trials.scratch import Scratch


@dataclass(slots=True)
class Case:
    """The state of one run.

    Attributes:
        bucket: name of the bucket; empty until one is chosen.
        address: address of the service for its clients, empty if it is not to be asked.
        fixes: True if CORS and lifecycle rules may be set.
        answer: the answer of the store.
        scratch: the scratch objects, once something may have been written.
        blocked: the examination to blame, by the name of each that did not succeed.
    """

    bucket: str = ""
    address: str = ""
    fixes: bool = False
    answer: StoreAnswer | None = None
    scratch: Scratch | None = None
    blocked: dict[str, str] = field(default_factory=dict)
