"""Drop-in APIs of published benchmarks over tables and surrogates.

``from nasbench import api`` is NAS-Bench-101's, as in its own package; the others are modules beside it.
"""

from nasbench.api.model_spec import ModelSpec
from nasbench.api.nasbench101 import NASBench, NoRecordError, OutOfDomainError

__all__ = ["ModelSpec", "NASBench", "NoRecordError", "OutOfDomainError"]
