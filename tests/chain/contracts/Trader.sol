// Trades with concentrated pools: pays whatever their callbacks ask for, in tokens that it never runs out of.
pragma solidity 0.7.6;
pragma abicoder v2;

interface IToken {
    function transfer(address to, uint256 amount) external returns (bool);
}

interface IPool {
    function token0() external view returns (address);

    function token1() external view returns (address);

    function mint(address owner, int24 lower, int24 upper, uint128 liquidity, bytes calldata data)
        external
        returns (uint256, uint256);

    function swap(address to, bool zeroForOne, int256 amount, uint160 limit, bytes calldata data)
        external
        returns (int256, int256);
}

struct PoolKey {
    address currency0;
    address currency1;
    uint24 fee;
    int24 tickSpacing;
    address hooks;
}

struct LiquidityParams {
    int24 tickLower;
    int24 tickUpper;
    int256 liquidityDelta;
    bytes32 salt;
}

struct SwapParams {
    bool zeroForOne;
    int256 amountSpecified;
    uint160 sqrtPriceLimitX96;
}

interface IManager {
    function unlock(bytes calldata data) external returns (bytes memory);

    function modifyLiquidity(PoolKey memory key, LiquidityParams memory params, bytes calldata data)
        external
        returns (int256, int256);

    function swap(PoolKey memory key, SwapParams memory params, bytes calldata data) external returns (int256);

    function sync(address currency) external;

    function settle() external payable returns (uint256);

    function take(address currency, address to, uint256 amount) external;
}

contract Trader {
    function mint(IPool pool, int24 lower, int24 upper, uint128 liquidity) external {
        pool.mint(address(this), lower, upper, liquidity, "");
    }

    function swap(IPool pool, bool zeroForOne, int256 amount, uint160 limit) external returns (int256, int256) {
        return pool.swap(address(this), zeroForOne, amount, limit, "");
    }

    function uniswapV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        _pay(int256(amount0), int256(amount1));
    }

    function uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        _pay(amount0, amount1);
    }

    function pancakeV3MintCallback(uint256 amount0, uint256 amount1, bytes calldata) external {
        _pay(int256(amount0), int256(amount1));
    }

    function pancakeV3SwapCallback(int256 amount0, int256 amount1, bytes calldata) external {
        _pay(amount0, amount1);
    }

    function _pay(int256 amount0, int256 amount1) private {
        if (amount0 > 0) IToken(IPool(msg.sender).token0()).transfer(msg.sender, uint256(amount0));
        if (amount1 > 0) IToken(IPool(msg.sender).token1()).transfer(msg.sender, uint256(amount1));
    }

    // V4: the manager of all pools calls back once, and wants every debt paid at the end.

    function mintAt(IManager manager, PoolKey memory key, int24 lower, int24 upper, int256 liquidity) external {
        manager.unlock(abi.encode(key, true, lower, upper, liquidity, uint160(0)));
    }

    function swapAt(IManager manager, PoolKey memory key, bool zeroForOne, int256 amount, uint160 limit)
        external
        returns (int256, int256)
    {
        bytes memory answer = manager.unlock(
            abi.encode(key, false, int24(zeroForOne ? 1 : 0), int24(0), amount, limit)
        );
        return abi.decode(answer, (int256, int256));
    }

    function unlockCallback(bytes calldata data) external returns (bytes memory) {
        (PoolKey memory key, bool minting, int24 first, int24 second, int256 amount, uint160 limit) = abi.decode(
            data,
            (PoolKey, bool, int24, int24, int256, uint160)
        );
        IManager manager = IManager(msg.sender);
        int256 delta;
        if (minting) {
            (delta, ) = manager.modifyLiquidity(key, LiquidityParams(first, second, amount, 0), "");
        } else {
            delta = manager.swap(key, SwapParams(first == 1, amount, limit), "");
        }
        _settle(manager, key.currency0, delta >> 128);
        _settle(manager, key.currency1, int128(delta));
        return abi.encode(delta >> 128, int256(int128(delta)));
    }

    function _settle(IManager manager, address currency, int256 amount) private {
        if (amount > 0) manager.take(currency, address(this), uint256(amount));
        if (amount < 0) {
            manager.sync(currency);
            IToken(currency).transfer(address(manager), uint256(-amount));
            manager.settle();
        }
    }
}

/// What a pool of the V3 kind asks its deployer for while it is made.
contract PoolDeployer {
    struct Parameters {
        address factory;
        address token0;
        address token1;
        uint24 fee;
        int24 tickSpacing;
    }

    Parameters public parameters;

    function deploy(bytes memory code, address token0, address token1, uint24 fee, int24 tickSpacing)
        external
        returns (address pool)
    {
        parameters = Parameters(address(this), token0, token1, fee, tickSpacing);
        assembly {
            pool := create(0, add(code, 32), mload(code))
        }
        require(pool != address(0), "not deployed");
    }
}
