"""Stories of fees, lines, the solver's account and conservation (docs/rules.md, section 2, steps 5 to 8)."""

from engine.auction.solution import Line, Solution
from tests.auction.builders import (
    ALICE,
    BOB,
    DAI,
    DAI_POOL,
    ETH,
    GAS,
    ODD,
    POOL,
    USD,
    edited,
    fill,
    give,
    intent,
    leg,
    line,
    output,
    plus,
    pool,
    pool_sale,
    problem,
    sale,
    sold,
    take,
    venues,
)
from tests.auction.story import Tale, accepted, refused

ANN_ACCOUNT = "solver:ann"


@accepted()
def a_fee_of_all_the_gas() -> Tale:
    """One leg burns 100 units at 2, worth 3 each: 600."""
    return problem([sale()]), pool_sale(fee=600)


@refused("fee_over_cap", "/fills/0/fee/sim:alpha~1token:USD")
def a_fee_one_unit_over_the_gas() -> Tale:
    return problem([sale()]), pool_sale(fee=601)


@refused("fee_over_cap", "/fills/0/fee/sim:alpha~1token:USD")
def a_fee_where_nothing_burns_gas() -> Tale:
    states = [pool(POOL, {ETH: 1_000_000, USD: 2_000_000_000}, gas=0)]
    return problem([sale()], states=states), pool_sale(fee=1)


@refused("fee_asset", "/fills/0/fee/sim:alpha~1token:DAI")
def a_fee_in_a_third_asset() -> Tale:
    return problem([sale()]), edited(pool_sale(), "fills", 0, "fee", by=lambda _: {DAI: "1"})


@refused("fee_mismatch", "/lines")
def a_fee_that_no_line_states() -> Tale:
    return problem([sale()]), pool_sale(fee=600).model_copy(update={"lines": ()})


@refused("fee_mismatch", "/lines")
def a_fee_line_of_one_unit_more() -> Tale:
    return problem([sale()]), edited(pool_sale(fee=600), "lines", 0, "amount", by=plus(1))


@refused("fee_mismatch", "/lines")
def a_fee_line_that_no_fill_pays() -> Tale:
    got = sold()
    quiet = edited(pool_sale(), "fills", 0, "out", USD, by=plus(-1))
    prices = {f"{ETH}>{USD}": (got - 1, 1000)}
    return problem([sale()]), quiet.model_copy(update={"prices": prices, "lines": (_fee(USD, 1),)})


def _fee(asset: str, amount: int) -> Line:
    return line("fee", asset, amount, ANN_ACCOUNT)


def _paid_fee(amount: int) -> Tale:
    """The fee is taken in ETH, of which one unit is worth 2,000: ceil(600 / 2000) = 1."""
    kept = 1000 - amount
    got = sold(kept)
    solution = Solution(
        fills=(fill("sale", 1000, {ETH: 1000}, {USD: got}, fee={ETH: amount}),),
        legs=(leg(POOL, {ETH: kept}, {USD: got}),),
        prices={f"{ETH}>{USD}": (got, kept)},
        lines=(_fee(ETH, amount),),
    )
    return problem([sale()]), solution


@accepted()
def a_fee_in_what_is_paid_rounded_up() -> Tale:
    return _paid_fee(1)


@refused("fee_over_cap", "/fills/0/fee/sim:alpha~1token:ETH")
def a_fee_in_what_is_paid_over_the_cap() -> Tale:
    return _paid_fee(2)


def _two_sellers(fees: tuple[int, int]) -> Tale:
    """900 and 100 ETH through one leg of gas worth 600: shares of 540 and 60."""
    got = sold(1000)
    each = got // 1000
    rest = got - 1000 * each
    first, second = fees
    solution = Solution(
        fills=(
            fill("big", 900, {ETH: 900}, {USD: 900 * each - first}, fee={USD: first}),
            fill("small", 100, {ETH: 100}, {USD: 100 * each - second}, fee={USD: second}),
        ),
        legs=(leg(POOL, {ETH: 1000}, {USD: got}),),
        prices={f"{ETH}>{USD}": (each, 1)},
        lines=(_fee(USD, first), _fee(USD, second), *((line("cycle_gain", USD, rest),) if rest else ())),
    )
    return problem([sale("big", 900, 1_700_000), sale("small", 100, 180_000, owner=BOB)]), solution


@accepted()
def two_fees_in_proportion_to_what_is_paid() -> Tale:
    return _two_sellers((540, 60))


@refused("fee_over_cap", "/fills/1/fee/sim:alpha~1token:USD")
def the_small_one_pays_one_unit_of_the_big_ones_gas() -> Tale:
    return _two_sellers((539, 61))


@refused("fee_over_cap", "/fills/0/fee/sim:alpha~1token:USD")
def the_big_one_pays_one_unit_of_the_small_ones_gas() -> Tale:
    return _two_sellers((541, 59))


def _two_assets(usd: int, dai: int, *, odd: int = 0) -> Tale:
    """Alice gets USD and DAI for ETH; gas of two legs is worth 1,200 and fees in both share it."""
    dollars = sold()
    dais = output(venues()[1], USD, 500_000, DAI)
    fees = {asset: amount for asset, amount in ((USD, usd), (DAI, dai), (ODD, odd)) if amount}
    outs = {USD: dollars - 500_000 - usd, DAI: dais - dai}
    both = intent("both", {ETH: 1000}, {USD: 1_000_000, DAI: 400_000}, surplus=USD)
    solution = Solution(
        fills=(fill("both", 1000, {ETH: 1000}, {**outs, **({ODD: 9 - odd} if odd else {})}, fee=fees),),
        legs=(leg(POOL, {ETH: 1000}, {USD: dollars}), leg(DAI_POOL, {USD: 500_000}, {DAI: dais})),
        transfers=(give(ODD, 9),) if odd else (),
        lines=tuple(_fee(asset, amount) for asset, amount in fees.items()),
    )
    return problem([both], holdings={ANN_ACCOUNT: {GAS: 400, ODD: 9}}), solution


@accepted()
def fees_in_two_assets_share_the_cap() -> Tale:
    """(601 - 1) + (600 - 1) is below 1,200; rounding up gives one unit of each."""
    return _two_assets(601, 600)


@refused("fee_over_cap", "/fills/0/fee/sim:alpha~1token:USD")
def fees_in_two_assets_together_over_the_cap() -> Tale:
    return _two_assets(602, 600)


@refused("fee_over_cap", "/fills/0/fee/sim:alpha~1token:ODD")
def a_fee_in_an_asset_without_a_price() -> Tale:
    return _two_assets(1, 1, odd=1)


@refused("fee_over_cap", "/fills/0/fee/sim:alpha~1token:ODD")
def a_fee_on_a_fill_without_any_value() -> Tale:
    """What is paid has no price, so its share of the gas is 0."""
    return _odd_sale(ODD)


@refused("fee_over_cap", "/fills/0/fee/sim:alpha~1token:USD")
def a_priced_fee_on_a_fill_without_any_value() -> Tale:
    return _odd_sale(USD)


def _odd_sale(fee_in: str) -> Tale:
    states = [pool(POOL, {ODD: 10**6, USD: 10**9})]
    paid_fee = int(fee_in == ODD)
    got = output(states[0], ODD, 1000 - paid_fee, USD)
    out = got - (not paid_fee)
    solution = Solution(
        fills=(fill("odd", 1000, {ODD: 1000}, {USD: out}, fee={fee_in: 1}),),
        legs=(leg(POOL, {ODD: 1000 - paid_fee}, {USD: got}),),
        prices={f"{ODD}>{USD}": (got, 1000 - paid_fee)},
        lines=(_fee(fee_in, 1),),
    )
    return problem([intent("odd", {ODD: 1000}, {USD: 1})], states=states), solution


def _tiny_payer(fee: int) -> Tale:
    """A structure that pays one GAS unit beside its ETH may give a fee of at most that unit in GAS."""
    got = sold()
    both = intent("both", {ETH: 1000, GAS: 1}, {USD: 1_900_000})
    solution = Solution(
        fills=(fill("both", 1000, {ETH: 1000, GAS: 1}, {USD: got}, fee={GAS: fee}),),
        legs=(leg(POOL, {ETH: 1000}, {USD: got}),),
        transfers=(give(GAS, fee - 1),) if fee > 1 else (),
        lines=(_fee(GAS, fee),),
    )
    return problem([both]), solution


@accepted()
def a_fee_of_all_that_is_paid_of_an_asset() -> Tale:
    return _tiny_payer(1)


@refused("fee_over_cap", "/fills/0/fee/sim:alpha~1coin:GAS")
def a_fee_of_more_than_is_paid_of_an_asset() -> Tale:
    return _tiny_payer(2)


@refused("line_account", "/lines/0/account")
def a_fee_to_another_solver() -> Tale:
    return problem([sale()]), edited(pool_sale(fee=600), "lines", 0, "account", by=lambda _: "solver:ben")


@refused("line_account", "/lines/0/account", solver=None)
def a_fee_to_nobody() -> Tale:
    return problem([sale()]), pool_sale(fee=600)


@refused("line_account", "/lines/0/account")
def dust_to_the_solver() -> Tale:
    return _with_rest("dust", 1, account=ANN_ACCOUNT)


@refused("line_account", "/lines/0/account")
def a_cycle_gain_to_the_owner() -> Tale:
    return _with_rest("cycle_gain", 1, account=ALICE)


@refused("protocol_fee_mismatch", "/lines/0")
def a_protocol_fee() -> Tale:
    return _with_rest("protocol_fee", 1)


def _with_rest(kind: str, amount: int, *, account: str = "protocol") -> Tale:
    """`amount` of the pool's output is kept from Alice at a lower price and stated as one line."""
    got = sold() - amount
    short = edited(pool_sale(), "fills", 0, "out", USD, by=plus(-amount))
    rest = line(kind, USD, amount, account)
    return problem([sale()]), short.model_copy(update={"prices": {f"{ETH}>{USD}": (got, 1000)}, "lines": (rest,)})


@accepted()
def dust_of_one_unit_for_the_fill_and_one_for_the_leg() -> Tale:
    return _with_rest("dust", 2)


@refused("dust_over_cap", "/lines/0")
def dust_of_one_unit_too_much() -> Tale:
    return _with_rest("dust", 3)


@refused("dust_over_cap", "/lines/1")
def dust_of_one_unit_too_much_in_two_lines() -> Tale:
    question, solution = _with_rest("dust", 3)
    return question, solution.model_copy(update={"lines": (line("dust", USD, 2), line("dust", USD, 1))})


@refused("dust_over_cap", "/lines/0")
def dust_in_an_asset_that_nothing_touches() -> Tale:
    question = problem([sale()], holdings={ANN_ACCOUNT: {GAS: 200, DAI: 1}})
    return question, pool_sale().model_copy(update={"transfers": (give(DAI, 1),), "lines": (line("dust", DAI, 1),)})


@accepted()
def any_rest_is_a_cycle_gain() -> Tale:
    return _with_rest("cycle_gain", 3)


@accepted()
def a_gift_of_the_solver_raises_the_price() -> Tale:
    question = problem([sale()], holdings={ANN_ACCOUNT: {GAS: 200, USD: 7}})
    better = edited(pool_sale(), "fills", 0, "out", USD, by=plus(7))
    prices = {f"{ETH}>{USD}": (sold() + 7, 1000)}
    return question, better.model_copy(update={"prices": prices, "transfers": (give(USD, 7),)})


@refused("insufficient_balance", "")
def a_gift_the_solver_does_not_have() -> Tale:
    question, solution = a_gift_of_the_solver_raises_the_price()
    return problem(list(question.intents), holdings={ANN_ACCOUNT: {GAS: 200, USD: 6}}), solution


@refused("solver_gain", "/transfers")
def a_solver_that_takes_one_unit() -> Tale:
    got = sold() - 1
    short = edited(pool_sale(), "fills", 0, "out", USD, by=plus(-1))
    prices = {f"{ETH}>{USD}": (got, 1000)}
    return problem([sale()]), short.model_copy(update={"prices": prices, "transfers": (take(USD, 1),)})


@refused("solver_gain", "/transfers")
def a_solver_that_takes_one_unit_more_than_it_lent() -> Tale:
    question, solution = a_solver_that_takes_one_unit()
    lent = solution.model_copy(update={"transfers": (give(USD, 5), take(USD, 6))})
    return problem(list(question.intents), holdings={ANN_ACCOUNT: {GAS: 200, USD: 5}}), lent


@refused("solver_gain", "/transfers")
def what_is_given_in_one_asset_pays_for_nothing_in_another() -> Tale:
    question, solution = a_solver_that_takes_one_unit()
    swapped = solution.model_copy(update={"transfers": (give(DAI, 5), take(USD, 1))})
    return problem(list(question.intents), holdings={ANN_ACCOUNT: {GAS: 200, DAI: 5}}), swapped


@accepted()
def a_loan_that_is_repaid() -> Tale:
    question = problem([sale()], holdings={ANN_ACCOUNT: {GAS: 200, USD: 5}})
    return question, pool_sale().model_copy(update={"transfers": (give(USD, 5), take(USD, 5))})


@refused("conservation", "")
def one_unit_out_of_nothing() -> Tale:
    honest = pool_sale()
    got = sold()
    rich = edited(honest, "fills", 0, "out", USD, by=plus(1))
    return problem([sale()]), rich.model_copy(update={"prices": {f"{ETH}>{USD}": (got + 1, 1000)}})


@refused("conservation", "")
def one_unit_into_nothing() -> Tale:
    honest = edited(pool_sale(), "fills", 0, "out", USD, by=plus(-1))
    return problem([sale()]), honest.model_copy(update={"prices": {f"{ETH}>{USD}": (sold() - 1, 1000)}})


@refused("conservation", "")
def a_leg_that_takes_one_unit_less() -> Tale:
    return problem([sale()]), edited(pool_sale(), "legs", 0, "in", ETH, by=plus(-1))


@refused("conservation", "")
def a_line_out_of_nothing() -> Tale:
    return problem([sale()]), pool_sale().model_copy(update={"lines": (line("dust", USD, 1),)})


@refused("conservation", "")
def a_gift_to_nobody() -> Tale:
    question = problem([sale()], holdings={ANN_ACCOUNT: {GAS: 200, USD: 7}})
    return question, pool_sale().model_copy(update={"transfers": (give(USD, 7),)})


@refused("conservation", "")
def what_is_not_repaid() -> Tale:
    question = problem([sale()], holdings={ANN_ACCOUNT: {GAS: 200, USD: 7}})
    return question, pool_sale().model_copy(update={"transfers": (give(USD, 7), take(USD, 6))})
