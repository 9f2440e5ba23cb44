// Opens the internal functions of Uniswap V3's libraries to calls.
pragma solidity 0.7.6;

import "@uniswap/v3-core/contracts/libraries/SwapMath.sol";
import "@uniswap/v3-core/contracts/libraries/TickMath.sol";

contract Steps {
    function priceAt(int24 tick) external pure returns (uint160) {
        return TickMath.getSqrtRatioAtTick(tick);
    }

    function tickAt(uint160 price) external pure returns (int24) {
        return TickMath.getTickAtSqrtRatio(price);
    }

    function step(uint160 current, uint160 target, uint128 liquidity, int256 remaining, uint24 fee)
        external
        pure
        returns (uint160, uint256, uint256, uint256)
    {
        return SwapMath.computeSwapStep(current, target, liquidity, remaining, fee);
    }
}
