"""Reference values of the Wilcoxon signed-rank test.

python tests/reference/wilcoxon.py     (writes tests/reference/values/wilcoxon.json)
Python 3, NumPy 2, SciPy 1.17.1. Differences of zero are left out (`zero_method="wilcox"`), no correction for continuity.
"""

import json
from pathlib import Path

import numpy as np
from scipy.stats import rankdata, wilcoxon

random = np.random.default_rng(7)
samples = [random.normal(shift, 1, count) for shift, count in [(0.0, 5), (0.4, 12), (0.1, 40), (0.3, 50), (0.1, 51), (0.2, 200)]]
samples.append(np.round(random.normal(0.3, 1, 30), 1))  # ties
samples.append(np.round(random.normal(0.5, 2, 60)))  # ties and zeros
samples.append(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))  # all on one side

cases = []
for differences in samples:
    differences = np.round(differences, 6)
    kept = differences[differences != 0]
    plain = len(kept) == len(differences) and len(set(np.abs(kept))) == len(kept) and len(kept) <= 50
    test = wilcoxon(differences, zero_method="wilcox", correction=False, method="exact" if plain else "asymptotic")
    ranks = rankdata(np.abs(kept))
    effect = (ranks[kept > 0].sum() - ranks[kept < 0].sum()) / ranks.sum()
    cases.append({"differences": differences.tolist(), "statistic": float(test.statistic), "p": float(test.pvalue), "effect": float(effect)})
(Path(__file__).parent / "values" / "wilcoxon.json").write_text(json.dumps(cases) + "\n")
