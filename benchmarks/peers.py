"""What `ranking.py` asks of other packages: from a frame of strings to ratings, each in its own way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

FEATURES = ["f0", "f1", "f2", "f3"]
"""Covariates of the generated votes."""


def theirs_choix(_task: str, frame: Any) -> Callable[[], str]:
    """Give choix a table of wins; ties are half a win to each, as everywhere here."""
    import choix
    import numpy as np
    import pandas as pd

    def points() -> str:
        left, right, words = (pd.Categorical(frame[name]) for name in ("model_a", "model_b", "winner"))
        labels = left.categories.union(right.categories)
        n, k = len(labels), len(words.categories)
        a = labels.get_indexer(left.categories)[left.codes]
        b = labels.get_indexer(right.categories)[right.codes]
        counts = np.bincount((a * n + b) * k + words.codes, minlength=n * n * k).reshape(n, n, k)
        at = {word: i for i, word in enumerate(words.categories)}
        tied = sum(counts[:, :, i] for word, i in at.items() if word.startswith("tie")) / 2
        wins = counts[:, :, at["model_a"]] + tied + (counts[:, :, at["model_b"]] + tied).T
        return str(labels[int(np.argmax(choix.ilsr_pairwise_dense(wins)))])

    return points


def theirs_evalica(task: str, frame: Any) -> Callable[[], str]:
    """Give evalica columns of names and a column of its own outcomes."""
    import evalica

    words = {"model_a": evalica.Winner.X, "model_b": evalica.Winner.Y}
    methods = {"points": evalica.bradley_terry, "davidson": evalica.newman, "elo": evalica.elo}

    def columns() -> tuple[Any, Any, list[Any]]:
        winners = [words.get(word, evalica.Winner.Draw) for word in frame["winner"]]
        return frame["model_a"], frame["model_b"], winners

    def rate() -> str:
        return str(methods[task](*columns()).scores.idxmax())

    def resample() -> str:
        made = evalica.bootstrap(
            evalica.bradley_terry, *columns(), n_resamples=5, bootstrap_method="percentile", random_state=0
        )
        return str(made.result.scores.idxmax())

    return resample if task == "bootstrap" else rate


def theirs_arena_rank(task: str, frame: Any) -> Callable[[], str]:
    """Give arena-rank the frame."""
    import jax

    jax.config.update("jax_enable_x64", True)  # noqa: FBT003
    from arena_rank.models.bradley_terry import BradleyTerry, fit_single_bootstrap_sample
    from arena_rank.models.contextual_bradley_terry import ContextualBradleyTerry
    from arena_rank.utils.data_utils import ContextualPairDataset, PairDataset

    def top(labels: Any, ratings: Any) -> str:
        return str(labels[int(ratings.argmax())])

    def read() -> tuple[Any, Any]:
        data = PairDataset.from_pandas(frame)
        return data, BradleyTerry(n_competitors=data.n_competitors)

    def plain() -> str:
        data, model = read()
        if task == "points":
            model.fit(data)
            return top(data.competitors, model.params["ratings"])
        made = model.compute_ratings_and_cis(data)
        jax.block_until_ready(made["rating_upper"])
        return top(data.competitors, model.params["ratings"])

    def bootstrap() -> str:
        # What its pool of processes does, in this process: the pool never returns on one core.
        data, model = read()
        total = data.counts.sum()
        drawn = jax.random.multinomial(
            jax.random.PRNGKey(0),
            int(total),
            data.counts / total,
            shape=(2, len(data.counts)),
            dtype=model.dtype,
        )
        fitted = [fit_single_bootstrap_sample(counts, model, data) for counts in drawn]
        return top(data.competitors, fitted[0]["ratings"])

    def contextual() -> str:
        data = ContextualPairDataset.from_pandas(frame, feature_cols=FEATURES, reweighted=False)
        model = ContextualBradleyTerry(n_competitors=data.n_competitors, n_features=len(FEATURES))
        model.compute_ratings_and_cis(data)
        return top(data.competitors, model.params["ratings"])

    return {"contextual": contextual, "bootstrap": bootstrap}.get(task, plain)
