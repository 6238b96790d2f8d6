"""What other libraries of the field expect: spaces as their search spaces, oracles as their objectives.

`choices` names the choices of a row, `configspace` and `optuna` translate with these names. Each library is imported
when one of its functions is called.
"""
