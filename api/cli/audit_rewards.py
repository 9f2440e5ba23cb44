"""`clearway audit rewards`: what solvers earned and owe for a recorded auction (docs/rewards.md). From files alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli.audit_records import RecordFile, read_record
from api.cli.extras import needed
from api.cli.files import read_bytes, write_atomically
from api.cli.output import print_json, say, show_table
from api.cli.solve import score_text
from engine.advisers.advise import advisers
from engine.auction.reward import RewardRules
from engine.audit.record import Record
from engine.audit.rewards import Rewards, SolverReward, check_rewards, rewards_of
from intents.errors import InputError
from intents.values import canonical_bytes


def rewards(
    record_file: RecordFile,
    *,
    rules: Annotated[Path | None, typer.Option(help="The reward rules.", dir_okay=False)] = None,
    check: Annotated[Path | None, typer.Option(help="Rewards to redo instead.", dir_okay=False)] = None,
    settlement: Annotated[
        Path | None, typer.Option(help="The settlement record; without one all winners settled.", dir_okay=False)
    ] = None,
    late: Annotated[
        list[str] | None, typer.Option(help="With --rules: a solver that revealed late; may be given again.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="The rewards.", dir_okay=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Say what each solver earned and owes, or redo what somebody else said. The record must replay, and the settlement follow."""
    stated = _read_one(rules, check)
    record = read_record(record_file)
    failed = None if settlement is None else _failed(record, settlement)
    if isinstance(stated, Rewards):
        found = stated
        _redo(record, found, failed)
    else:
        found = rewards_of(record, stated, failed=failed or {}, late=late or (), advisers=advisers())
    if output is not None:
        write_atomically(output, canonical_bytes(found))
    if as_json:
        print_json(found.to_wire())
        return
    rows = [_row(record, one) for one in found.solvers]
    if rows:
        numbers = dict.fromkeys(("reference score", "fees", "reward", "owes"), True)
        show_table({"solver": False, **numbers, "for": False}, rows)
    say(f"rewards {found.hash}")


def _read_one(rules: Path | None, check: Path | None) -> RewardRules | Rewards:
    if rules is not None and check is None:
        return RewardRules.from_json(read_bytes(rules))
    if check is not None and rules is None:
        return Rewards.from_json(read_bytes(check))
    raise InputError("bad_options", "", expected="either --rules or --check", actual="both or neither")


def _redo(record: Record, told: Rewards, failed: dict[str, str] | None) -> None:
    """Raises InputError where the rewards do not follow from the record and, where there is one, the settlement."""
    check_rewards(record, told)
    if failed is not None and failed != told.failed:
        expected, actual = (", ".join(sorted(some)) or "none" for some in (failed, told.failed))
        raise InputError("other_settlement", "/failed", expected=expected, actual=actual)


def _failed(record: Record, file: Path) -> dict[str, str]:
    """What the settlement record says failed, once it is redone."""
    settlements = needed("engine.settlement.record", "server")  # redoing dispatch takes the policies, and they numpy
    settled = settlements.SettlementRecord.from_json(read_bytes(file))
    settlements.check_settlement(record, settled)
    return dict(settled.failed)


def _row(record: Record, one: SolverReward) -> list[str]:
    reference = "" if one.reference is None else score_text(record.problem, one.reference.winner_selection.score)
    amounts = (score_text(record.problem, amount) for amount in (one.fees, one.reward, one.charge))
    return [one.solver, reference, *amounts, ", ".join(penalty.code for penalty in one.penalties)]
