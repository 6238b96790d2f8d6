"""Figures: each function draws a tidy data frame into the axes it is given.

`nasbench.figures.style.write_figure` makes files of one.
"""
