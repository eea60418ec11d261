// A server of Node that knows nothing of clusters.
const http = require('http');
http.createServer((req, res) => res.end('ok ' + process.pid)).listen(process.env.PORT, '127.0.0.1');
