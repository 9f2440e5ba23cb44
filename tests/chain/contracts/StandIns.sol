// What the contracts under test call and the tests are not about: tokens, rates, a vault.
pragma solidity 0.7.6;

/// Moves whatever it is told to; balances wrap around instead of ending.
contract Token {
    uint8 public immutable decimals;
    mapping(address => uint256) public balanceOf;

    constructor(uint8 decimals_) {
        decimals = decimals_;
    }

    function set(address account, uint256 balance) external {
        balanceOf[account] = balance;
    }

    function transfer(address to, uint256 amount) external returns (bool) {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

/// A rate provider.
contract Rate {
    uint256 public immutable getRate;

    constructor(uint256 rate) {
        getRate = rate;
    }
}

/// Registers every pool under one id and asks pools what it is told to; to any other question it answers with its own address or with nothing.
contract Vault {
    bytes32 public constant ID = bytes32(uint256(1));

    function registerPool(uint8) external pure returns (bytes32) {
        return ID;
    }

    function getProtocolFeesCollector() external view returns (address) {
        return address(this);
    }

    function ask(address pool, bytes calldata data) external {
        (bool done, bytes memory answer) = pool.call(data);
        assembly {
            if done { return(add(answer, 32), mload(answer)) }
            revert(add(answer, 32), mload(answer))
        }
    }

    fallback() external {
        assembly {
            mstore(0, 0)
            return(0, 32)
        }
    }
}
