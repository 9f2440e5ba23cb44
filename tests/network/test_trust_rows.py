"""The rows of the trust table in small: the figures that issue 4 asks for are reached."""

from engine.network.simulation.trust_rows import trust_rows


def test_trust_holds_what_is_asked_of_it() -> None:
    rows = {(row["variant"], row["policy"]): row for row in trust_rows(3)}

    def figure(variant: str, policy: str, key: str) -> float:
        value = rows[variant, policy][key]
        assert isinstance(value, int | float)
        return value

    assert figure("liars", "median of 21", "error") <= 0.10 < figure("liars", "one challenger", "error")
    assert figure("forgeries", "signed, once, in its window", "refused") == 1
    assert figure("accused", "sequential test of pairs", "false_alarms") <= 0.01
    assert figure("found", "sequential test of pairs", "p99") <= 20
    wait, limit = figure("dropped", "fall-through", "mean"), figure("dropped", "share of censors squared", "mean")
    assert wait - figure("dropped", "fall-through", "mean_ci95") <= limit
    assert figure("choices", "all policies", "replayed") == figure("choices", "all policies", "found") == 1
