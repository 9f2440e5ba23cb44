"""Random outcomes with every field of the signed object in use."""

from typing import Any

from hypothesis import strategies as st

from intents.instruments import parse_option
from intents.outcome import ExposureBound, IndexHaircut, Knot, Outcome, PayoffFloor

OPTION = parse_option("deribit:main/option:BTC-20200626T08-9000-C-inv-coin.BTC-deribit.btc")
ASSETS = (
    "eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
    "eip155:1/slip44:60",
    "eip155:42161/erc20:0x82af49447d8a07e3bd95bd0d56f35241523fbab1",
    "deribit:main/coin:BTC",
    "deribit:main/option:BTC-20200626T08-9000-C-inv-coin.BTC-deribit.btc",
    "sim:alpha/token:USDC",
)

amounts = st.integers(0, 2**256 - 1)
signed = st.integers(-(2**255), 2**255 - 1)
words = st.text("ABCxyz019._-%:/>", min_size=1, max_size=12)
seconds = st.integers(0, 2**53 - 1)
amount_maps = st.dictionaries(st.sampled_from(ASSETS), amounts, max_size=4)
haircuts = st.builds(IndexHaircut, index=words, haircut_bps=st.integers(0, 10_000))
bounds = st.builds(
    ExposureBound, underlying=words, measure=st.sampled_from(["delta", "gamma", "vega"]), low=signed, high=signed
)


@st.composite
def floors(draw: st.DrawFn) -> PayoffFloor:
    """A payoff floor with up to five knots."""
    places = ["0", *map(str, sorted(draw(st.sets(st.integers(1, 10**6), max_size=4))))]
    return PayoffFloor(
        underlying=draw(words),
        index=draw(words),
        fixing_seconds=draw(seconds),
        settlement=draw(st.sampled_from(ASSETS)),
        style=draw(st.sampled_from(["linear", "inverse"])),
        knots=tuple(Knot(at=at, value=draw(signed)) for at in places),
        slope=draw(signed),
    )


@st.composite
def outcomes(draw: st.DrawFn, owner: str = "0x" + "11" * 20) -> Outcome:
    """Any valid outcome of the owner."""
    both = draw(st.dictionaries(st.sampled_from(ASSETS), amounts, min_size=1))
    split = draw(st.integers(0, len(both)))
    assets = list(both)
    units = draw(st.integers(1, 2**256 - 1))
    policy = draw(st.sampled_from(["partial", "all_or_none"]))
    start = draw(st.integers(0, 2**53 - 2))
    fields: dict[str, Any] = {
        "owner": owner,
        "receiver": draw(st.sampled_from([owner, "ed25519:" + "22" * 32])),
        "nonce": draw(amounts),
        "valid_from": start,
        "valid_until": draw(st.integers(start + 1, 2**53 - 1)),
        "pays": {asset: both[asset] for asset in assets[:split]},
        "receives": {asset: both[asset] for asset in assets[split:]},
        "payoff_floors": tuple(draw(st.lists(floors(), max_size=2))),
        "exposure_bounds": tuple(draw(st.lists(bounds, max_size=2))),
        "worst_loss": draw(amount_maps),
        "units": units,
        "min_units": units if policy == "all_or_none" else draw(st.integers(1, units)),
        "fill_policy": policy,
        "surplus_asset": draw(st.sampled_from(assets)),
        "max_escrow": draw(amount_maps),
        "allowed_issuers": tuple(sorted(draw(st.sets(words, max_size=3)))),
        "allowed_venues": tuple(sorted(draw(st.sets(st.sampled_from(["eip155:1", "deribit:main", "sim:alpha"]))))),
        "allowed_indices": tuple(
            sorted(draw(st.lists(haircuts, max_size=3, unique_by=lambda entry: entry.index)), key=lambda e: e.index)
        ),
        "refund": draw(amount_maps),
    }
    return Outcome(**fields)
