"""Oracles as objectives of other libraries, and strategies as their optimisers.

Spaces as theirs are in `tabular.spaces.named_choices`, `tabular.spaces.configspace` and `tabular.spaces.optuna`;
their optimisers as strategies are in `strategies.foreign`. Each library is imported when a function of it is called.
"""
