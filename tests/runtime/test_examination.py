"""Whatever is changed in a stored auction, the examination names the place."""

from pathlib import Path

import pytest

from tests.runtime.tampering import KINDS, SETTLED, VOIDED, Stored, begin


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    folder = tmp_path_factory.mktemp("stored")
    return begin(folder / "db", folder / "data")


def test_what_was_left_alone_is_as_logged(whole: Stored) -> None:
    assert [whole.examined(number) for number in (SETTLED, VOIDED)] == ["", ""]


@pytest.mark.parametrize("kind", KINDS)
def test_each_change_is_found_at_its_place(whole: Stored, kind: str, tmp_path: Path) -> None:
    change, expected = KINDS[kind]
    stored = whole.copied(tmp_path)

    change(stored)

    assert expected in (found := stored.examined(SETTLED))
    assert found


def test_a_voided_auction_can_not_be_told_otherwise(whole: Stored, tmp_path: Path) -> None:
    stored = whole.copied(tmp_path)
    stored.sql("UPDATE auctions SET void_reason = 'nobody came' WHERE number = 1")

    assert stored.examined(VOIDED) == "auctions[1].void_reason"
