"""Making a table: plan, journals, engines, merging, and the forecast of what a budget buys."""
