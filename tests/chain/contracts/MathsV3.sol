// Opens the internal functions of Balancer V3's stable maths to calls.
pragma solidity 0.8.26;

import "@balancer-labs/v3-solidity-utils/contracts/math/StableMath.sol";

contract BalancerV3Stable {
    function invariant(uint256 amplification, uint256[] memory balances) external pure returns (uint256) {
        return StableMath.computeInvariant(amplification, balances);
    }

    function balance(uint256 amplification, uint256[] memory balances, uint256 found, uint256 index)
        external
        pure
        returns (uint256)
    {
        return StableMath.computeBalance(amplification, balances, found, index);
    }
}
