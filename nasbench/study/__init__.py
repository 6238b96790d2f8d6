"""Studies: several oracles, strategies and budgets declared in one file."""

from nasbench.study.declaration import Declaration, DeclaredOracle, read_declaration
from nasbench.study.keys import DeclarationError
from nasbench.study.running import Study, run_study

__all__ = ["Declaration", "DeclarationError", "DeclaredOracle", "Study", "read_declaration", "run_study"]
