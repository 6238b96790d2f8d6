"""How much faster two workers of Ray train a table than one does: the same groups, one thread a worker."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import ray
from timing import Figure, measure_pair

from nasbench import get_space
from nasbench.training import Recipe, load_dataset
from tabular.engines.ray import RayEngine
from tabular.groups import Group
from tabular.journal import JournalHeader
from tabular.workshop import Job, Workshop
