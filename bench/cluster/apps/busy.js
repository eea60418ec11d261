// A server that keeps its only thread for each request, so that connections
// always wait to be accepted.
const http = require('http');
http.createServer((req, res) => {
  for (const end = Date.now() + 20; Date.now() < end;);
  res.end('ok ' + process.pid);
}).listen(process.env.PORT, '127.0.0.1');
