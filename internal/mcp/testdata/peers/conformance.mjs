// The official suite, in both eras. What fails is compared with a list: those
// scenarios need tools, resources and prompts of the suite's own.
import { spawn } from "node:child_process";
import { proxy } from "./proxy.mjs";
import { serve } from "./peer.mjs";

const suite = "node_modules/@modelcontextprotocol/conformance/dist/index.js";
const server = await serve();
const front = await proxy(server.url, server.token);
let code = 0;
for (const [era, least] of [["2025-11-25", 11], ["2026-07-28", 14]]) {
  const child = spawn("node", [suite, "server", "--url", front.url, "--requirements", era, "--expected-failures", `expected-${era}.yml`], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  child.stdout.on("data", (b) => (out += b));
  child.stderr.on("data", (b) => (out += b));
  const n = await new Promise((done) => child.on("exit", done));
  const passed = (out.match(/^✓ .*/gm) ?? []).map((l) => l.slice(2));
  console.log(`conformance ${era}: ${passed.length} scenarios pass, ${n === 0 ? "no unexpected failure" : "failed"}`);
  if (n !== 0 || passed.length < least) {
    console.log(out.slice(out.indexOf("=== SUMMARY")));
    code = 1;
  }
}
front.close();
server.stop();
process.exit(code);
