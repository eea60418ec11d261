// A small HTTP server, as one is found behind many a proxy.
//
//   curl localhost:4310/         answers
//   curl localhost:4310/crash    throws where nobody catches
'use strict';
const http = require('node:http');

let served = 0;

const server = http.createServer((req, res) => {
  served++;
  if (req.url === '/crash') {
    res.end('goodbye\n');
    setImmediate(() => { throw new Error('a visitor asked for a crash'); });
    return;
  }
  console.log(`${req.method} ${req.url} 200`);
  res.end(`hello from pid ${process.pid}, request ${served}\n`);
});

server.on('error', (err) => {
  if (err.code !== 'EADDRINUSE') throw err;
  console.warn(`WARN port ${process.env.PORT} is taken, any free one will do`);
  server.listen(0, '127.0.0.1');
});

server.on('listening', () => console.log(`listening on 127.0.0.1:${server.address().port}`));
server.listen(Number(process.env.PORT || 0), '127.0.0.1');

// velos stop sends SIGTERM: finish what is under way, then end.
process.on('SIGTERM', () => {
  console.log('closing');
  server.close(() => process.exit(0));
  server.closeIdleConnections?.();
});
