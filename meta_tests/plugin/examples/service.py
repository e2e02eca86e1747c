"""A detector behind HTTP on loopback, and the function that asks it. `python service.py` starts it."""

import json
import os
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import perf_counter

PORT = int(os.environ.get("DETECTOR_PORT", "8765"))
LOCAL = threading.local()


def score(text: str) -> dict[str, object]:
    """Ask the service, over a connection that each thread keeps."""
    started = perf_counter()
    if not hasattr(LOCAL, "connection"):
        LOCAL.connection = HTTPConnection("127.0.0.1", PORT, timeout=10)
    try:
        LOCAL.connection.request("POST", "/", json.dumps({"text": text}))
        answer = json.loads(LOCAL.connection.getresponse().read())
    except Exception:
        LOCAL.connection.close()
        raise
    service_ms = answer["service_ms"]
    network_ms = 1000.0 * (perf_counter() - started) - service_ms
    return {"score": answer["score"], "timings_ms": {"service": service_ms, "network": network_ms}}


class Handler(BaseHTTPRequestHandler):
    """Answers each POST with a score and with how long that took."""

    protocol_version = "HTTP/1.1"  # the connection stays open
    disable_nagle_algorithm = True  # otherwise every answer waits 40 ms for an acknowledgement

    def do_POST(self) -> None:
        text = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"]
        started = perf_counter()
        found = 1.0 if "ignore all previous instructions" in text.lower() else 0.0
        answer = {"score": found, "service_ms": 1000.0 * (perf_counter() - started)}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
