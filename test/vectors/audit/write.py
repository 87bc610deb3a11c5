#!/usr/bin/env python3
"""write.py KEY FOLDER: writes the log of this folder by docs/audit.md alone; `openssl` signs."""
import hashlib, base64, json, subprocess, sys, tempfile

key, folder = sys.argv[1:3]
public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], capture_output=True, check=True).stdout
key_id, chain = hashlib.sha256(public).hexdigest(), "0123456789abcdef0123456789abcdef"
last = (0, "0" * 64)

def line(out, text):
    global last
    body = f'{{"seq":{last[0] + 1},{text}'
    last = (last[0] + 1, hashlib.sha256((last[1] + body).encode()).hexdigest())
    out.write(f'{body},"hash":"{last[1]}"}}\n'.encode())

def checkpoint(out, time, reason):
    text = f"keswick-audit-checkpoint-v1\n{chain}\n{last[0]}\n{last[1]}\n{time}\n{reason}\n"
    with tempfile.NamedTemporaryFile() as message:
        message.write(text.encode()); message.flush()
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", key, "-rawin", "-in", message.name],
                                   capture_output=True, check=True).stdout
    place = f'{{"seq":{last[0]},"hash":"{last[1]}"}}'
    line(out, f'"type":"checkpoint","time":"{time}","chain":"{chain}","reason":"{reason}","last":{place},'
              f'"key":"{key_id}","signature":"{base64.b64encode(signature).decode()}"')

def request(out, second, path, code, identity="3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22"):
    who = json.dumps({"ip": "10.1.2.3", "path": path, **({"identity": identity} if identity else {}),
                      "id": f"6f1c2a90-{second:010d}", "method": "PUT"}, separators=(",", ":"), ensure_ascii=False)
    line(out, f'"type":"request","time":"2026-01-31T08:00:{second:02d}.000Z","request":{who},'
              f'"response":{{"code":{code},"time":{120000 + second}}},"message":"{"refused" if code >= 400 else "done"}"')

with open(f"{folder}/audit.log.000000000001", "wb") as out:
    line(out, f'"type":"header","time":"2026-01-31T08:00:00.000Z","version":1,"chain":"{chain}","key":"{key_id}","previous":null')
    line(out, '"type":"notice","time":"2026-01-31T08:00:00.000Z","event":"start","version":"0.1.0"')
    line(out, '"type":"intent","time":"2026-01-31T08:00:01.000Z","request":{"ip":"10.1.2.3","path":"/v1/key/create/my-key",'
              '"identity":"3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22","id":"6f1c2a90-0000000001","method":"PUT"}')
    request(out, 1, "/v1/key/create/my-key", 200)
    for second in range(2, 20):
        request(out, second, f"/v1/key/{'decrypt' if second % 3 else 'generate'}/my-key", 403 if second % 7 == 0 else 200)
    checkpoint(out, "2026-01-31T08:00:20.000Z", "rotation")
with open(f"{folder}/audit.log", "wb") as out:
    line(out, f'"type":"header","time":"2026-01-31T08:00:20.000Z","version":1,"chain":"{chain}","key":"{key_id}",'
              f'"previous":{{"seq":{last[0]},"hash":"{last[1]}"}}')
    request(out, 21, "/v1/key/generate/größe-\u2028-\U0001f511", 400)
    request(out, 22, '/v1/key/delete/"quoted\\ ,"hash":"', 403, identity="")
    line(out, '"type":"notice","time":"2026-01-31T08:00:23.000Z","event":"lost","records":3,"since":"2026-01-31T08:00:22.500Z"')
    request(out, 24, "/v1/key/decrypt/other-key", 200)
    checkpoint(out, "2026-01-31T08:00:25.000Z", "close")
