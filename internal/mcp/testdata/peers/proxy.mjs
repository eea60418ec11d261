// A proxy that adds the bearer token: the conformance suite cannot send one.
// Every other header goes through as it is, but for the proxy's own name.
import http from "node:http";

export function proxy(target, token) {
  const to = new URL(target);
  const server = http.createServer((req, res) => {
    const headers = { ...req.headers, authorization: "Bearer " + token };
    const own = [`127.0.0.1:${server.address().port}`, `localhost:${server.address().port}`];
    if (own.includes(headers.host)) headers.host = to.host;
    if (headers.origin && own.includes(headers.origin.replace("http://", ""))) headers.origin = "http://" + to.host;
    const up = http.request({ host: to.hostname, port: to.port, path: req.url, method: req.method, headers }, (r) => {
      res.writeHead(r.statusCode, r.headers);
      r.pipe(res);
    });
    up.on("error", () => res.destroy());
    res.on("close", () => up.destroy());
    req.pipe(up);
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done({ url: `http://127.0.0.1:${server.address().port}${to.pathname}`, close: () => server.close() })));
}
