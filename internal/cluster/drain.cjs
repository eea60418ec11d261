'use strict';
// Velos loads this into a worker of a cluster before its script. When Velos
// says so, the worker finishes what it has begun and goes: each answer from
// then on is the last one of its connection, listeners are closed, and when
// all connections have ended the worker disconnects. Node's own way closes
// connections that are idle, on which the next request may be on its way.
// Whatever does not work here must not disturb the script.
const quietly = (f) => { try { return f(); } catch { return undefined; } };
quietly(() => {
  // What the script forks inherits these arguments, and is no worker of ours.
  const args = process.execArgv;
  for (let i = args.length - 2; i >= 0; i--) {
    if (args[i] === '--require' && quietly(() => require.resolve(args[i + 1])) === __filename) args.splice(i, 2);
  }
  const cluster = require('cluster');
  const original = cluster._getServer;
  if (!cluster.isWorker || !cluster.worker || typeof process.send !== 'function' || typeof original !== 'function') return;

  const servers = new Set(); // and datagram sockets
  const sessions = new Set(); // of HTTP/2
  let draining = false;
  const leave = () => quietly(() => {
    if (draining && servers.size === 0 && process.connected) process.disconnect();
  });
  const watch = (server) => {
    if (servers.has(server)) return;
    servers.add(server);
    server.once('close', () => { servers.delete(server); leave(); });
    server.on('session', (s) => {
      sessions.add(s);
      s.once('close', () => sessions.delete(s));
      if (draining) quietly(() => s.close());
    });
  };
  cluster._getServer = function(server, ...rest) {
    quietly(() => watch(server));
    return original.call(this, server, ...rest);
  };

  const finish = () => {
    const http = require('http');
    const last = (res) => {
      res.shouldKeepAlive = false;
      if (/keep-alive/i.test(res.getHeader('connection'))) res.setHeader('Connection', 'close');
    };
    for (const { prototype } of [http.Server, require('https').Server]) {
      const emit = prototype.emit;
      prototype.emit = function(name, req, res) {
        if (name === 'request' || name === 'checkContinue' || name === 'checkExpectation') quietly(() => last(res));
        return emit.apply(this, arguments);
      };
    }
    const prototype = http.ServerResponse.prototype; // for requests that are being answered
    const writeHead = prototype.writeHead;
    prototype.writeHead = function() {
      if (!this.headersSent) quietly(() => last(this));
      return writeHead.apply(this, arguments);
    };
  };
  const drain = (idle) => {
    const { Server } = require('net');
    if (!draining) quietly(finish);
    draining = true;
    cluster.worker.exitedAfterDisconnect = true;
    for (const s of [...servers]) {
      const closed = quietly(() => (s instanceof Server ? Server.prototype.close.call(s) : s.close(), true));
      if (!closed) servers.delete(s);
      if (idle) quietly(() => s.closeIdleConnections());
    }
    for (const s of [...sessions]) quietly(() => s.close());
    leave();
  };
  process.on('internalMessage', (m) => {
    if (m && m.cmd === 'NODE_VELOS' && m.act === 'drain') quietly(() => drain(m.idle === true));
  });
  process.send({ cmd: 'NODE_VELOS', act: 'hello' });
});
