"""A server on loopback that misbehaves as its path says: /404/NAME, /stall/NAME, ... and serves the file from /NAME."""
import ssl
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Misbehaving(BaseHTTPRequestHandler):
    """Answers each request by the method named in its path; counts the requests."""

    def __init__(self, *args, files, log, ended, elsewhere):
        self.files, self.log, self.ended, self.elsewhere = files, log, ended, elsewhere
        super().__init__(*args)

    def log_message(self, *args):
        pass

    def do_GET(self):
        self.log.append(self.path)
        *manners, name = urlsplit(self.path).path.strip("/").split("/")
        content = self.files.get(name, b"")
        try:
            getattr(self, f"do_{manners[-1]}" if manners else "whole")(content, name)
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has heard enough

    def head(self, status=200, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    def whole(self, content, name):
        self.head(Content_Length=len(content))
        self.wfile.write(content)

    def do_404(self, content, name):
        self.head(404)

    def do_403(self, content, name):
        self.head(403)

    def do_503(self, content, name):
        self.head(503, Retry_After=3600)

    def do_stall(self, content, name):
        self.head(Content_Length=len(content))
        self.wfile.write(content[:100])
        self.ended.wait(60)

    def do_mute(self, content, name):
        self.ended.wait(60)

    def do_drip(self, content, name):
        self.head(Content_Length=len(content))
        for i in range(len(content)):
            self.wfile.write(content[i:i + 1])
            if self.ended.wait(0.02):
                break

    def do_cut(self, content, name):
        self.head(Content_Length=len(content))
        self.wfile.write(content[:len(content) // 2])

    def do_long(self, content, name):
        self.head(Content_Length=len(content) + 7)
        self.wfile.write(content)

    def do_short(self, content, name):
        self.head(Content_Length=len(content) - 7)
        self.wfile.write(content)

    def do_nonsense(self, content, name):
        self.wfile.write(b"\x00\x01\x02 what?\r\n\r\n")

    def do_flip(self, content, name):
        i = len(content) // 2
        self.whole(content[:i] + bytes([content[i] ^ 1]) + content[i + 1:], name)

    def do_endless(self, content, name):
        self.head()
        while not self.ended.is_set():
            self.wfile.write(bytes(1 << 20))

    def do_loop(self, content, name):
        self.head(302, Location=self.path)

    def do_spiral(self, content, name):
        self.head(302, Location="/again" + self.path)

    def do_away(self, content, name):
        """On to the other address, with a body that never ends."""
        self.head(302, Location=self.elsewhere + name)
        while not self.ended.is_set():
            self.wfile.write(bytes(1 << 20))

    def do_ftp(self, content, name):
        self.head(302, Location="ftp://127.0.0.1:9/" + name)

    def do_file(self, content, name):
        self.head(302, Location="file:///etc/hostname")

    def do_data(self, content, name):
        self.head(302, Location="data:text/plain,hello")

    def do_nowhere(self, content, name):
        self.head(302)

    def do_slowly(self, content, name):
        """In two halves with a pause between them."""
        self.head(Content_Length=len(content))
        self.wfile.write(content[:len(content) // 2])
        self.wfile.flush()
        time.sleep(1)
        self.wfile.write(content[len(content) // 2:])


class Server:
    """A server of `files`, name -> bytes, in a thread of its own; with a certificate it speaks https."""

    def __init__(self, files, certificate=None, elsewhere=""):
        self.log, self.ended = [], threading.Event()
        handler = partial(Misbehaving, files=files, log=self.log, ended=self.ended, elsewhere=elsewhere)
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.url = f"http{'s' * bool(certificate)}://{'localhost' if certificate else '127.0.0.1'}:{self.http.server_port}/"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()
