"""CoW Protocol's order as EIP-712 typed data: somebody else's type and domain through our encoder.

Source: cowprotocol/contracts, GPv2Order.sol and GPv2Signing.sol (the deployment on Ethereum mainnet).
"""

from typing import Any

from intents.eip712 import Schema, domain_separator, keccak256

ORDER = Schema(
    {
        "Order": [
            ("address", "sellToken"),
            ("address", "buyToken"),
            ("address", "receiver"),
            ("uint256", "sellAmount"),
            ("uint256", "buyAmount"),
            ("uint32", "validTo"),
            ("bytes32", "appData"),
            ("uint256", "feeAmount"),
            ("string", "kind"),
            ("bool", "partiallyFillable"),
            ("string", "sellTokenBalance"),
            ("string", "buyTokenBalance"),
        ]
    }
)
SEPARATOR = domain_separator(
    {
        "name": "Gnosis Protocol",
        "version": "v2",
        "chainId": 1,
        "verifyingContract": "0x9008d19f58aabd9ed0d60971565aa8510560ab41",
    }
)


def order_digest(order: dict[str, Any]) -> bytes:
    """The digest that the owner of a recorded order signed. Recorded orders carry no fee."""
    fields = {"feeAmount": "0", **order}
    return ORDER.digest(SEPARATOR, "Order", {name: fields[name] for _, name in ORDER.types["Order"]})


def ethsign_digest(digest: bytes) -> bytes:
    """The digest under `eth_sign`, the scheme for wallets without typed data (EIP-191, version 0x45)."""
    return keccak256(b"\x19Ethereum Signed Message:\n32" + digest)
