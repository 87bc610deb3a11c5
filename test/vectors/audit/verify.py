#!/usr/bin/env python3
"""verify.py PUBLIC_KEY FILE...: an audit log by docs/audit.md alone. Exit 1 and one line where it is not whole."""
import hashlib, base64, json, subprocess, sys, tempfile

def fail(place, why):
    print(f"{place}: {why}")
    sys.exit(1)

def is_signed(text, signature, key):
    with tempfile.NamedTemporaryFile() as message, tempfile.NamedTemporaryFile() as sig:
        message.write(text.encode()); message.flush()
        sig.write(base64.b64decode(signature)); sig.flush()
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin",
                               "-in", message.name, "-sigfile", sig.name], capture_output=True).returncode == 0

key, last = sys.argv[1], None
for name in sys.argv[2:]:
    for number, line in enumerate(open(name, "rb"), 1):
        place = f"{name}:{number}"
        if not line.endswith(b'"}\n') or line[-76:-67] != b',"hash":"':
            fail(place, "malformed")
        body, digest, members = line[:-76], line[-67:-3].decode(), json.loads(line)
        if number == 1:
            before = members["previous"] or {"seq": 0, "hash": "0" * 64}
            if members["type"] != "header" or last not in (None, (before["seq"], before["hash"])):
                fail(place, "does not follow from the file before")
            last = (before["seq"], before["hash"])
        if members["seq"] != last[0] + 1 or hashlib.sha256(last[1].encode() + body).hexdigest() != digest:
            fail(place, "does not follow from the line before")
        if members["type"] == "checkpoint":
            text = "".join(f"{part}\n" for part in ("keswick-audit-checkpoint-v1", members["chain"], last[0],
                                                    last[1], members["time"], members["reason"]))
            if (members["last"]["seq"], members["last"]["hash"]) != last or not is_signed(text, members["signature"], key):
                fail(place, "bad checkpoint")
        last = (members["seq"], digest)
print(f"whole up to {last[0]}:{last[1]}")
