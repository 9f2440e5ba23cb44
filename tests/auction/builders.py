"""Small worlds for tests of the mechanism: assets, venues, intents, problems and solutions in a few words.

Prices are chosen so that arithmetic can be done in the head: 1 ETH unit is worth 2,000 USD units, one unit of gas money 3.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from engine.auction.problem import Holding, Intent, Problem
from engine.auction.replay import Bid
from engine.auction.solution import Fill, Leg, Line, Solution, Transfer
from engine.auction.verdict import Verdict
from engine.auction.verify import verify
from engine.market.margin.account import Collateral, MarginRules
from engine.market.margin.inputs import Instrument, RiskInputs, Scenario
from engine.market.margin.place import PlaceRisk
from engine.market.margin.tables import RiskTables, Row
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, snapshot_hash
from engine.market.venues import AnyVenueState, kind_of
from engine.market.venues.base import Trade
from engine.market.venues.bridge import BridgeState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.order_book import Level, OrderBookState
from intents.identifiers import solver_account
from intents.instruments import parse_instrument
from intents.outcome import Outcome, is_derivative

NOW = 1_000_000_000
JUNE = 1_593_158_400
"""2020-06-26 08:00 UTC."""

ETH = "sim:alpha/token:ETH"
USD = "sim:alpha/token:USD"
DAI = "sim:alpha/token:DAI"
GAS = "sim:alpha/coin:GAS"
BETA_USD = "sim:beta/token:USD"
BETA_GAS = "sim:beta/coin:GAS"
BTC = "deribit:main/coin:BTC"
ODD = "sim:alpha/token:ODD"
"""Has no reference price."""

ALICE, BOB, CAROL = "import:alice", "import:bob", "import:carol"
ANN, BEN = "ann", "ben"
"""Two solvers."""

POOL = "sim:alpha/pool:eth-usd"
DAI_POOL = "sim:alpha/pool:usd-dai"
BRIDGE = "sim:alpha/bridge:usd-to-beta"
BETA_POOL = "sim:beta/pool:usd-gas"

PRICES = {ETH: (2000, 1), USD: (1, 1), DAI: (1, 1), GAS: (3, 1), BETA_USD: (1, 1), BETA_GAS: (3, 1), BTC: (1, 10)}


def option(
    strike: int, right: str = "C", style: str = "inv", *, issuer: str = "option", index: str = "deribit.btc"
) -> str:
    """A BTC option of June 2020 at Deribit, or Clearway's own with issuer="cwoption"."""
    return f"deribit:main/{issuer}:BTC-20200626T08-{strike}-{right}-{style}-coin.BTC-{index}"


def pool(venue: str, reserves: Mapping[str, int], *, fee: tuple[int, int] = (3, 1000), gas: int = 100) -> AnyVenueState:
    """A constant product pool."""
    return ConstantProductState(id=venue, gas_units=gas, reserves=dict(reserves), fee=fee)


def book(
    base: str,
    *,
    asks: list[tuple[int, int]],
    bids: list[tuple[int, int]] | None = None,
    lot: int = 100,
    expiry: int | None = None,
    quote: str = BTC,
    name: str = "",
) -> AnyVenueState:
    """A book at Deribit: (thousandths of a quote unit per base unit, size); the tick is one quote unit for a lot."""
    name = name or base.split(":")[2].split("-coin", maxsplit=1)[0]
    return OrderBookState(
        id=f"deribit:main/book:{name}",
        base=base,
        quote=quote,
        tick=(1, lot),
        lot=lot,
        asks=tuple(Level(price=price * lot // 1000, size=size) for price, size in asks),
        bids=tuple(Level(price=price * lot // 1000, size=size) for price, size in bids or []),
        expiry_seconds=parse_instrument(base).expiry_seconds if expiry is None and is_derivative(base) else expiry,
    )


def bridge(*, venue: str = BRIDGE, delay: int = 600, fee_fixed: int = 0) -> AnyVenueState:
    """Carries USD from alpha to beta at a fee of one in a thousand."""
    return BridgeState(
        id=venue,
        gas_units=100,
        asset_in=USD,
        asset_out=BETA_USD,
        fee_fixed=fee_fixed,
        fee=(1, 1000),
        capacity=10**12,
        delay_seconds=delay,
    )


def venues() -> list[AnyVenueState]:
    """The venues of the usual world."""
    return [
        pool(POOL, {ETH: 1_000_000, USD: 2_000_000_000}),
        pool(DAI_POOL, {USD: 10**10, DAI: 10**10}),
        bridge(),
        pool(BETA_POOL, {BETA_USD: 3 * 10**9, BETA_GAS: 10**9}),
    ]


def snapshot(states: list[AnyVenueState], *, extra_assets: tuple[str, ...] = (), now: int = NOW) -> Snapshot:
    """A market at one moment over two chains and an exchange."""
    assets = {name: Asset(decimals=6, symbol=name.split(":")[2]) for name in (*PRICES, ODD, *extra_assets)}
    for state in states:
        if isinstance(state, OrderBookState):
            assets[state.base] = Asset(decimals=6, symbol="option")
    return Snapshot(
        time_seconds=now,
        numeraire=USD,
        chains={
            "sim:alpha": Chain(native=GAS, gas_price=2),
            "sim:beta": Chain(native=BETA_GAS, gas_price=1),
            "deribit:main": Chain(),
        },
        assets=assets,
        prices={
            asset: ReferencePrice(ratio=ratio, source="test", method="stated", time_seconds=now)
            for asset, ratio in PRICES.items()
        },
        venues=tuple(sorted(states, key=lambda state: state.id)),
    )


def intent(
    name: str,
    pays: Mapping[str, int],
    receives: Mapping[str, int],
    *,
    owner: str = ALICE,
    units: int | None = None,
    filled: int = 0,
    surplus: str | None = None,
    **more: Any,
) -> Intent:
    """An unsigned intent. Units are the paid amount by default, surplus is in what is received (else in what is paid)."""
    fields: dict[str, Any] = {
        "owner": owner,
        "receiver": owner,
        "nonce": 0,
        "valid_from": NOW - 100,
        "valid_until": NOW + 1000,
        "pays": dict(pays),
        "receives": dict(receives),
        "units": units or max(pays.values(), default=1),
        "surplus_asset": surplus or min(receives or pays),
    }
    return Intent(id=f"import:{name}", outcome=Outcome(**(fields | more)), filled_units=filled)


def problem(
    intents: list[Intent],
    *,
    states: list[AnyVenueState] | None = None,
    holdings: Mapping[str, Mapping[str, int | tuple[int, int]]] | None = None,
    extra_assets: tuple[str, ...] = (),
    now: int = NOW,
    risk: PlaceRisk | None = None,
) -> Problem:
    """A problem in which owners hold what their intents pay and solvers have gas, unless `holdings` says otherwise.

    `holdings` gives amounts, or (amount, reserved); it replaces the named owner's holdings. With `risk` accounts at Deribit
    are margin accounts.
    """
    held: dict[str, dict[str, Holding]] = {}
    for item in intents:
        for asset, amount in item.outcome.pays.items():
            mine = held.setdefault(item.outcome.owner, {})
            mine[asset] = Holding(amount=amount + (mine[asset].amount if asset in mine else 0))
    for name in (ANN, BEN):
        held[solver_account(name)] = {GAS: Holding(amount=10_000), BETA_GAS: Holding(amount=10_000)}
    for owner, amounts in (holdings or {}).items():
        pairs = {asset: value if isinstance(value, tuple) else (value, 0) for asset, value in amounts.items()}
        held[owner] = {asset: Holding(amount=amount, reserved=reserved) for asset, (amount, reserved) in pairs.items()}
    market = snapshot(venues() if states is None else states, extra_assets=extra_assets, now=now)
    if risk is not None:
        market = market.model_copy(update={"risk": {"deribit:main": risk}})
    return Problem(
        auction="test",
        deadline_seconds=now,
        solver_seed="0x" + "11" * 32,
        deployment_salt="0x" + "22" * 32,
        snapshot_hash=snapshot_hash(market),
        snapshot=market,
        intents=tuple(sorted(intents, key=lambda item: item.id)),
        holdings=held,
    )


def row(fall: int, rise: int, *, mark: int = 0, greeks: tuple[int, int, int] = (0, 0, 0)) -> Row:
    """What a whole contract gains in two scenarios, is worth, and its greeks; shorts count one unit more of each."""
    delta, gamma, vega = greeks
    cells = {"mark": mark, "delta": delta, "gamma": gamma, "vega": vega}
    return Row(pnl=(fall, rise), notional=abs(rise), slack=0, greek_slack=0, **cells)


def place_risk(rows: Mapping[str, Row], *, haircut_bps: int = 0, now: int = NOW, **rules: Any) -> PlaceRisk:
    """Risk at Deribit from tables that were made up: verification reads rows, whatever they were made from."""
    instruments = {
        asset: Instrument(
            decimals=6, settlement_decimals=6, forward="9000", volatility="0.5" if "option" in asset else "0"
        )
        for asset in rows
    }
    inputs = RiskInputs(
        time=now, instruments=instruments, scenarios=(Scenario(spot_bps=-1000), Scenario(spot_bps=1000))
    )
    collateral = {BTC: Collateral(price=PRICES[BTC], haircut_bps=haircut_bps)}
    return PlaceRisk(
        tables=RiskTables(inputs=inputs, rows=dict(rows)), rules=MarginRules(collateral=collateral, **rules)
    )


def fill(name: str, units: int, ins: Mapping[str, int], outs: Mapping[str, int], **more: Any) -> Fill:
    """A fill of `import:<name>`."""
    return Fill(intent=f"import:{name}", units=units, ins=dict(ins), outs=dict(outs), **more)


def leg(
    venue: str, ins: Mapping[str, int], outs: Mapping[str, int], *, level: str | None = None, stage: int = 0
) -> Leg:
    """A leg."""
    return Leg(venue=venue, ins=dict(ins), outs=dict(outs), level=level, stage=stage)


def line(kind: Any, asset: str, amount: int, account: str = "protocol") -> Line:
    """A line."""
    return Line(kind=kind, asset=asset, amount=amount, account=account)


def give(asset: str, amount: int, *, stage: int = 0) -> Transfer:
    """The solver lends from its inventory."""
    return Transfer(stage=stage, give={asset: amount})


def take(asset: str, amount: int, *, stage: int = 0) -> Transfer:
    """The solver is repaid."""
    return Transfer(stage=stage, take={asset: amount})


def output(state: AnyVenueState, asset_in: str, amount: int, asset_out: str, level: str | None = None) -> int:
    """What a venue gives for an input, untouched before."""
    return kind_of(state).execute(state, "someone", Trade(asset_in, amount, asset_out, level), NOW)[0]


def resold(first: int, second: int) -> int:
    """What the usual pool gives for ETH after it took `first` before."""
    state = venues()[0]
    _, after = kind_of(state).execute(state, "someone", Trade(ETH, first, USD), NOW)
    return output(after, ETH, second, USD)


def edited(solution: Solution, *path: str | int, by: Callable[[Any], Any]) -> Solution:
    """The solution with the value at a wire path replaced by `by(value)`."""
    wire = json.loads(solution.model_dump_json(by_alias=True))
    place = wire
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = by(place[path[-1]])
    return Solution.from_wire(wire)


def plus(amount: int) -> Callable[[str], str]:
    """Adds to an amount on the wire."""
    return lambda text: str(int(text) + amount)


def judged(question: Problem, solution: Solution, solver: str | None = ANN) -> Verdict:
    """The verdict outside an auction."""
    return verify(question, solution, solver=solver)


def refusal(question: Problem, solution: Solution, solver: str | None = ANN) -> tuple[str, str]:
    """The code and place of the fault; fails the test where there is none."""
    fault = judged(question, solution, solver).fault
    assert fault is not None, "the solution was accepted"
    return fault.code, fault.where


def bid(name: str, solution: Solution, solver: str = ANN) -> Bid:
    """A bid with a chosen id."""
    return Bid(name, solver, solution)


# -- The first story: Alice sells 1,000 ETH units to the pool. --------------------------------------------------------


def sale(name: str = "sale", amount: int = 1000, least: int = 1_900_000, **more: Any) -> Intent:
    """Sell ETH for USD."""
    return intent(name, {ETH: amount}, {USD: least}, **more)


def sold(amount: int = 1000) -> int:
    """What the untouched pool gives for ETH."""
    return output(venues()[0], ETH, amount, USD)


def pool_sale(name: str = "sale", amount: int = 1000, fee: int = 0, solver: str = ANN) -> Solution:
    """The honest answer to `sale`: through the pool, all of its output to the owner but the fee."""
    got = sold(amount)
    return Solution(
        fills=(fill(name, amount, {ETH: amount}, {USD: got - fee}, fee={USD: fee} if fee else {}),),
        legs=(leg(POOL, {ETH: amount}, {USD: got}),),
        prices={f"{ETH}>{USD}": (got, amount)},
        lines=(line("fee", USD, fee, solver_account(solver)),) if fee else (),
    )
