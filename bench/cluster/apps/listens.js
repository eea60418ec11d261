// A worker that listens in every way that Node has, says that it is ready, and
// ends in several ways when it is asked to.
const cluster = require('cluster');
const dgram = require('dgram');
const http = require('http');
if (!cluster.isWorker || cluster.isMaster || typeof process.send !== 'function') throw new Error('this is no worker');

const answer = (req, res) => {
  if (req.url === '/crash') process.exit(7);
  if (req.url === '/disconnect') setImmediate(() => cluster.worker.disconnect());
  res.end('ok ' + process.pid);
};
const { PORT, PORT2, PORT3, PORT4 } = process.env;
const udp = dgram.createSocket('udp4');
udp.on('message', (m, from) => udp.send('ok ' + process.pid, from.port, from.address));
const all = [
  (done) => http.createServer(answer).listen(PORT, '127.0.0.1', done),
  (done) => http.createServer(answer).listen({ port: PORT2, host: '::1' }, done),
  (done) => http.createServer(answer).listen(PORT3, done),
  (done) => http.createServer(answer).listen(0, done),
  (done) => http.createServer(answer).listen('web.sock', done),
  (done) => udp.bind(PORT4, '127.0.0.1', done),
];
Promise.all(all.map((f) => new Promise(f))).then(() => process.send('ready'));
