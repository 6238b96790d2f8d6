"""The making of a table.

Plan, journals, engines, merging, and the forecast of what a budget buys.
"""
