// The server under test, and the clients that ask it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import { Client } from "@modelcontextprotocol/client";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport as StdioV1 } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport as HttpV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const velos = process.env.VELOS_BIN;

// serve starts the server over HTTP and waits until it says where it is.
export function serve() {
  const child = spawn(velos, ["mcp-server", "--port", "0"], { stdio: ["ignore", "ignore", "pipe"] });
  return new Promise((done, fail) => {
    let said = "";
    child.on("exit", (code) => fail(new Error(`mcp-server ended with ${code}: ${said}`)));
    child.stderr.on("data", (b) => {
      said += b;
      const m = said.match(/http:\/\/\S+\/mcp/);
      if (m) done({ url: m[0], token: fs.readFileSync(process.env.VELOS_HOME + "/mcp.token", "utf8").trim(), stop: () => child.kill() });
    });
  });
}

// clients are v1 and v2 of the SDK, v2 in both eras, over both transports, with
// the revision of the protocol that each has to arrive at.
export async function* clients(server) {
  const info = { name: "velos-peers", version: "1.0.0" };
  const requestInit = { headers: { Authorization: "Bearer " + server.token } };
  const stdio = { command: velos, args: ["mcp-server"], env: { ...process.env }, stderr: "ignore" };
  const http = () => new StreamableHTTPClientTransport(new URL(server.url), { requestInit });
  const old = "2025-11-25", now = "2026-07-28";
  const list = [
    ["v1-stdio", old, new ClientV1(info), () => new StdioV1(stdio)],
    ["v1-http", old, new ClientV1(info), () => new HttpV1(new URL(server.url), { requestInit })],
    ["v2-legacy-stdio", old, new Client(info, { versionNegotiation: { mode: "legacy" } }), () => new StdioClientTransport(stdio)],
    ["v2-legacy-http", old, new Client(info, { versionNegotiation: { mode: "legacy" } }), http],
    ["v2-auto-stdio", now, new Client(info, { versionNegotiation: { mode: "auto" } }), () => new StdioClientTransport(stdio)],
    ["v2-auto-http", now, new Client(info, { versionNegotiation: { mode: "auto" } }), http],
  ];
  for (const [name, revision, client, transport] of list) {
    await client.connect(transport());
    try {
      if (client.getNegotiatedProtocolVersion) assert.equal(client.getNegotiatedProtocolVersion(), revision, name);
      assert.equal(client.getServerVersion().name, "velos");
      yield [name, client];
    } finally {
      await client.close();
    }
  }
}

export { ClientV1 };

export function stdioV1() {
  return new StdioV1({ command: velos, args: ["mcp-server"], env: { ...process.env }, stderr: "ignore" });
}

export function text(result) {
  return (result.content ?? []).filter((c) => c.type === "text").map((c) => c.text).join("\n");
}
