"""From install to a finished figure in a dozen lines: ``python docs/first_figure.py``."""

from nasbench.analysis import final_table, save_figure
from nasbench.comparison import compare
from nasbench.report import write_report
from strategies import LocalSearch, RandomSearch, RegularizedEvolution
from tabular import TableOracle

strategies = {"random-search": RandomSearch, "regularized-evolution": RegularizedEvolution, "local-search": LocalSearch}
results = compare(strategies, TableOracle("nb201-digits"), budget="2400ep", runs=100)
results.save("results.h5")
save_figure(results, "regret.pdf", style="neurips")
print(final_table(results).to_markdown())
write_report([results], "report.html")
