"""Integer risk tables: rounded against the holder, hashed, and an audit that finds the first wrong cell."""

from fractions import Fraction
from itertools import product
from math import isclose, sqrt

import pytest

from engine.market.margin.account import Account, Collateral, MarginRules
from engine.market.margin.inputs import Instrument, RiskInputs, Scenario
from engine.market.margin.scenarios import margin_of
from engine.market.margin.tables import RiskTables, audit_tables, build_tables, digest_of, vol_change
from engine.market.smile import Smile
from intents.errors import InputError
from tests.market.margin_books import CASH, DAY, FORWARD, SCENARIOS, TIME, delta_one, grid, inputs, option, option_id

BOOK = {
    option_id(10_000, "C"): option(),
    option_id(14_000, "C", 7): option("0.9"),
    option_id(8_000, "P"): option("0.7", settlement_decimals=18),
    option_id(9_000, "P", 60, "inverse"): option("0.75", settlement_decimals=8),
    option_id(11_000, "C", 30, "inverse"): option("0.55", settlement_decimals=8),
    "derive:main/perp:BTC": delta_one(),
    "deribit:main/perp:BTC": delta_one("inverse", "10"),
    "deribit:main/future:BTC": delta_one("inverse", "10", 90),
}


@pytest.fixture(scope="module")
def tables() -> RiskTables:
    return build_tables(inputs(BOOK))


def decimal_premium(
    asset: str, strike: int, right: str, volatility: Fraction, forward: Fraction, days: int
) -> Fraction:
    """The premium by the engine's decimal arithmetic of 40 digits, which shares no code with the model."""
    smile = Smile(forward, days * DAY, volatility, Fraction(0), Fraction(0))
    premium = smile.premium(Fraction(strike), "C" if right == "C" else "P")
    return premium / forward if "-inv-" in asset else premium


def test_the_true_value_lies_between_what_longs_and_shorts_are_counted_at() -> None:
    scenarios = grid((-3000, -500, 0, 700, 10_000), (-2500, 0, 5000))
    tables = build_tables(inputs(BOOK, scenarios, power="0"))
    for asset, strike, right, volatility, days in [
        (option_id(10_000, "C"), 10_000, "C", "0.6", 30),
        (option_id(14_000, "C", 7), 14_000, "C", "0.9", 7),
        (option_id(8_000, "P"), 8_000, "P", "0.7", 30),
        (option_id(9_000, "P", 60, "inverse"), 9_000, "P", "0.75", 60),
        (option_id(11_000, "C", 30, "inverse"), 11_000, "C", "0.55", 30),
    ]:
        row, unit = tables.rows[asset], 10 ** BOOK[asset].settlement_decimals
        now = decimal_premium(asset, strike, right, Fraction(volatility), Fraction(FORWARD), days)

        assert row.mark <= now * unit <= row.mark + row.width
        for scenario, cell in zip(scenarios, row.pnl, strict=True):
            forward = Fraction(FORWARD) * (10_000 + scenario.spot_bps) / 10_000
            shocked = Fraction(volatility) * (10_000 + scenario.vol_bps) / 10_000
            change = (decimal_premium(asset, strike, right, shocked, forward, days) - now) * unit
            assert cell <= change <= cell + row.width


def test_futures_and_perpetuals_are_exact() -> None:
    tables = build_tables(inputs(BOOK, grid((-5000, -1, 2500))))

    linear, inverse = tables.rows["derive:main/perp:BTC"], tables.rows["deribit:main/perp:BTC"]

    assert linear.pnl == (-5_000_000_000, -1_000_000, 2_500_000_000)
    # Ten dollars at 10000 are 0.001 coins; halving the price loses as much again, and 1/9999 of it is 10.0010... units.
    assert inverse.pnl == (-100_000, -11, 20_000)
    assert (inverse.mark, inverse.delta, inverse.gamma, inverse.notional) == (0, 100_000, -200_000, 100_000)


def test_what_is_bought_is_worth_its_price_and_an_inverse_unit_falls_as_the_price_rises() -> None:
    linear = "derive:main/perp:BTC-lin-coin.USDC-index.btc"
    inverse = "deribit:main/future:BTC-20201212T00-inv-coin.BTC-deribit.btc"
    bought = {
        linear: Instrument(decimals=4, settlement_decimals=6, forward=FORWARD),
        inverse: Instrument(decimals=4, settlement_decimals=8, forward=FORWARD),
    }
    tables = build_tables(inputs(bought, grid((-5000, 2500))))

    # A whole unit of the second is a dollar's worth of coins: 10^4 units at 10000, twice as many at half the price.
    assert tables.rows[linear].pnl == (-5_000_000_000, 2_500_000_000)
    assert tables.rows[inverse].pnl == (10_000, -2_000)
    assert (tables.rows[linear].mark, tables.rows[inverse].mark) == (10_000_000_000, 10_000)
    assert (tables.rows[linear].delta, tables.rows[inverse].delta) == (10_000_000_000, -10_000)
    assert (tables.rows[linear].gamma, tables.rows[inverse].gamma) == (0, 20_000)
    assert audit_tables(tables) is None

    # dYdX v4's equity, "quote balance + position at the oracle price": 1,000 paid in, one coin bought for 10,000.
    rules = MarginRules(collateral={CASH: Collateral(price=(1, 1))})
    account = Account(balances={CASH: -9_000_000_000}, positions={linear: 10_000})
    assert margin_of(tables, rules, account).equity == 1_000_000_000


def test_a_weight_dampens_the_change() -> None:
    whole, half = (
        build_tables(inputs(BOOK, (Scenario(spot_bps=20_000, vol_bps=3800, weight_bps=weight),)))
        for weight in (10_000, 5_000)
    )
    for asset, row in whole.rows.items():
        assert abs(2 * half.rows[asset].pnl[0] - row.pnl[0]) <= 2 * row.width


def test_greeks_are_the_first_terms_of_the_change() -> None:
    fine = {asset: instrument.model_copy(update={"settlement_decimals": 24}) for asset, instrument in BOOK.items()}
    scenarios = (*grid((-10, 10)), *grid((0,), (-10, 10)))
    for asset, row in build_tables(inputs(fine, scenarios, power="0")).rows.items():
        down, up, calmer, wilder = row.pnl
        volatility = float(fine[asset].volatility)

        assert isclose((up - down) / 2 * 1_000, row.delta, rel_tol=2e-3)
        assert isclose((up + down) * 1_000**2, row.gamma, rel_tol=1e-2, abs_tol=1e-5 * row.notional)
        assert isclose((wilder - calmer) / 2 * 1_000, row.vega * volatility, rel_tol=1e-3)


def test_equal_tables_have_equal_digests_and_survive_the_wire(tables: RiskTables) -> None:
    again = RiskTables.from_wire(tables.to_wire())

    assert again == tables
    assert digest_of(again) == digest_of(build_tables(inputs(dict(reversed(BOOK.items())))))
    assert digest_of(build_tables(inputs(BOOK, power="0.4"))) != digest_of(tables)


def test_the_audit_accepts_slack_and_names_the_first_cell_beyond_it(tables: RiskTables) -> None:
    asset = option_id(8_000, "P")
    row = tables.rows[asset]

    def with_cell(error: int) -> RiskTables:
        pnl = (*row.pnl[:4], row.pnl[4] + error, *row.pnl[5:])
        return tables.model_copy(update={"rows": {**tables.rows, asset: row.model_copy(update={"pnl": pnl})}})

    assert audit_tables(tables) is None
    assert audit_tables(with_cell(row.slack)) is None
    fault = audit_tables(with_cell(row.slack + 1))
    assert fault is not None
    assert (fault.asset, fault.column, fault.expected, fault.tolerance) == (asset, "pnl/4", row.pnl[4], row.slack)


@pytest.mark.parametrize("column", ["mark", "delta", "gamma", "vega", "notional", "slack", "greek_slack"])
def test_the_audit_sees_every_column(tables: RiskTables, column: str) -> None:
    for asset, row in tables.rows.items():
        wrong = row.model_copy(update={column: getattr(row, column) + 10 * row.greek_width})
        fault = audit_tables(tables.model_copy(update={"rows": {**tables.rows, asset: wrong}}))

        assert fault is not None
        assert (fault.asset, fault.column) == (asset, column)


def test_the_audit_sees_missing_rows_and_cells(tables: RiskTables) -> None:
    first, *others = sorted(tables.rows)
    short = tables.rows[first].model_copy(update={"pnl": tables.rows[first].pnl[:-1]})
    cut = audit_tables(tables.model_copy(update={"rows": {asset: tables.rows[asset] for asset in others}}))
    shortened = audit_tables(tables.model_copy(update={"rows": {**tables.rows, first: short}}))

    assert cut is not None
    assert (cut.asset, cut.column) == (first, "row")
    assert shortened is not None
    assert (shortened.column, shortened.actual) == (f"pnl/{len(SCENARIOS) - 1}", None)


@pytest.mark.parametrize(
    ("power", "vol_bps", "days", "expected"),
    [
        ("0.3", 3800, 30, 0.38),
        ("0.3", 3800, 15, 2**0.30 * 0.38),
        ("0.5", 4000, 15, 0.566),
        ("0.5", 2700, 15, sqrt(2) * 0.27),
    ],
)
def test_volatility_moves_by_deribits_examples(power: str, vol_bps: int, days: int, expected: float) -> None:
    """Deribit, "Portfolio Margin" (three versions of the page): "options expiring in 15 days: ... (30/15)^0.30*38.00%",
    "SQRT(30/15)*40%= 56.6%"."""
    moved = vol_change(inputs(BOOK, power=power), Scenario(spot_bps=0, vol_bps=vol_bps), days * DAY)

    assert isclose(moved, expected, abs_tol=5e-4)


@pytest.mark.parametrize(
    ("asset", "instrument", "code"),
    [
        (option_id(9000, "C"), option(volatility="0"), "bad_volatility"),
        (option_id(9000, "C"), option(forward="0"), "zero_price"),
        (option_id(9000, "C", 0), option(), "instrument_expired"),
        (option_id(9000, "C"), delta_one(), "contract_not_fit"),
        ("derive:main/perp:BTC", option(), "contract_not_fit"),
        ("derive:main/perp:BTC", delta_one(size="0"), "zero_amount"),
        ("derive:main/future:BTC", delta_one(days=0), "instrument_expired"),
    ],
)
def test_what_can_not_be_priced_is_refused_with_its_field(asset: str, instrument: Instrument, code: str) -> None:
    good = RiskInputs(time=TIME, instruments={}, scenarios=SCENARIOS).to_wire()
    with pytest.raises(InputError) as error:
        RiskInputs.from_wire({**good, "instruments": {asset: instrument.to_wire()}})

    assert error.value.code == code
    assert error.value.where.startswith("/instruments/")


def test_extremes_give_tables_or_a_refusal_never_an_overflow() -> None:
    tiny, huge = "0." + "0" * 17 + "1", "9" * 30
    call, coin_put = option_id(10_000, "C"), option_id(10_000, "P", 30, "inverse")
    for forward, volatility in product((tiny, huge), (tiny, huge)):
        book = {asset: option(volatility, forward) for asset in (call, coin_put)}
        assert (
            audit_tables(build_tables(inputs(book, grid((-9_999, 1_000_000), (-9_999, 1_000_000)), power="4"))) is None
        )

    with pytest.raises(InputError) as error:
        build_tables(
            inputs(
                {
                    "derive:main/perp:BTC": delta_one(size=huge).model_copy(
                        update={"forward": huge, "settlement_decimals": 36}
                    )
                }
            )
        )
    assert error.value.code == "amount_out_of_range"

    with pytest.raises(InputError) as error:
        RiskInputs.from_wire({**inputs(BOOK).to_wire(), "vega_power": "5"})
    assert error.value.code == "bad_volatility"
