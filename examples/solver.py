"""A solver of one's own: fills single swaps, each on one constant product pool. See docs/solver-api.md.

    clearway intent keygen --scheme ed25519 -o solver-key.json
    python examples/solver.py solver-key.json NAME PORT http://127.0.0.1:8000

Needs Python's standard library and `cryptography`.
"""

import hashlib
import json
import sys
import urllib.request
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEALED: dict[str, Any] = {}  # by commitment: the solutions


def tagged_hash(tag: str, *parts: Any) -> str:
    """SHA-256 over canonical JSON (RFC 8785, which for our keys and numbers is spelled like this)."""
    text = json.dumps([tag, *parts], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def sign(digest: str) -> str:
    """Ed25519 over the 32 bytes of the hash."""
    return "0x" + KEY.sign(bytes.fromhex(digest.removeprefix("sha256:"))).hex()


def output(pool: Any, paid: str, received: str, amount: int) -> int:
    """What a constant product pool gives, to the last unit; 0 where it does not trade the pair."""
    if {paid, received} != set(pool["reserves"]):
        return 0
    numerator, denominator = map(int, pool["fee"])
    kept = amount * (denominator - numerator)
    return kept * int(pool["reserves"][received]) // (int(pool["reserves"][paid]) * denominator + kept)


def solve(problem: Any, problem_hash: str) -> list[Any]:
    """Of each pair of assets the intent with the lowest limit that can pay, filled whole on the best pool that is left."""
    time, solutions = problem["snapshot"]["time_seconds"], []
    pairs: dict[tuple[str, str], list[Any]] = {}
    for intent in problem["intents"]:
        wish = intent["outcome"]
        plain = len(wish["pays"]) == len(wish["receives"]) == 1 and not wish["payoff_floors"] and not wish["worst_loss"]
        if plain and wish["valid_from"] <= time < wish["valid_until"]:
            ((paid, most),), ((received, least),) = wish["pays"].items(), wish["receives"].items()
            left = int(wish["units"]) - int(intent["filled_units"])
            amount = int(most) * left // int(wish["units"])
            held = problem["holdings"].get(wish["owner"], {}).get(paid, {"amount": "0", "reserved": "0"})
            if amount <= int(held["amount"]) - int(held["reserved"]):
                one = Fraction(int(least), int(most)), intent["id"], left, amount, wish["allowed_venues"]
                pairs.setdefault((paid, received), []).append(one)
    pools = {venue["id"]: venue for venue in problem["snapshot"]["venues"] if venue["kind"] == "constant_product"}
    for (paid, received), wishes in sorted(pairs.items()):
        limit, intent_id, left, amount, bound = min(wishes)
        out, name = max(((output(pool, paid, received, amount), name) for name, pool in pools.items()), default=(0, ""))
        if not out or out < limit * amount or bound:
            continue
        del pools[name]
        money = {"in": {paid: str(amount)}, "out": {received: str(out)}, "stage": 0}
        fill = {"intent": intent_id, "units": str(left), "fee": {}, **money}
        legs, prices = [{"venue": name, "level": None, **money}], {f"{paid}>{received}": [str(out), str(amount)]}
        solution = {"fills": [fill], "legs": legs, "prices": prices, "problem": problem_hash}
        solutions.append({**solution, "transfers": [], "lines": [], "solver": None})
    return solutions


def seal(problem: Any) -> Any:
    """Before the close: a signed commitment to our solutions, or nothing where we have none."""
    problem_hash = tagged_hash("clearway/problem/1", problem)
    solutions = solve(problem, problem_hash)
    if not solutions:
        return None
    commitment = tagged_hash("clearway/commitment/1", [tagged_hash("clearway/solution/1", one) for one in solutions])
    SEALED[commitment] = solutions
    stated = {"auction": problem["auction"], "problem": problem_hash, "sequence": 0, "commitment": commitment}
    return {**stated, "key": PUBLIC, "signature": sign(tagged_hash("clearway/seal/1", *stated.values()))}


def reveal(asked: Any) -> Any:
    """After the close: the solutions. Only the engine knows when that is, so it must have signed."""
    stated = (asked[name] for name in ("auction", "problem", "sequence", "commitment"))
    digest = tagged_hash("clearway/reveal-request/1", *stated)
    ENGINE.verify(bytes.fromhex(asked["signature"][2:]), bytes.fromhex(digest[7:]))
    return {"solutions": SEALED.pop(asked["commitment"]), "stopped_by": "finished", "work": 0}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = {"/solve": seal, "/reveal": reveal}[self.path](json.loads(body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"" if answer is None else json.dumps(answer).encode())


def call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)


if __name__ == "__main__":
    key_file, name, port, clearway = sys.argv[1:]
    KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(json.loads(Path(key_file).read_text())["private_key"][2:]))
    PUBLIC = "ed25519:" + KEY.public_key().public_bytes_raw().hex()
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    engine = call(clearway + "/v1/deployment")["engine"].removeprefix("ed25519:")
    ENGINE = Ed25519PublicKey.from_public_bytes(bytes.fromhex(engine))
    me = {"name": name, "url": f"http://127.0.0.1:{server.server_port}", "key": PUBLIC}
    me["challenge"] = call(clearway + "/v1/solvers/challenge")["challenge"]
    me["signature"] = sign(tagged_hash("clearway/solver-registration/1", *me.values()))
    print(json.dumps(call(clearway + "/v1/solvers", me)), flush=True)
    server.serve_forever()
