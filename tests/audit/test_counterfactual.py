"""What a record would have been, and how it looks as a page."""

import json
import re
from html.parser import HTMLParser

import pytest

from engine.audit.counterfactual import GroupChange, compare, rerun
from engine.audit.record import Submission, record_bytes
from engine.audit.replay import replay_record
from engine.audit.report import report_page
from intents.errors import InputError
from tests.auction.builders import ANN, BEN
from tests.audit.records import small_record


def test_nothing_changed_is_nothing_other() -> None:
    record = small_record()

    assert record_bytes(rerun(record)) == record_bytes(record)
    assert compare(record, rerun(record)) == (record.total_score, record.total_score, (), {})


@pytest.mark.parametrize("name", [ANN, BEN])
def test_without_a_solver_its_groups_go_to_others_or_nobody(name: str) -> None:
    record = small_record()
    won = {group for bid in record.bids if bid.status == "won" and bid.solver == name for group in bid.group_scores}

    other = rerun(record, without=[name])
    found = compare(record, other)

    assert replay_record(record_bytes(other)).identical
    assert name not in other.proposals
    lost = {change.group for change in found.groups if change.before is not None and change.before[0] == name}
    assert lost == won
    assert all(change.after is None or change.after[0] != name for change in found.groups)


def test_a_solver_can_be_added_once_and_only_one_that_is_there_left_out() -> None:
    record = small_record()
    alone = rerun(record, without=[BEN])

    again = rerun(alone, added={BEN: record.proposals[BEN]})
    assert again.record_hash == record.record_hash
    assert isinstance(compare(alone, again).groups, tuple)
    assert all(isinstance(change, GroupChange) for change in compare(alone, again).groups)
    with pytest.raises(InputError, match="duplicate_solver"):
        rerun(record, added={BEN: Submission.read(b"{}")})
    with pytest.raises(InputError, match="unknown_solver"):
        rerun(record, without=["nobody"])


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "meta":
            self.open.append(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onclick"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


def test_the_page_says_what_the_record_does_and_needs_nothing_else() -> None:
    record = small_record()
    words = record.proposals[ANN].model_copy(update={"notes": {"no_bid": "<b>17"}})
    edited = record.model_copy(update={"proposals": {**record.proposals, ANN: words}})

    page = _Text()
    page.feed(report_page(edited))

    text = " ".join(page.said)
    assert page.open == []
    assert "<b>17" in text  # escaped in the page
    assert record.record_hash in text
    assert all(bid.reason is None or bid.reason.code in text for bid in record.bids)
    assert all(re.search(rf"{re.escape(intent.id)}\s", text) for intent in record.problem.intents)
    assert json.dumps(record.tie_seed)[1:-1] in text
