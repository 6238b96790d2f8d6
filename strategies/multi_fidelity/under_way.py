"""Whose result it is that has come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from nasbench.strategy import Proposal

Owner = TypeVar("Owner")


class UnderWay(Generic[Owner]):
    """Proposals whose results are outstanding, each with what it belongs to.

    The same architecture may be under way twice for as many epochs; what was proposed first is then told first.
    """

    def __init__(self) -> None:
        self._owners: dict[tuple[bytes, int], list[Owner]] = {}

    def start(self, proposal: Proposal, owner: Owner) -> None:
        """Note that a proposal is made."""
        self._owners.setdefault((proposal.architecture.tobytes(), proposal.epochs), []).append(owner)

    def end(self, proposal: Proposal) -> Owner | None:
        """Return what a proposal belongs to, and forget it; None if it was not proposed."""
        key = proposal.architecture.tobytes(), proposal.epochs
        owners = self._owners.get(key)
        if owners is None:
            return None
        owner = owners.pop(0)
        if not owners:
            del self._owners[key]
        return owner
