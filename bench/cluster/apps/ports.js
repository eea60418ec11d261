// A server with two ports, in the way of Fastify: plugins that are loaded
// asynchronously before it listens, on every address at one and on one at the
// other.
const http = require('http');
const app = () => {
  const ready = [];
  const handlers = {};
  return {
    register: (f) => ready.push(f),
    get: (path, f) => { handlers[path] = f; },
    listen: async ({ port, host }) => {
      for (const f of ready) await f();
      const server = http.createServer(async (req, res) => {
        const f = handlers[req.url];
        const body = f ? await f(req, res) : 'not found';
        res.writeHead(f ? 200 : 404, { 'Content-Length': Buffer.byteLength(body) }).end(body);
      });
      await new Promise((resolve, reject) => server.once('error', reject).listen(port, host, resolve));
    },
  };
};
const start = async (options) => {
  const a = app();
  a.register(() => new Promise((resolve) => setTimeout(resolve, 20)));
  a.get('/users/7', async () => 'ok ' + process.pid);
  await a.listen(options);
};
start({ port: process.env.PORT }).then(() => start({ port: process.env.PORT2, host: '127.0.0.1' }));
