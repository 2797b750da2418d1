// query.mjs ASSETS TRACE OUT: writes what Perfetto's own trace processor answers to the
// queries on standard input, one a line: an array of rows for each, as JSON.
import fs from "node:fs";
import path from "node:path";
import vm from "node:vm";
import { pathToFileURL } from "node:url";

const [dir, trace, out] = process.argv.slice(2).map((p) => path.resolve(p));

// The glue is written for a worker of a browser.
globalThis.self = globalThis;
globalThis.WorkerGlobalScope = function () {};
globalThis.location = { href: pathToFileURL(dir).href + "/" };
const wasm = new Uint8Array(fs.readFileSync(path.join(dir, "trace_processor.wasm")));
globalThis.wasm = wasm;
let glue = fs.readFileSync(path.join(dir, "engine_bundle.node.js"), "utf8");
for (const [from, to] of [
  ["this.useMemory64 = hasMemory64Support();", "this.useMemory64 = false;"],
  ["locateFile: (s) => s,", "locateFile: (s) => s, wasmBinary: globalThis.wasm,"],
  ["const wasmBridge = new wasm_bridge_1.WasmBridge();", "const wasmBridge = globalThis.bridge = new wasm_bridge_1.WasmBridge();"],
]) {
  if (!glue.includes(from)) throw new Error("the glue has changed: " + from);
  glue = glue.replace(from, to);
}
vm.runInThisContext(glue);
const { EngineBase } = await import(pathToFileURL(path.join(dir, "engine.mjs")).href);
class Engine extends EngineBase {
  mode = "WASM";
  id = "test";
  constructor(port) {
    super();
    this.port = port;
    port.onmessage = (m) => m.data instanceof Uint8Array && this.onRpcResponseBytes(m.data);
  }
  rpcSendRequestBytes(data) { this.port.postMessage(data); }
}
console.warn = () => {};
const channel = new MessageChannel();
globalThis.bridge.initialize(channel.port1);
const engine = new Engine(channel.port2);
await engine.parse(new Uint8Array(fs.readFileSync(trace)));
await engine.notifyEof();
const answers = [];
for (const sql of fs.readFileSync(0, "utf8").split("\n").filter((l) => l)) {
  const result = await engine.query(sql);
  if (result.error()) throw new Error(result.error());
  const rows = [], columns = result.columns();
  for (const it = result.iter({}); it.valid(); it.next())
    rows.push(Object.fromEntries(columns.map((c) => [c, it.get(c) === null ? null : String(it.get(c))])));
  answers.push(rows);
}
fs.writeFileSync(out, JSON.stringify(answers));
process.exit(0);
