// Compiles the contracts of ./contracts beside the packages of the cache: `node compile.js CACHE CONTRACTS`.
// Writes CACHE/compiled.json: creation code (hex) by name. Maths.sol is compiled twice, as Balancer's power changed:
// with the library that its pools of 2021 came with ("2021/..."), and with that of 2022 ("2022/...").
"use strict";

const fs = require("fs");
const path = require("path");
const [cache, contracts] = process.argv.slice(2);
const modules = path.join(cache, "node_modules");
const OLDER = require(path.join(modules, "solc"));
const NEWER = require(path.join(modules, "solc-0.8"));

const LIBRARY = "@balancer-labs/v2-solidity-utils/";
const OLD = path.join(modules, "@balancer-labs/v2-pool-weighted/node_modules", LIBRARY);

function compile(solc, file, library) {
  const find = (name) => {
    const place = name.startsWith(LIBRARY) ? path.join(library, name.slice(LIBRARY.length)) : path.join(modules, name);
    return fs.existsSync(place) ? { contents: fs.readFileSync(place, "utf8") } : { error: `no ${place}` };
  };
  const input = {
    language: "Solidity",
    sources: { [file]: { content: fs.readFileSync(path.join(contracts, file), "utf8") } },
    settings: {
      optimizer: { enabled: true, runs: 800 },
      outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
    },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: find }));
  const errors = (output.errors || []).filter((one) => one.severity === "error");
  if (errors.length) throw new Error(errors.map((one) => one.formattedMessage).join("\n"));
  return Object.entries(output.contracts[file]).map(([name, one]) => [name, one.evm.bytecode.object]);
}

const compiled = {};
for (const [solc, file] of [[OLDER, "StandIns.sol"], [OLDER, "Trader.sol"], [OLDER, "Steps.sol"], [NEWER, "MathsV3.sol"]]) {
  for (const [name, code] of compile(solc, file, path.join(modules, LIBRARY))) compiled[name] = code;
}
for (const [year, library] of [["2021", OLD], ["2022", path.join(modules, LIBRARY)]]) {
  for (const [name, code] of compile(OLDER, "Maths.sol", library)) compiled[`${year}/${name}`] = code;
}
fs.writeFileSync(path.join(cache, "compiled.json"), JSON.stringify(compiled));
