// A server in the way of Express: middleware that is called in turn, and
// routes; answers in a later turn of the event loop.
const http = require('http');
const layers = [];
const use = (f) => layers.push(f);
const get = (path, f) => {
  const parts = path.split('/');
  use((req, res, next) => {
    const given = req.path.split('/');
    if (req.method !== 'GET' || given.length !== parts.length) return next();
    req.params = {};
    for (let i = 0; i < parts.length; i++) {
      if (parts[i][0] === ':') req.params[parts[i].slice(1)] = given[i];
      else if (parts[i] !== given[i]) return next();
    }
    f(req, res);
  });
};
use((req, res, next) => { req.path = req.url.split('?')[0]; next(); });
use((req, res, next) => { res.setHeader('X-Powered-By', 'routes'); setImmediate(next); });
get('/', (req, res) => res.end('home'));
get('/users/:id', (req, res) => { res.setHeader('Content-Type', 'text/plain'); res.end('ok ' + process.pid); });
use((req, res) => { res.statusCode = 404; res.end('not found'); });
http.createServer((req, res) => {
  let i = 0;
  const next = () => layers[i++](req, res, next);
  next();
}).listen(process.env.PORT, '127.0.0.1');
