"""Oracles as objectives of other libraries, and strategies as their optimisers.

Spaces as theirs are in `nasbench.spaces.named_choices`, `nasbench.spaces.configspace` and `nasbench.spaces.optuna`;
their optimisers as strategies are in `strategies.foreign`. Each library is imported when a function of it is called.
"""
