"""Talks HTTP/2 with httpx, whose framing is the package h2, and prints one line for each step.

Arguments: URL, file with certificate and key.
"""

import asyncio
import hashlib
import sys

import httpx

base, pem = sys.argv[1:3]


async def check_echo(client, method, body):
    answer = await client.request(method, "/echo", content=body, headers={"x-test": "python"})
    echo = answer.json()
    assert answer.http_version == "HTTP/2", answer.http_version
    assert answer.status_code == 200
    assert echo["length"] == len(body), echo
    assert echo["sha256"] == hashlib.sha256(body).hexdigest()
    assert echo["test"] == ["python"]


async def main():
    async with httpx.AsyncClient(base_url=base, http2=True, http1=False, verify=False, cert=pem, timeout=60) as client:
        await check_echo(client, "GET", b"")
        print("one request")
        await asyncio.gather(*(check_echo(client, "PUT", b"x" * i * 50) for i in range(200)))
        print("200 requests")
        await check_echo(client, "POST", b"0123456789" * 200_000)
        print("2 MB up")
        answer = await client.get("/big/2000000")
        print(len(answer.content), "bytes down")
        answer = await client.put("/early", content=b"x" * 200_000)
        print("early", answer.status_code, answer.text)
        answer = await client.get("/lines/100")
        print(answer.text.count("\n"), "lines")
        answer = await client.head("/big/1000")
        print("head", answer.headers["content-length"], len(answer.content))


asyncio.run(main())
