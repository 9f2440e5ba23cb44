"""The settlement contract for EVM chains, as bytecode that this file assembles.

A call carries four words: id, effects, due (Unix seconds, 0 for never), reverses (0 for none).

    require storage[id] == 0                          a transaction has one effect, whoever sends it how often
    require due == 0 or block.timestamp <= due        after that its fate is certain
    require reverses == 0 or storage[reverses] != 0   nothing is undone that did not happen
    storage[id] = effects; log1(topic id, data effects)

Anything else reverts, so nothing but gas is spent. It moves no money: it is the place at which a deployment does what the
effects' digest stands for. Opcodes: Ethereum yellow paper, appendix H; EIP-140 (REVERT).
"""

from __future__ import annotations

OPCODES = {
    "STOP": 0x00,
    "GT": 0x11,
    "ISZERO": 0x15,
    "CALLDATALOAD": 0x35,
    "CODECOPY": 0x39,
    "TIMESTAMP": 0x42,
    "POP": 0x50,
    "MSTORE": 0x52,
    "SLOAD": 0x54,
    "SSTORE": 0x55,
    "JUMPI": 0x57,
    "JUMPDEST": 0x5B,
    "DUP1": 0x80,
    "LOG1": 0xA1,
    "RETURN": 0xF3,
    "REVERT": 0xFD,
}
"""Those that are used. A number is PUSH1 of it, `@name` PUSH1 of a label's place, `name:` a label and its JUMPDEST."""

_PUSH1 = 0x60

_RUNTIME = """
    0x00 CALLDATALOAD SLOAD @refuse JUMPI
    0x40 CALLDATALOAD DUP1 ISZERO @in_time JUMPI
    DUP1 TIMESTAMP GT @refuse JUMPI
    in_time: POP
    0x60 CALLDATALOAD DUP1 ISZERO @take JUMPI
    DUP1 SLOAD ISZERO @refuse JUMPI
    take: POP
    0x20 CALLDATALOAD 0x00 CALLDATALOAD SSTORE
    0x20 CALLDATALOAD 0x00 MSTORE
    0x00 CALLDATALOAD 0x20 0x00 LOG1
    STOP
    refuse: 0x00 0x00 REVERT
"""
"""Before LOG1 the stack is topic, size, offset, the offset on top."""


def assemble(text: str) -> bytes:
    """Bytecode of at most 256 bytes. KeyError for a word that is neither an opcode nor a known label."""
    words = text.split()
    labels: dict[str, int] = {}
    place = 0
    for word in words:
        if word.endswith(":"):
            labels[word[:-1]] = place
        place += 2 if word.startswith(("0x", "@")) else 1
    code = bytearray()
    for word in words:
        if word.startswith("0x"):
            code += bytes((_PUSH1, int(word, 16)))
        elif word.startswith("@"):
            code += bytes((_PUSH1, labels[word[1:]]))
        else:
            code.append(OPCODES["JUMPDEST" if word.endswith(":") else word])
    return bytes(code)


RUNTIME = assemble(_RUNTIME)
"""The contract's code."""


def creation_code() -> bytes:
    """What a transaction without receiver carries to put the contract on a chain: it returns `RUNTIME`."""
    size = f"0x{len(RUNTIME):02x}"
    head = f"{size} 0x0c 0x00 CODECOPY {size} 0x00 RETURN"  # the head itself is 12 bytes long
    return assemble(head) + RUNTIME


def call_data(name: bytes, effects: bytes, due_seconds: int, reverses: bytes) -> bytes:
    """The four words. Ids and effects are 32 bytes; `reverses` is 32 zero bytes for none."""
    return name + effects + due_seconds.to_bytes(32, "big") + reverses
