"""Talks HTTP/1.1 with Python's own http.client, and with httpx where that is there; prints one line for each step.

Arguments: host, port, file with certificate and key.
"""

import hashlib
import http.client
import json
import ssl
import sys

host, port, pem = sys.argv[1:4]
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.load_cert_chain(pem)


def ask(connection, method, path, body=None, headers={}, **more):
    connection.request(method, path, body=body, headers={"x-test": "python", **headers}, **more)
    answer = connection.getresponse()
    return answer, answer.read()


def check_echo(connection, method, body, sent=None, **more):
    answer, text = ask(connection, method, "/echo", body if sent is None else sent, **more)
    echo = json.loads(text)
    assert answer.status == 200 and answer.version == 11, answer.status
    assert echo["length"] == len(body or b""), echo
    assert echo["sha256"] == hashlib.sha256(body or b"").hexdigest()
    assert echo["test"] == ["python"]


connection = http.client.HTTPSConnection(host, int(port), context=context, timeout=60)
check_echo(connection, "GET", None)
kept = connection.sock
for i in range(200):
    check_echo(connection, "PUT", b"x" * i * 50)
print("200 requests, kept:", connection.sock is kept)
check_echo(connection, "POST", b"0123456789" * 200_000)
print("2 MB up")
parts = [b"a" * 1000, b"b", b"c" * 70_000]
check_echo(connection, "PUT", b"".join(parts), iter(parts), encode_chunked=True)
print("in chunks")
answer, text = ask(connection, "GET", "/big/2000000")
print(len(text), "bytes down")
answer, text = ask(connection, "GET", "/lines/100")
print(text.count(b"\n"), "lines")
answer, text = ask(connection, "HEAD", "/big/1000")
print("head", answer.headers["content-length"], len(text))
answer, text = ask(connection, "PUT", "/early", b"x" * 10)
print("early", answer.status, text.decode())
connection.close()

try:
    import httpx
except ImportError:
    sys.exit(0)

with httpx.Client(base_url=f"https://{host}:{port}", http2=False, verify=context, timeout=60) as client:
    for i in range(50):
        answer = client.put("/echo", content=b"x" * i * 50)
        assert answer.http_version == "HTTP/1.1" and answer.json()["length"] == i * 50
    print("httpx", client.put("/early", content=b"x" * 200_000).status_code)
