"""The recurrent controller that writes an architecture choice after choice.

Section 3.1 of Zoph and Le, ICLR 2017.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strategies.reinforcement.policy import draw_inside
from strategies.strategy import Proposal, Strategy
from tabular.work import one_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.spaces.space import Space

    Floats = NDArray[np.float64]


class Reading(NamedTuple):
    """The probabilities that a controller gives to rows, and its states on the way."""

    rows: NDArray[np.uint8]
    """The rows, (B, L)."""
    log_softmax: Floats
    """Logarithms of the probabilities of each choice, (L, B, C), -inf beyond a position's last."""
    hidden: list[Floats]
    """Of each layer, h before the first choice and at each, (L + 1, B, H)."""
    cells: list[Floats]
    """Of each layer, the same of c."""
    gates: list[Floats]
    """Of each layer, i, f, o and g at each choice, (L, B, 4H)."""

    @property
    def log_probabilities(self) -> Floats:
        """Return the logarithm of the probability of each choice taken, (B, L).

        It is given the choices of the row before it.
        """
        batch, length = self.rows.shape
        chosen: Floats = self.log_softmax[np.arange(length)[:, None], np.arange(batch), self.rows.T].T
        return chosen

    @property
    def entropies(self) -> Floats:
        """Entropy of the softmax that each choice was drawn from, in nats, (B, L)."""
        entropies: Floats = -_p_log_p(self.log_softmax).sum(axis=2).T
        return entropies


class Controller:
    """An LSTM with a softmax for each position over its own choices.

    LSTM is that of Hochreiter and Schmidhuber (1997). The input at a position is the choice at the one before, one-hot;
    every pair of position and choice has an input of its own, and the first position has one more.

    Parameters
    ----------
    cardinalities : (L,) int
        Choices at each position.
    hidden : int
        H, units of a layer.
    layers : int
    spread : float
        All weights start uniform between -spread and spread.
    rng : numpy.random.Generator
        Draws the weights.

    Attributes
    ----------
    theta : (P,) float64
        All weights; other arrays are views of it.
    """

    def __init__(
        self, cardinalities: NDArray[np.int64], hidden: int, layers: int, spread: float, rng: np.random.Generator
    ) -> None:
        length, most, h = len(cardinalities), int(cardinalities.max()), hidden
        inputs = [int(cardinalities[:-1].sum()) + 1] + [h] * (layers - 1)
        self._shapes: list[tuple[int, ...]] = [
            shape for width in inputs for shape in ((width, 4 * h), (h, 4 * h), (4 * h,))
        ]
        self._shapes += [(length, h, most), (length, 1, most)]
        self.theta: Floats = rng.uniform(-spread, spread, sum(math.prod(shape) for shape in self._shapes))
        *self._lstm, self._out, self._out_bias = self._views(self.theta)
        self._absent = np.where(np.arange(most) < cardinalities[:, None], 0.0, -np.inf)[:, None, :]
        self._first_input = 1 + np.concatenate([[0], np.cumsum(cardinalities[:-2])])[: length - 1]
        self._length, self._hidden, self._layers = length, hidden, layers

    def _views(self, flat: Floats) -> list[Floats]:
        ends = np.cumsum([math.prod(shape) for shape in self._shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(flat, ends), self._shapes, strict=True)]

    def _inputs(self, rows: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the index of the input before each choice, (L, B)."""
        inputs = np.zeros(rows.T.shape, dtype=np.int64)
        inputs[1:] = rows[:, :-1].T + self._first_input[:, None]
        return inputs

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw rows, (n, L) uint8."""
        rows = np.zeros((n, self._length), dtype=np.uint8)
        states = [(np.zeros((n, self._hidden)), np.zeros((n, self._hidden))) for _ in range(self._layers)]
        noise = rng.gumbel(size=(self._length, n, self._absent.shape[2]))
        inputs = np.zeros(n, dtype=np.int64)
        for t in range(self._length):
            for layer, (h, c) in enumerate(states):
                w_x, w_h, bias = self._lstm[3 * layer : 3 * layer + 3]
                z = (w_x[inputs] if layer == 0 else states[layer - 1][0] @ w_x) + h @ w_h + bias
                states[layer] = _cell(z, c)[:2]
            logits = states[-1][0] @ self._out[t] + self._out_bias[t] + self._absent[t]
            choice = (logits + noise[t]).argmax(axis=1)  # with Gumbel noise, the largest follows the softmax
            rows[:, t] = choice
            if t < self._length - 1:
                inputs = choice + self._first_input[t]
        return rows

    def read(self, rows: NDArray[np.uint8]) -> Reading:
        """Return the probabilities of rows, and the states they were read with.

        The rows are (B, L) uint8.
        """
        batch, h = len(rows), self._hidden
        hidden: list[Floats] = []
        cells: list[Floats] = []
        gates: list[Floats] = []
        for layer in range(self._layers):
            w_x, w_h, bias = self._lstm[3 * layer : 3 * layer + 3]
            z = (w_x[self._inputs(rows)] if layer == 0 else hidden[-1][1:] @ w_x) + bias
            hs, cs = np.zeros((self._length + 1, batch, h)), np.zeros((self._length + 1, batch, h))
            for t in range(self._length):
                hs[t + 1], cs[t + 1], z[t] = _cell(z[t] + hs[t] @ w_h, cs[t])
            hidden.append(hs)
            cells.append(cs)
            gates.append(z)
        logits = hidden[-1][1:] @ self._out + self._out_bias + self._absent
        logits -= logits.max(axis=2, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
        return Reading(rows, logits, hidden, cells, gates)

    def gradient(self, reading: Reading, weights: Floats, entropy: float = 0.0) -> Floats:
        """Return the gradient by theta, (P,), of a weighted sum.

        The sum is of log-probabilities and entropies.

        Parameters
        ----------
        reading : Reading
            Of B rows, with the present theta.
        weights : (B, L) float64
            Of each choice's log-probability.
        entropy : float
            Of every choice's entropy.
        """
        flat = np.zeros_like(self.theta)
        *lstm, out, out_bias = self._views(flat)
        p = np.exp(reading.log_softmax)
        d_logits = -weights.T[:, :, None] * p
        d_logits[np.arange(self._length)[:, None], np.arange(len(reading.rows)), reading.rows.T] += weights.T
        if entropy:
            d_logits -= entropy * (_p_log_p(reading.log_softmax) + p * reading.entropies.T[:, :, None])
        out[:] = reading.hidden[-1][1:].transpose(0, 2, 1) @ d_logits
        out_bias[:] = d_logits.sum(axis=1, keepdims=True)
        d_above = d_logits @ self._out.transpose(0, 2, 1)
        for layer in reversed(range(self._layers)):
            w_x, w_h, _ = self._lstm[3 * layer : 3 * layer + 3]
            d_w_x, d_w_h, d_bias = lstm[3 * layer : 3 * layer + 3]
            d_z = _back_through_time(reading.gates[layer], reading.cells[layer], d_above, w_h)
            flat_d_z = d_z.reshape(-1, d_z.shape[2])
            d_w_h[:] = reading.hidden[layer][:-1].reshape(-1, self._hidden).T @ flat_d_z
            d_bias[:] = flat_d_z.sum(axis=0)
            if layer == 0:
                np.add.at(d_w_x, self._inputs(reading.rows).ravel(), flat_d_z)
            else:
                d_w_x[:] = reading.hidden[layer - 1][1:].reshape(-1, self._hidden).T @ flat_d_z
                d_above = d_z @ w_x.T
        return flat


def _cell(z: Floats, c: Floats) -> tuple[Floats, Floats, Floats]:
    """Return h, c and the gates i, f, o, g of one step.

    They follow from what flows into the gates, (B, 4H), and the last c.
    """
    h = c.shape[1]
    gates = np.empty_like(z)
    gates[:, : 3 * h] = 1 / (1 + np.exp(-np.maximum(z[:, : 3 * h], -700.0)))  # exp(710) overflows
    gates[:, 3 * h :] = np.tanh(z[:, 3 * h :])
    c = gates[:, h : 2 * h] * c + gates[:, :h] * gates[:, 3 * h :]
    return gates[:, 2 * h : 3 * h] * np.tanh(c), c, gates


def _back_through_time(gates: Floats, cells: Floats, d_above: Floats, w_h: Floats) -> Floats:
    """Return the gradient by what flows into the gates, (L, B, 4H).

    The gradient by h from above, (L, B, H), is given.
    """
    length, batch, h = d_above.shape
    i, f, o, g = (gates[:, :, number * h : (number + 1) * h] for number in range(4))
    tanh_c = np.tanh(cells[1:])
    of_c = o * (1 - tanh_c**2)
    slopes = np.concatenate([g * i * (1 - i), cells[:-1] * f * (1 - f), i * (1 - g**2)], axis=2)
    of_o = tanh_c * o * (1 - o)
    d_z = np.empty_like(gates)
    d_h, d_c = np.zeros((batch, h)), np.zeros((batch, h))
    for t in reversed(range(length)):
        d_h = d_h + d_above[t]
        d_c = d_c + d_h * of_c[t]
        d_z[t, :, : 2 * h] = np.tile(d_c, 2) * slopes[t, :, : 2 * h]
        d_z[t, :, 2 * h : 3 * h] = d_h * of_o[t]
        d_z[t, :, 3 * h :] = d_c * slopes[t, :, 2 * h :]
        d_h = d_z[t] @ w_h.T
        d_c = d_c * f[t]
    return d_z


def _p_log_p(log_p: Floats) -> Floats:
    """Return p log p, which is 0 where p is."""
    return np.exp(log_p) * np.where(log_p > -np.inf, log_p, 0.0)


class ControllerSearch(Strategy):
    """A search that draws batches from a controller.

    It updates the controller with their results.

    With several evaluations under way the next batch is drawn before all of the last are in, so results can be of a
    controller a few updates back, as they were with the papers' hundreds of workers. A batch in which all diverged
    before any had a value teaches nothing.

    Parameters
    ----------
    controller : Controller
    batch : int
        Results in an update, and architectures that are drawn at a time.
    """

    family = "reinforcement"

    def __init__(
        self,
        space: Space,
        rng: np.random.Generator,
        fidelities: Sequence[int],
        controller: Controller,
        batch: int,
    ) -> None:
        super().__init__(space, rng, fidelities)
        self.controller = controller
        self.batch = batch
        self._drawn: list[NDArray[np.uint8]] = []
        self._results: list[tuple[NDArray[np.uint8], float]] = []

    @abstractmethod
    def update(self, rows: NDArray[np.uint8], rewards: list[float]) -> None:
        """Change the controller given a batch of rows and their rewards.

        The rows are (B, L) uint8; a reward is -inf if the training diverged.
        """

    def drawn(self, rows: NDArray[np.uint8]) -> None:
        """Take note of rows, (B, L) uint8, that were drawn from the present controller."""

    def ask(self) -> Proposal:
        """Propose the next architecture of the batch."""
        if not self._drawn:
            with one_thread():
                rows = draw_inside(self.space, self.rng, self.batch, lambda n: self.controller.sample(n, self.rng))
                self.drawn(rows)
            self._drawn = list(rows[::-1])
        return Proposal(self._drawn.pop(), self.fidelities[-1])

    def tell(self, proposal: Proposal, value: float, seconds: float) -> None:  # noqa: ARG002 - time plays no part
        """Keep the result, and update the controller once a batch is in."""
        self._results.append((proposal.architecture, value))
        if len(self._results) == self.batch:
            rows = np.array([row for row, _ in self._results])
            rewards = [reward for _, reward in self._results]
            self._results = []
            with one_thread():
                self.update(rows, rewards)
