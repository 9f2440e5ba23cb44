"""The deribit-book feed and the example payoffs on it: made-up chains, and the recorded one."""

import gzip
from collections.abc import Callable
from fractions import Fraction

import pytest

from engine.auction.check_problem import check_problem
from engine.auction.problem import Problem
from engine.market.feeds.base import FeedError, Imported
from engine.market.feeds.deribit_book import import_deribit
from engine.market.feeds.deribit_examples import examples, naive_cost, with_examples
from engine.market.smile import Smile
from engine.market.venues.order_book import Level, OrderBookState
from intents.errors import InputError
from intents.instruments import parse_option
from intents.payoff import combine, floor_payoff, option_payoff
from tests.data import data_path

HEADER = "extra,instrument_name,underlying_price,index_price,timestamp,bids,asks"
CALL = '1,BTC-26JUN20-9000-C,9100.5,9095.83,1590103193775,"[[0.1, 0.5], [0.0995, 1.0]]","[[0.101, 2.0]]"'
PUT = '2,BTC-26JUN20-9000-P,9100.5,9095.86,1590103355277,"[[0.09, 0.5]]",[]'


def run(*lines: str) -> Imported:
    return import_deribit("".join(f"{line}\n" for line in (HEADER, *lines)), "made.csv")


def book(imported: Imported, name: str) -> OrderBookState:
    found = imported.problem.venues_by_id[f"deribit:main/book:{name}"]
    assert isinstance(found, OrderBookState)
    return found


def test_books_are_exact_and_named_by_the_source() -> None:
    imported = run(CALL, PUT)
    problem = imported.problem
    check_problem(problem)
    call = book(imported, "BTC-26JUN20-9000-C")

    assert call.base == "deribit:main/option:BTC-20200626T08-9000-C-inv-coin.BTC-deribit.btc"
    assert call.quote == problem.snapshot.numeraire == "deribit:main/coin:BTC"
    assert (call.tick, call.lot) == ((5000, 1), 1)  # 0.0005 BTC a contract is 5000 satoshi a tenth
    assert call.bids == (Level(price=200, size=5), Level(price=199, size=10))
    assert call.asks == (Level(price=202, size=20),)
    assert call.expiry_seconds == 1593158400
    assert problem.snapshot.assets[call.base].decimals == 1
    assert problem.snapshot.time_seconds == 1590103355
    assert problem.provenance["index_price"] == "9095.86"
    assert problem.snapshot.price(call.base) == 201 * 5000
    assert problem.snapshot.prices[call.base].depth == 5
    assert problem.snapshot.price(book(imported, "BTC-26JUN20-9000-P").base) is None
    assert imported.report["rows"]["kept"] == 2


def test_columns_may_come_in_any_order() -> None:
    ordered = run(CALL, PUT).problem
    lines = [
        "asks,bids,timestamp,index_price,underlying_price,instrument_name",
        '"[[0.101, 2.0]]","[[0.1, 0.5], [0.0995, 1.0]]",1590103193775,9095.83,9100.5,BTC-26JUN20-9000-C',
        '[],"[[0.09, 0.5]]",1590103355277,9095.86,9100.5,BTC-26JUN20-9000-P',
    ]
    shuffled = import_deribit("".join(f"{line}\r\n" for line in lines), "made.csv").problem

    assert shuffled.snapshot == ordered.snapshot


def test_ether_has_its_own_lot() -> None:
    imported = run('1,ETH-26JUN20-200-C,201,201,1590103193775,"[[0.0505, 3.0]]","[[0.051, 1.0]]"')
    call = book(imported, "ETH-26JUN20-200-C")

    assert imported.problem.snapshot.assets[call.base].decimals == 0
    assert call.bids == (Level(price=101, size=3),)
    assert Fraction(*call.tick) == 5 * 10**14


REPORTED = [
    ("repeated", CALL, "repeated", "instrument_name"),
    ("perpetual", "3,BTC-PERPETUAL,9100,9100,1590103193775,[],[]", "not_an_option", "instrument_name"),
    ("future", "3,BTC-26JUN20,9100,9100,1590103193775,[],[]", "not_an_option", "instrument_name"),
    ("expired", CALL.replace("26JUN20", "21MAY20"), "expired", "instrument_name"),
    ("empty", "3,BTC-26JUN20-9500-C,9100,9100,1590103193775,[],[]", "empty_book", "bids"),
    ("off tick", CALL.replace("9000-C", "9500-C").replace("0.101", "0.1011"), "refused_state:asks", "asks/0/price"),
    ("off lot", CALL.replace("9000-C", "9500-C").replace("2.0", "2.05"), "refused_state:asks", "asks/0/size"),
    ("no size", CALL.replace("9000-C", "9500-C").replace("2.0", "0.0"), "refused_state:asks", "asks/0/size"),
    ("crossed", CALL.replace("9000-C", "9500-C").replace("0.101", "0.1"), "refused_state:bids", "bids/0/price"),
    ("unsorted", CALL.replace("9000-C", "9500-C").replace("0.0995", "0.1"), "refused_state:bids", "bids/1/price"),
]


@pytest.mark.parametrize(("line", "reason", "field"), [r[1:] for r in REPORTED], ids=[r[0] for r in REPORTED])
def test_rows_that_can_not_be_used_are_reported(line: str, reason: str, field: str) -> None:
    rows = run(CALL, PUT, line).report["rows"]

    assert (rows["in"], rows["kept"], rows["reported"]) == (3, 2, {reason: 1})
    assert [(d["reason"], d["field"]) for d in rows["details"]] == [(reason, field)]


Change = Callable[[str], str]
WHOLE = "".join(f"{line}\n" for line in (HEADER, CALL, PUT))

REFUSED: list[tuple[str, Change, str]] = [
    ("cut in a cell", lambda text: text[:-20], "truncated"),
    ("cut in a quoted cell", lambda text: text[: text.index("0.0995")] + "\n", "truncated"),
    ("a quote inside a cell", lambda text: text.replace('"[[0.09', '"[["0.09'), "malformed_csv"),
    ("cut after a cell", lambda text: text[: text.rindex(",")] + "\n", "wrong_cell_count"),
    ("a cell too many", lambda text: text.replace(",[]\n", ",[],[]\n"), "wrong_cell_count"),
    ("file twice", lambda text: text * 2, "duplicate"),
    ("column twice", lambda text: text.replace("extra", "bids"), "duplicate"),
    ("no asks", lambda text: text.replace("asks", "ask_levels"), "missing_column"),
    ("header alone", lambda _: HEADER + "\n", "no_rows"),
    ("nothing", lambda _: "\n", "missing_column"),
    ("timestamps as bids", lambda text: text.replace("timestamp,bids", "bids,timestamp"), "malformed_field"),
    (
        "timestamp as price",
        lambda text: text.replace("index_price,timestamp", "timestamp,index_price"),
        "malformed_field",
    ),
    ("number as name", lambda text: text.replace("extra,instrument_name", "instrument_name,extra"), "malformed_field"),
    ("bids and asks swapped", lambda text: text.replace("bids,asks", "asks,bids"), "swapped_columns"),
    ("a word for a price", lambda text: text.replace("0.0995", "cheap"), "malformed_field"),
    ("code for a price", lambda text: text.replace("0.0995", "__import__('os')"), "malformed_field"),
    ("negative price", lambda text: text.replace("0.0995", "-0.0995"), "malformed_field"),
    ("three in a level", lambda text: text.replace("[0.1, 0.5]", "[0.1, 0.5, 1]"), "malformed_field"),
    ("no price of the underlying", lambda text: text.replace("9100.5", "0"), "malformed_field"),
    ("a word for it", lambda text: text.replace("9100.5", "high"), "malformed_number"),
    ("two coins", lambda text: text.replace("BTC-26JUN20-9000-P", "ETH-26JUN20-9000-P"), "mixed_coins"),
    ("no options", lambda text: text.replace("-26JUN20-9000", "-"), "mixed_coins"),
    ("another coin", lambda text: text.replace("BTC", "SOL"), "unsupported_coin"),
]


@pytest.mark.parametrize(("change", "code"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_file_that_is_not_a_whole_chain_is_refused(change: Change, code: str) -> None:
    assert run(CALL, PUT).report["rows"]["in"] == 2
    with pytest.raises(FeedError) as refused:
        import_deribit(change(WHOLE), "made.csv")
    assert refused.value.code == code


def recorded() -> Imported:
    content = gzip.decompress(data_path("options/deribit_btc_book_2020-05-21.csv.gz").read_bytes())
    return import_deribit(content, "deribit_btc_book_2020-05-21.csv")


def test_the_recorded_chain_is_accounted_for_whole() -> None:
    imported = recorded()
    rows = imported.report["rows"]
    check_problem(imported.problem)

    assert (rows["in"], rows["kept"], rows["reported"]) == (326, 311, {"empty_book": 15})
    assert len(rows["details"]) == 15
    assert imported.report["notes"] == {
        "books_two_sided": 228,
        "books_bids_only": 34,
        "books_asks_only": 49,
        "levels": 2927,
    }
    assert len(imported.problem.snapshot.prices) == 1 + 228
    assert imported.problem.snapshot.time_seconds == 1590103355
    assert Problem.from_json(imported.problem.model_dump_json(by_alias=True)).hash == imported.problem.hash


@pytest.mark.parametrize("swapped", [("bids", "asks"), ("bids", "timestamp"), ("instrument_name", "index_price")])
def test_the_recorded_chain_is_refused_with_two_columns_swapped(swapped: tuple[str, str]) -> None:
    content = gzip.decompress(data_path("options/deribit_btc_book_2020-05-21.csv.gz").read_bytes()).decode()
    header, rest = content.split("\n", 1)
    names = [{swapped[0]: swapped[1], swapped[1]: swapped[0]}.get(name, name) for name in header.split(",")]
    with pytest.raises(FeedError) as refused:
        import_deribit(",".join(names) + "\n" + rest, "swapped.csv")
    assert refused.value.code in ("swapped_columns", "malformed_field")


def made_chain() -> Problem:
    """A chain priced by a smile, in ticks, with two levels a side."""
    smile = Smile(Fraction(9100), 30 * 86_400, Fraction(8, 10), Fraction(-1, 10), Fraction(3, 10))
    lines = []
    for strike in range(6000, 13_000, 500):
        for right in ("C", "P"):
            ticks = int(smile.premium(Fraction(strike), "C" if right == "C" else "P") / 9100 * 2000)
            bids = [f"[{(ticks - i) * 0.0005:.4f}, 60.0]" for i in (1, 2) if ticks > i]
            asks = [f"[{(ticks + i) * 0.0005:.4f}, 60.0]" for i in (2, 3)]
            lines.append(
                f'1,BTC-26JUN20-{strike}-{right},9100,9100,1590103193775,"[{", ".join(bids)}]","[{", ".join(asks)}]"'
            )
    return run(*lines).problem


def chains() -> list[Callable[[], Problem]]:
    return [made_chain, lambda: recorded().problem]


@pytest.mark.parametrize("chain", chains(), ids=["made", "recorded"])
def test_ten_examples_that_their_naive_portfolios_satisfy(chain: Callable[[], Problem]) -> None:
    problem = chain()
    made = examples(problem)

    assert len({example.name for example in made}) == 10
    assert len({example.intent.outcome.owner for example in made}) == 10
    for example in made:
        (floor,) = example.intent.outcome.payoff_floors
        held = combine((leg.amount, option_payoff(parse_option(leg.asset), 8, 1)) for leg in example.naive_legs)
        assert held.dominates(floor_payoff(floor)), example.name
        budget = sum(example.intent.outcome.pays.values())
        assert example.naive_cost < budget <= example.deposit
        loss = floor_payoff(floor).loss_supremum("inverse").amount
        assert loss is not None
        assert sum(example.intent.outcome.max_escrow.values()) == loss
        assert {parse_option(leg.asset).expiry_seconds for leg in example.naive_legs} == {floor.fixing_seconds}


@pytest.mark.parametrize("chain", chains(), ids=["made", "recorded"])
def test_examples_make_a_valid_problem_the_same_each_time(chain: Callable[[], Problem]) -> None:
    problem = chain()
    before = problem.hash
    with_them = with_examples(problem, examples(problem))
    check_problem(with_them)

    assert len(with_them.intents) == 10
    assert with_them.hash == with_examples(chain(), examples(chain())).hash != before
    assert problem.hash == before


def test_the_skewed_floor_has_corners_that_no_option_has() -> None:
    problem = made_chain()
    listed = {Fraction(parse_option(v.base).strike) for v in problem.snapshot.venues if isinstance(v, OrderBookState)}
    (skewed,) = (example for example in examples(problem) if example.name == "skewed floor")
    corners = {Fraction(knot.at) for knot in skewed.intent.outcome.payoff_floors[0].knots if knot.at != "0"}

    assert corners
    assert not corners & listed


def test_walking_a_book_pays_up_and_receives_down() -> None:
    thin = book(run(CALL), "BTC-26JUN20-9000-C").model_copy(update={"tick": (10, 3)})

    # 200 ticks of 10/3 are 2000/3 a unit: five give 3333 and a third; two hundred and two of them cost 673 and a third.
    assert naive_cost([(thin, -7)]) == (0, 3333 + 1326)
    assert naive_cost([(thin, 1)]) == (674, 0)
    with pytest.raises(InputError, match="1 too few"):
        naive_cost([(thin, 21)])


def test_a_chain_with_few_strikes_has_no_examples() -> None:
    with pytest.raises(InputError, match="thin_chain"):
        examples(run(CALL, PUT).problem)
