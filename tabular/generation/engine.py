"""The protocol of what trains the groups of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from tabular.generation.journal import Record
    from tabular.generation.workshop import Job, Workshop


class Engine(Protocol):
    """Trains groups somewhere and journals them.

    Whatever an engine does, a table has the same numbers: it only decides where and when a group is trained. One that
    takes all jobs before the first has ended says so by an attribute ``takes_all``, which is True; it knows no budget.
    """

    def train(self, workshop: Workshop, jobs: Iterable[Job]) -> Generator[list[Record], None, None]:
        """Yield the trainings of each group when they are done and in a journal in ``workshop.folder``.

        Parameters
        ----------
        workshop : Workshop
        jobs : iterable of Job
            The next one is taken when somebody is free for it. It may end at any moment, when the time is up.

        Raises
        ------
        NasbenchError
            If a group cannot be trained. What was finished is in the journals.
        """
        ...
