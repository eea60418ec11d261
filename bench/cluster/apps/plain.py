# A server of Python's standard library on the socket that it finds. It does
# nothing when it is told to end, unless it is to be patient with clients that
# keep their connections: then each answer is the last one for a second.
import http.server, os, signal, socket, threading

ending = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        body = b"ok %d" % os.getpid()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if ending.is_set():
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self):
        self.socket.close()
        self.socket = socket.socket(fileno=3)
        self.server_address = self.socket.getsockname()

    def server_activate(self):
        pass


def end(*_):
    ending.set()
    threading.Timer(1, server.shutdown).start()


server = Server(("127.0.0.1", 0), Handler)
if os.environ.get("PATIENT"):
    signal.signal(signal.SIGTERM, end)
server.serve_forever()
