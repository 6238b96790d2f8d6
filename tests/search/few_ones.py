"""A constrained space so small that all of it can be looked at."""

from __future__ import annotations

import math

import numpy as np

from tabular.spaces.space import ConstrainedSpace


class FewOnes(ConstrainedSpace):
    """Eleven bits of which at most a few are set, then a free choice of three: twelve places, so names do not sort."""

    def __init__(self, most: int = 3) -> None:
        self.most = most
        heads = sum(math.comb(11, ones) for ones in range(most + 1))
        super().__init__("few-ones", [2] * 11 + [3], head=11, size=3 * heads)

    def admits(self, architectures):
        return architectures[:, :11].sum(axis=1) <= self.most

    def why_not(self, row):
        return f"{sum(row[:11])} ones, at most {self.most} are admitted"

    def declaration(self):
        return {"kind": "few-ones", "most": self.most}

    def canonical_key(self, architectures):
        return np.uint64(self.rank(architectures))

    to_text = from_text = network = encode = None
    encodings = ()


FewOnes.__abstractmethods__ = frozenset()
