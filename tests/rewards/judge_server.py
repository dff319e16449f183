"""A real HTTP server that speaks the protocol of a chat endpoint, and misbehaves."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def completion(text, *, finish="stop", tokens=(100, 1)):
    return {
        "choices": [{"message": {"content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]},
    }


class JudgeServer(ThreadingHTTPServer):
    """Answers with what `reply(body, n)` returns for the n-th request (from 0).

    That is a text (the judge's answer), a dictionary (the whole reply), bytes (sent as
    they are) or `(status, headers, bytes)`.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, reply):
        super().__init__(("127.0.0.1", 0), Handler)
        self.reply, self.lock = reply, threading.Lock()
        self.bodies, self.headers, self.paths, self.times = [], [], [], []
        self.live = self.most_live = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def prompts(self):
        return [body["messages"][-1]["content"] for body in self.bodies]

    def handle_error(self, request, client_address):
        """A client that hung up is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with server.lock:
            n = len(server.bodies)
            server.bodies.append(body)
            server.headers.append(dict(self.headers))
            server.paths.append(self.path)
            server.times.append(time.monotonic())
            server.live += 1
            server.most_live = max(server.most_live, server.live)
        try:
            reply = server.reply(body, n)
        finally:
            with server.lock:
                server.live -= 1
        self.send(reply)

    def send(self, reply):
        if isinstance(reply, str):
            reply = completion(reply)
        if isinstance(reply, dict):
            reply = json.dumps(reply).encode()
        if isinstance(reply, bytes):
            reply = (200, {}, reply)
        status, headers, content = reply
        self.send_response(status)
        for name, value in ({"Content-Length": len(content)} | headers).items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


@contextmanager
def serve(reply):
    """Run a server in a thread; `reply` may also be a fixed answer."""
    answer = reply if callable(reply) else lambda body, n: reply
    with JudgeServer(answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
