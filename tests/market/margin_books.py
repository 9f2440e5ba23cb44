"""Markets and instruments that the margin tests share."""

from engine.market.margin.inputs import Contract, Instrument, RiskInputs, Scenario
from intents.instruments import Option, Right, Style, option_asset

TIME = 1_600_000_000 - 1_600_000_000 % 86_400
DAY = 86_400
COIN, CASH = "deribit:main/coin:BTC", "derive:main/coin:USDC"
PERPETUAL, INVERSE_PERPETUAL = "derive:main/perp:BTC", "deribit:main/perp:BTC"
FORWARD = "10000"


def option_id(strike: int, right: Right, days: int = 30, style: Style = "linear") -> str:
    settlement = COIN if style == "inverse" else CASH
    place = settlement.split("/")[0]
    return option_asset(
        Option(place, False, "BTC", "index.btc", TIME + days * DAY, str(strike), right, style, settlement)
    )


def option(volatility: str = "0.6", forward: str = FORWARD, settlement_decimals: int = 6) -> Instrument:
    return Instrument(decimals=4, settlement_decimals=settlement_decimals, forward=forward, volatility=volatility)


def delta_one(style: Style = "linear", size: str = "1", days: int | None = None) -> Instrument:
    settlement, decimals = (COIN, 8) if style == "inverse" else (CASH, 6)
    contract = Contract(
        underlying="BTC",
        index="index.btc",
        style=style,
        settlement=settlement,
        size=size,
        expiry_seconds=None if days is None else TIME + days * DAY,
    )
    return Instrument(decimals=4, settlement_decimals=decimals, forward=FORWARD, contract=contract)


def grid(spots: tuple[int, ...], vols: tuple[int, ...] = (0,)) -> tuple[Scenario, ...]:
    return tuple(Scenario(spot_bps=spot, vol_bps=vol) for spot in spots for vol in vols)


SCENARIOS = grid((-1600, -1200, -800, -400, 0, 400, 800, 1200, 1600), (-2800, 0, 3800))


def inputs(
    instruments: dict[str, Instrument], scenarios: tuple[Scenario, ...] = SCENARIOS, power: str = "0.3"
) -> RiskInputs:
    return RiskInputs(time=TIME, instruments=instruments, scenarios=scenarios, vega_power=power)
