// Opens the internal functions of Balancer's libraries to calls.
pragma solidity 0.7.6;

import "@balancer-labs/v2-solidity-utils/contracts/math/FixedPoint.sol";
import "@balancer-labs/v2-solidity-utils/contracts/math/LogExpMath.sol";
import "@balancer-labs/v2-pool-weighted/contracts/WeightedMath.sol";
import "@balancer-labs/v2-pool-stable/contracts/StableMath.sol";

contract BalancerPowers {
    function pow(uint256 x, uint256 y) external pure returns (uint256) {
        return LogExpMath.pow(x, y);
    }

    function powUp(uint256 x, uint256 y) external pure returns (uint256) {
        return FixedPoint.powUp(x, y);
    }

    function powDown(uint256 x, uint256 y) external pure returns (uint256) {
        return FixedPoint.powDown(x, y);
    }
}

contract BalancerWeighted is WeightedMath {
    function outGivenIn(uint256 balanceIn, uint256 weightIn, uint256 balanceOut, uint256 weightOut, uint256 amount)
        external
        pure
        returns (uint256)
    {
        return _calcOutGivenIn(balanceIn, weightIn, balanceOut, weightOut, amount);
    }

    function inGivenOut(uint256 balanceIn, uint256 weightIn, uint256 balanceOut, uint256 weightOut, uint256 amount)
        external
        pure
        returns (uint256)
    {
        return _calcInGivenOut(balanceIn, weightIn, balanceOut, weightOut, amount);
    }
}

contract BalancerStable is StableMath {
    function invariant(uint256 amplification, uint256[] memory balances, bool roundUp)
        external
        pure
        returns (uint256)
    {
        return _calculateInvariant(amplification, balances, roundUp);
    }

    function balance(uint256 amplification, uint256[] memory balances, uint256 found, uint256 index)
        external
        pure
        returns (uint256)
    {
        return _getTokenBalanceGivenInvariantAndAllOtherBalances(amplification, balances, found, index);
    }
}
