"""Curve's newer cryptopools against what their contracts did, compiled by Vyper 0.3.10 and run in a machine for them.

Contracts: curvefi/twocrypto-ng (CurveCryptoMathOptimized2 v2.0.0 and v2.1.0, CurveTwocryptoOptimized v2.1.0), curvefi/tricrypto-ng
(CurveCryptoMathOptimized3 v2.0.0, CurveTricryptoOptimized v2.0.0). `exchange` with no admin and no move of the price scale.
"""

from __future__ import annotations

from typing import Any

import pytest

from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError, VenueStateError
from engine.market.venues.curve_crypto import CurveCrypto, CurveCryptoState
from engine.market.venues.curve_ng_math import Maths, cubic_balance, cubic_invariant

ONE = 10**18
NAMES = [f"sim:alpha/token:T{i}" for i in range(3)]

Recorded = tuple[list[tuple[int, int]], list[int], tuple[int, ...], int, tuple[int, int, int], tuple[int, int]]
"""Balances with decimals, price scale, (A N^N, gamma, fees: middle, outer, gamma), D; coin in, coin out, amount; output, D."""

EXCHANGES: list[tuple[Maths, Recorded]] = [
    (
        "tricrypto-ng-2.0",
        (
            [(535024521690339448013620, 18), (14848377107463039, 6), (28274112012, 6)],
            [19718557992889, 31712162813416691859],
            (51783471, 15008583550903, 11957765, 93382964, 170253623494250),
            1562012697391196590930845,
            (2, 0, 21189795253),
            (227883638404259230028072, 1565663948022931729139568),
        ),
    ),
    (
        "tricrypto-ng-2.0",
        (
            [(1053978048838697970827264, 18), (776058252568778864, 8), (1317774502804038686, 18)],
            [129390272922367, 630367495430539813175916],
            (2700000, 1300000000000, 3460562, 378457770, 49469021779183),
            2874051181042198382972038,
            (1, 0, 471033193058158118),
            (383155032767629130659540, 2895893216167684597541784),
        ),
    ),
    (
        "twocrypto-ng-2.0",
        (
            [(30917986569, 6), (1711334307625120, 6)],
            [75543572441923],
            (400000, 145000000000000, 3112558, 958927835, 26692258816726),
            126822300608075407226310,
            (1, 0, 1188246068317969),
            (11504186097, 130994226486659959742207),
        ),
    ),
    (
        "twocrypto-ng-2.1",
        (
            [(3426938131, 6), (1229604667610, 8)],
            [333191904336717530],
            (1304466, 95766079500281, 500000, 428576444, 1000000000000000000),
            7499637972833664098270,
            (1, 0, 1154464782838),
            (1648410492, 7543598260960125890164),
        ),
    ),
    (
        "twocrypto-ng-2.1",
        (
            [(37279502887014528518144974, 18), (6262484855268782, 8)],
            [296083455283745234],
            (33258, 38239454829219, 597930, 14556317, 12190759404447),
            52599912159207332161111972,
            (0, 1, 20414478134446692763580260),
            (2214701994714606, 52620889942359977589251264),
        ),
    ),
]


def pool(maths: Maths, recorded: Recorded, **changes: Any) -> CurveCryptoState:
    coins, scale, (ann, gamma, mid, out, fee_gamma), invariant, *_ = recorded
    fields = {
        "id": "sim:alpha/pool:p",
        "coins": [{"asset": n, "balance": b, "decimals": d} for n, (b, d) in zip(NAMES, coins, strict=False)],
        "price_scale": tuple(scale),
        "amplification": ann,
        "gamma": gamma,
        "invariant": invariant,
        "mid_fee": mid,
        "out_fee": out,
        "fee_gamma": fee_gamma,
        "maths": maths,
    }
    return CurveCryptoState.model_validate({**fields, **changes})


def checked(state: CurveCryptoState) -> None:
    CurveCrypto().check(state, {coin.asset: AssetInfo(coin.decimals) for coin in state.coins})


@pytest.mark.parametrize(("maths", "recorded"), EXCHANGES)
def test_an_exchange_gives_what_the_contract_gave(maths: Maths, recorded: Recorded) -> None:
    state, (source, target, amount), (out, invariant) = pool(maths, recorded), recorded[4], recorded[5]
    checked(state)

    given, after = CurveCrypto().execute(state, "", Trade(NAMES[source], amount, NAMES[target]), 0)
    least = CurveCrypto().input_for(state, NAMES[source], out, NAMES[target])

    assert isinstance(after, CurveCryptoState)
    assert (given, after.invariant) == (out, invariant)
    assert least <= amount
    assert CurveCrypto().execute(state, "", Trade(NAMES[source], least, NAMES[target]), 0)[0] >= out
    assert CurveCrypto().execute(state, "", Trade(NAMES[source], least - 1, NAMES[target]), 0)[0] < out
    assert CurveCryptoState.from_json(state.canonical) == state


@pytest.mark.parametrize(
    ("maths", "ann", "gamma", "balances", "invariant", "left"),
    [
        (
            "twocrypto-ng-2.1",
            40000000,
            66218477784523076,
            [818824167348766199849171, 382555824202498858549248],
            1200779889506579024768181,
            382360532656936692159729,
        ),
        (
            "tricrypto-ng-2.0",
            147046673,
            50000000000000000,
            [446039451280947439892, 631236305877481947136, 116082006442013573120],
            1185525372394046204052,
            631163904838897893822,
        ),
    ],
)
def test_without_a_real_root_the_balance_is_searched(
    maths: Maths, ann: int, gamma: int, balances: list[int], invariant: int, left: int
) -> None:
    assert cubic_balance(maths, ann, gamma, balances, invariant, 1) == (left, 0)


def test_the_two_versions_for_two_assets_differ_in_their_ranges() -> None:
    """A coin that is 0.99 % of D: v2.1.0 takes it, v2.0.0 reverts. D as the contract of either gives it."""
    far, pair = [10**24, 4 * 10**20], (400_000, 145 * 10**12)
    found = cubic_invariant("twocrypto-ng-2.1", *pair, far)

    assert (found, far[1] * ONE // found) == (40546237106628444889036, 9865280443856737)
    with pytest.raises(ValueError, match="a balance's share"):
        cubic_invariant("twocrypto-ng-2.0", *pair, far)


def test_a_pool_of_2021_is_written_as_before_there_were_others() -> None:
    old = pool("twocrypto-ng-2.1", EXCHANGES[2][1]).model_copy(update={"maths": None})

    assert "maths" not in old.to_wire()
    assert CurveCryptoState.from_json(old.canonical) == old


def test_dust_that_leaves_the_pool_no_more_is_refused_as_the_contract_reverts() -> None:
    coins = [(3694661508119971764731673, 18), (42443359489630157793713829, 18)]
    parameters = 2 * 10**7, 10**15, 5692923, 629172734, 10**12
    recorded = coins, [445999100642511465], parameters, 17447740910306879894765835, (0, 1, 8243165), (0, 0)
    state = pool("twocrypto-ng-2.0", recorded)

    with pytest.raises(TradeRefusedError, match=r"no_output: .* a loss"):
        CurveCrypto().execute(state, "", Trade(NAMES[0], 8243165, NAMES[1]), 0)
    assert CurveCrypto().execute(state, "", Trade(NAMES[0], 10**18, NAMES[1]), 0)[0] > 0


@pytest.mark.parametrize(
    ("maths", "changes", "field"),
    [
        ("tricrypto-ng-2.0", {}, "maths"),
        ("twocrypto-ng-2.0", {"multiplier": 100}, "maths"),
        ("twocrypto-ng-2.0", {"gamma": 2 * 10**15 + 1}, "gamma"),
        ("twocrypto-ng-2.1", {"amplification": 4 * 10**7 + 1}, "amplification"),
        ("twocrypto-ng-2.1", {"fee_gamma": 0}, "fee_gamma"),
    ],
)
def test_what_no_factory_makes_is_no_state(maths: Maths, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(VenueStateError) as refused:
        checked(pool(maths, EXCHANGES[2][1], **changes))

    assert refused.value.where == field
