"""Spaces of stacks of layers.

NATS-Bench's sizes, NAS-Bench-Macro, TransNAS-Bench-101's macro space.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from tabular.errors import InvalidArchitectureError, UnknownNameError
from tabular.spaces.graph import IDENTITY, TRAITS, Graph, Traits, chain
from tabular.spaces.hashing import mix
from tabular.spaces.space import ConstrainedSpace, Space, one_hot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tabular.networks.layers import NatsSizeNetwork, NBMacroNetwork, TransNasMacroNetwork
    from tabular.recipe import Recipe


class SequenceSpace(Space):
    """A space in which each row is a network of its own.

    A subclass whose rows are not says by `canonical_rows` which are the same.
    """

    def canonical_rows(self, architectures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return for each row, (N, L), the one row that stands for all that are the same network."""
        return architectures

    @abstractmethod
    def _row_to_text(self, row: list[int]) -> str:
        """Write one row."""

    @abstractmethod
    def _row_from_text(self, text: str) -> list[int] | str:
        """Read one row, or say in words why the text is none."""

    def canonical_key(self, architectures: NDArray[np.uint8]) -> Any:
        """Return a key of the row that stands for the network.

        Different for different ones without exception.
        """
        return self._answer(architectures, lambda rows: mix(self.rank(self.canonical_rows(rows)).astype(np.uint64)))

    def to_text(self, architectures: NDArray[np.uint8]) -> Any:
        """Write rows as text: a ``str`` for one row, a list of ``str`` for many."""
        return self._write(architectures, self._row_to_text)

    def from_text(self, text: str | Sequence[str]) -> NDArray[np.uint8]:
        """Read rows that `to_text` wrote.

        Raises
        ------
        InvalidArchitectureError
            Naming the text and what is wrong with it.
        """
        return self._read(text, self._row_or_error)

    def _row_or_error(self, text: str) -> list[int]:
        row = self._row_from_text(text)
        if isinstance(row, str):
            raise InvalidArchitectureError(f"not an architecture of {self.name!r}: {text!r} {row}")
        return row

    @property
    def encodings(self) -> tuple[str, ...]:
        """``one_hot``."""
        return ("one_hot",)

    def encode(self, architectures: NDArray[np.uint8], encoding: str = "one_hot") -> NDArray[np.float32]:
        """Mark each choice of the row that stands for the network, so that equal networks have equal features."""
        if encoding not in self.encodings:
            raise UnknownNameError("encoding", encoding, self.encodings)
        return self._answer(architectures, lambda rows: one_hot(self.canonical_rows(rows), self.cardinalities))


# NATS-Bench's size space (Dong, Liu, Musial and Gabrys, TPAMI 2021): the widths of one network.

WIDTHS = (8, 16, 24, 32, 40, 48, 56, 64)
DEPTH = 5
"""Layers of a network of the size space."""


def _sized_layer(before: int, width: int, *, reduction: bool) -> Traits:
    """Return the traits of a cell or a reduction between two widths, weights relative to those of the widest network.

    Its layers are those on its longest path. Either way past them is a 1x1 convolution where it cannot be an identity.
    """
    resized = before * width * (reduction or before != width)
    convolutions = before + width if reduction else 2 * before + 3 * width
    return Traits((9 * convolutions * width + resized) / WIDTHS[-1] ** 2, spatial=2 if reduction else 3)


_SIZED_TRAITS = tuple(
    _sized_layer(before, width, reduction=reduction)
    for reduction in (False, True)
    for before in WIDTHS
    for width in WIDTHS
)


class NatsSize(SequenceSpace):
    """The 32,768 networks of NATS-Bench's size space.

    5 layers of 8 to 64 channels, numbered as in its files.

    The layers are a cell, a reduction, a cell, a reduction and a cell; all cells have the topology that was the best of
    NAS-Bench-201 on CIFAR-100: ``|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|
    nor_conv_3x3~2|``. The official index counts the widths with the last layer fastest, which is the order of rows.

    Examples
    --------
    >>> NatsSize().to_text(NatsSize().from_index(32767))
    '64:64:64:64:64'
    """

    def __init__(self) -> None:
        super().__init__("nats-size", [len(WIDTHS)] * DEPTH)

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "nats-size"}``."""
        return {"kind": "nats-size"}

    def named_choices(self) -> dict[str, tuple[int, ...]]:
        """Return the widths that each layer can have."""
        return {f"width_{layer}": WIDTHS for layer in range(DEPTH)}

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:
        """Return the networks as graphs: one, a chain of their layers."""
        widths = self.check(architectures)
        before = np.hstack([widths[:, :1], widths[:, :-1]])  # the stem is as wide as the first layer
        reductions = np.arange(DEPTH, dtype=np.uint8) % 2
        return (chain(_SIZED_TRAITS, (reductions * len(WIDTHS) + before) * len(WIDTHS) + widths),)

    def _row_to_text(self, row: list[int]) -> str:
        """Write the widths as NATS-Bench does, ``8:16:32:8:64``."""
        return ":".join(str(WIDTHS[choice]) for choice in row)

    def _row_from_text(self, text: str) -> list[int] | str:
        """Read ``8:16:32:8:64``."""
        words = [str(width) for width in WIDTHS]
        found = text.strip().split(":")
        if len(found) != DEPTH:
            return f"has {len(found)} widths, expected {DEPTH}, like '8:16:32:8:64'"
        wrong = [word for word in found if word not in words]
        return f"has the width {wrong[0]!r}, allowed are {', '.join(words)}" if wrong else [*map(words.index, found)]

    def network(
        self,
        architecture: NDArray[np.uint8],
        recipe: Recipe,  # noqa: ARG002 - what every space is given
        image_shape: tuple[int, int, int],
        classes: int,
    ) -> NatsSizeNetwork:
        """Build NATS-Bench's network.

        A row fixes all of it, whatever the recipe's width and depth.
        """
        from tabular.networks.layers import NatsSizeNetwork

        return NatsSizeNetwork([WIDTHS[choice] for choice in self.check(architecture)], image_shape, classes)


# NAS-Bench-Macro (Su et al., CVPR 2021): the blocks that a network is stacked of.

BLOCKS = ("identity", "mb3_k3", "mb6_k5")
"""The identity, and MobileNetV2's inverted residual blocks: 3 times as wide within and 3x3, 6 times and 5x5."""

STAGES = (2, 3, 3)
"""Layers of each stage; the first halves the resolution and doubles the width."""

LAYERS = sum(STAGES)


def _block_traits(width: int, *, first: bool) -> tuple[Traits, ...]:
    """Return the blocks' traits in layers of a width, relative to the stem's, the first one of a stage or a later one.

    An inverted residual block widens by a 1x1 convolution; a depthwise and another 1x1 convolution are a spatial layer.
    """
    before = width // 2 if first else width
    identity = Traits(before * width, pointwise=1) if first else TRAITS[IDENTITY]
    inverted = (Traits(wider * before * (before + width), pointwise=1, spatial=1) for wider in (3, 6))
    return (identity, *inverted)


_BLOCK_TRAITS = tuple(
    traits for width in (2, 4, 8) for first in (True, False) for traits in _block_traits(width, first=first)
)
_FIRST_BLOCK = [
    len(BLOCKS) * (2 * stage + (layer > 0)) for stage, layers in enumerate(STAGES) for layer in range(layers)
]
"""The index of the first trait of each layer's blocks."""


class NBMacro(SequenceSpace):
    """The 6,561 stacks of NAS-Bench-Macro.

    8 layers, each an identity or one of two inverted residual blocks.

    An identity behind a stage's first layer does nothing, so it may stand anywhere there. That leaves 3,969 networks;
    the benchmark trained no more. At a stage's first layer the identity is a strided 1x1 convolution.

    Examples
    --------
    >>> space = NBMacro()
    >>> space.canonical_rows(space.from_text(["00102000"])).tolist()
    [[0, 0, 1, 2, 0, 0, 0, 0]]
    """

    def __init__(self) -> None:
        super().__init__("nb-macro", [len(BLOCKS)] * LAYERS)

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "nb-macro"}``."""
        return {"kind": "nb-macro"}

    def named_choices(self) -> dict[str, tuple[str, ...]]:
        """Return the blocks that each layer can be."""
        return {f"layer_{layer}": BLOCKS for layer in range(LAYERS)}

    def canonical_rows(self, architectures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Move the identities of each stage, its first layer apart, behind its other layers."""
        rows: NDArray[np.uint8] = architectures.copy()
        for end, layers in zip(np.cumsum(STAGES), STAGES, strict=True):
            rest = rows[:, end - layers + 1 : end]
            order = np.argsort(rest == 0, axis=1, kind="stable")
            rest[:] = np.take_along_axis(rest, order, axis=1)
        return rows

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:
        """Return the networks as graphs: one, a chain of their layers."""
        return (chain(_BLOCK_TRAITS, self.check(architectures) + np.array(_FIRST_BLOCK, dtype=np.uint8)),)

    def _row_to_text(self, row: list[int]) -> str:
        """Write the layers as the benchmark does, ``00120212``."""
        return "".join(map(str, row))

    def _row_from_text(self, text: str) -> list[int] | str:
        """Read ``00120212``."""
        digits = text.strip()
        if len(digits) != LAYERS or not set(digits) <= set("012"):
            return f"is not {LAYERS} digits out of 0 (identity), 1 (mb3_k3) and 2 (mb6_k5), like '00120212'"
        return [int(digit) for digit in digits]

    def network(
        self, architecture: NDArray[np.uint8], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> NBMacroNetwork:
        """Build the benchmark's network.

        Of the recipe's width and depth only ``channels`` applies (theirs is 32).
        """
        from tabular.networks.layers import NBMacroNetwork

        blocks = iter([BLOCKS[choice] for choice in self.check(architecture)])
        stages = [list(islice(blocks, layers)) for layers in STAGES]
        return NBMacroNetwork(stages, recipe.channels, image_shape, classes)


# TransNAS-Bench-101's macro space (Duan et al., CVPR 2021): where a network shrinks and widens.

MODULES = ("none", "plain", "double_channels", "halve_resolution", "both")
"""The modules that a position of a row can be, each at the index that is its digit in the benchmark."""

FEWEST, MOST = 4, 6
"""The modules of a network."""

HALVINGS, DOUBLINGS = (1, 4), (1, 3)
"""The least and the most times that a network halves its resolution and doubles its width."""

_CHANGES = {1: (1, 1), 2: (2, 1), 3: (1, 2), 4: (2, 2)}
"""The factor by which each module widens what it gets, and its stride."""


def _module_traits(module: int, doublings: int) -> Traits:
    """Return the traits of a module behind so many doublings.

    Four 3x3 convolutions, weights relative to the stem's.

    The way past the first two is a 1x1 convolution unless the module keeps the size.
    """
    before = 1 << doublings
    width = before << (module in {2, 4})
    return Traits(9 * (before + 3 * width) * width + before * width * (module > 1), spatial=4)


_MODULE_TRAITS = tuple(
    _module_traits(module, doublings) if module else TRAITS[IDENTITY]
    for doublings in range(DOUBLINGS[1] + 1)
    for module in range(len(MODULES))
)


class TransNasMacro(SequenceSpace, ConstrainedSpace):
    """The 3,256 networks of TransNAS-Bench-101's macro space.

    4 to 6 modules of residual blocks.

    A network halves its resolution 1 to 4 times and doubles its width 1 to 3 times. Positions that a short network does
    not use are ``none``, at the end. No two rows are the same network.

    Examples
    --------
    >>> TransNasMacro().from_text("64-1234-basic").tolist()
    [1, 2, 3, 4, 0, 0]
    """

    def __init__(self) -> None:
        super().__init__("transnas-macro", [len(MODULES)] * MOST, head=MOST, size=3256)

    def declaration(self) -> dict[str, Any]:
        """Return ``{"kind": "transnas-macro"}``."""
        return {"kind": "transnas-macro"}

    def named_choices(self) -> dict[str, tuple[str, ...]]:
        """Return the modules that each position can be."""
        return {f"module_{position}": MODULES for position in range(MOST)}

    def admits(self, architectures: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Tell of which rows, (N, L), the modules have no gap and change size as often as they may."""
        used = architectures > 0
        halvings, doublings = _size_changes(architectures)
        valid: NDArray[np.bool_] = (
            used[:, :FEWEST].all(axis=1)
            & (used[:, :-1] >= used[:, 1:]).all(axis=1)
            & (HALVINGS[0] <= halvings)
            & (halvings <= HALVINGS[1])
            & (DOUBLINGS[0] <= doublings)
            & (doublings <= DOUBLINGS[1])
        )
        return valid

    def why_not(self, row: list[int]) -> str:
        """Return the reason, in words, for which a row is not admitted."""
        modules = sum(choice > 0 for choice in row)
        if modules < FEWEST or 0 in row[:modules]:
            return f"{row} should be {FEWEST} to {MOST} modules, with none (0) behind them only"
        halvings, doublings = (int(times[0]) for times in _size_changes(np.array([row], dtype=np.uint8)))
        return (
            f"{row} halves the resolution {halvings} and doubles the channels {doublings} times; allowed are "
            f"{HALVINGS[0]} to {HALVINGS[1]} and {DOUBLINGS[0]} to {DOUBLINGS[1]}"
        )

    def graphs(self, architectures: NDArray[np.uint8]) -> tuple[Graph, ...]:
        """Return the networks as graphs: one, a chain of their modules."""
        rows = self.check(architectures)
        doubles = (rows == 2) | (rows == 4)
        before = np.cumsum(doubles, axis=1, dtype=np.uint8) - doubles
        return (chain(_MODULE_TRAITS, len(MODULES) * before + rows),)

    def _row_to_text(self, row: list[int]) -> str:
        """Write the modules as the benchmark does, ``64-1234-basic``."""
        return f"64-{''.join(str(choice) for choice in row if choice)}-basic"

    def _row_from_text(self, text: str) -> list[int] | str:
        """Read ``64-1234-basic``."""
        match = re.fullmatch(rf"64-([1-4]{{{FEWEST},{MOST}}})-basic", text.strip())
        if match is None:
            return f"is not '64-', {FEWEST} to {MOST} digits out of 1 to 4 and '-basic', like '64-1234-basic'"
        row = [int(digit) for digit in match[1].ljust(MOST, "0")]
        return row if self.admits(np.array([row], dtype=np.uint8))[0] else f"is outside: {self.why_not(row)}"

    def network(
        self, architecture: NDArray[np.uint8], recipe: Recipe, image_shape: tuple[int, int, int], classes: int
    ) -> TransNasMacroNetwork:
        """Build the benchmark's network."""
        from tabular.networks.layers import TransNasMacroNetwork

        modules = [_CHANGES[choice] for choice in self.check(architecture).tolist() if choice]
        return TransNasMacroNetwork(modules, recipe, image_shape, classes)


def _size_changes(rows: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how often each row, (N, L), halves its resolution and how often it doubles its width."""
    return (rows >= 3).sum(axis=1), ((rows == 2) | (rows == 4)).sum(axis=1)
