// The official Inspector's command line, in strict mode: every schema has to be
// one that all models can be given, without even a warning. Then a call, over
// both transports and in both eras.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { serve } from "./peer.mjs";

const inspector = "node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js";

function inspect(args) {
  // A home of its own, so that it never looks into the user's.
  const env = { ...process.env, HOME: process.env.VELOS_HOME + "-inspector" };
  const child = spawn(process.env.VELOS_NODE, [inspector, "--cli", ...args], { env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "", said = "";
  child.stdout.on("data", (b) => (out += b));
  child.stderr.on("data", (b) => (said += b));
  return new Promise((done) => child.on("exit", (code) => done({ code, out, said })));
}

const server = await serve();
try {
  const targets = {
    // It hands on no variables of its own accord.
    stdio: ["-e", "VELOS_HOME=" + process.env.VELOS_HOME, "--", process.env.VELOS_BIN, "mcp-server"],
    http: ["--server-url", server.url, "--transport", "http", "--header", "Authorization: Bearer " + server.token],
  };
  for (const [transport, target] of Object.entries(targets)) {
    for (const era of ["legacy", "modern"]) {
      const list = await inspect(["--method", "tools/list", "--strict", "--protocol-era", era, "--format", "json", ...target]);
      assert.equal(list.code, 0, list.said);
      const answer = JSON.parse(list.out);
      const tools = (answer.result ?? answer).tools;
      assert.equal(tools.length, 20, list.out.slice(0, 300));
      assert(!/warning|error/i.test(list.said.replaceAll("0 errors", "").replaceAll("0 warnings", "")), list.said);
      const call = await inspect(["--method", "tools/call", "--tool-name", "health_check", "--protocol-era", era, "--format", "json", ...target]);
      assert.equal(call.code, 0, call.said);
      assert(call.out.includes("healthy"), call.out);
      console.log(`inspector: ${transport}, ${era}: ${tools.length} tools, strict`);
    }
  }
} finally {
  server.stop();
}
