"""A strategy of your own: the whole of it."""

from nasbench import Proposal, Strategy


class Greedy(Strategy):
    """Mutates the best architecture so far."""

    best, value = None, -float("inf")

    def ask(self):
        row = self.space.sample(self.rng) if self.best is None else self.space.mutate(self.best, self.rng)
        return Proposal(row, epochs=self.fidelities[-1])

    def tell(self, proposal, value, seconds):
        if value > self.value:
            self.best, self.value = proposal.architecture, value
