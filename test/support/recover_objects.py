"""Opens the objects of a folder of kes-s3 from its files and a key alone, as after a disaster.

Written from the descriptions of the formats (docs/storage-format.md; MinIO's sealing of objects and of its static
key), not from the server's code. Input on standard input, JSON:

    {"folder": path, "key": "<name>:<base64>", "customer_keys": {"<bucket>/<key>": base64},
     "ranges": {"<bucket>/<key>": [[first, last], ...]},
     "seal": [{"bucket", "key", "kind", "context"?, "parts": [base64], "file"}]}

Output, JSON: "objects": for each "<bucket>/<key>" its kind, size, SHA-256 of all and of the ranges, ETag and checksum,
or why it does not open; "sealed": the entries of each of "seal", whose stored bytes are written to "file".
"""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import posixpath
import struct
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

PAYLOAD, OVERHEAD = 65536, 32
INTERNAL = "X-Minio-Internal-"
SSE = INTERNAL + "Server-Side-Encryption-"
MARKS = [("SSE-KMS", SSE + "Kms-Sealed-Key"), ("SSE-S3", SSE + "S3-Sealed-Key"), ("SSE-C", SSE + "Sealed-Key")]


class Refused(Exception):
    pass


def mac(key, *texts):
    return hmac.new(key, b"".join(texts), hashlib.sha256).digest()


def b64(bytes_):
    return base64.b64encode(bytes_).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


# Packages


def aead_nonce(nonce, sequence):
    (last,) = struct.unpack("<I", nonce[8:])
    return nonce[:8] + struct.pack("<I", last ^ sequence)


def open_packages(key, sealed, sequence=0, reaches_end=True):
    opened, nonce, is_last, at = b"", None, False, 0
    while at < len(sealed):
        if is_last:
            raise Refused("something behind the last package")
        header = sealed[at : at + 16]
        if len(header) < 16 or header[0] != 0x20 or header[1] not in (0, 1):
            raise Refused("no package")
        length = struct.unpack("<H", header[2:4])[0] + 1
        is_last = header[4] & 0x80 != 0
        bare = (header[1], bytes([header[4] & 0x7F]) + header[5:])
        if nonce is not None and nonce != bare:
            raise Refused("another stream")
        nonce = bare
        if length != PAYLOAD and not is_last:
            raise Refused("a short package in the middle")
        body = sealed[at + 16 : at + OVERHEAD + length]
        cipher = AESGCM(key) if header[1] == 0 else ChaCha20Poly1305(key)
        try:
            opened += cipher.decrypt(aead_nonce(header[4:16], sequence), body, header[:4])
        except InvalidTag:
            raise Refused("package %d is not authentic" % sequence) from None
        at += OVERHEAD + length
        sequence += 1
    if reaches_end and sealed and not is_last:
        raise Refused("the end is missing")
    return opened


def seal_packages(key, plain, cipher=0):
    nonce, sealed = os.urandom(12), b""
    for sequence, at in enumerate(range(0, len(plain), PAYLOAD)):
        piece = plain[at : at + PAYLOAD]
        final = 0x80 if at + PAYLOAD >= len(plain) else 0
        head = bytes([0x20, cipher]) + struct.pack("<H", len(piece) - 1)
        own = bytes([nonce[0] & 0x7F | final]) + nonce[1:]
        aead = AESGCM(key) if cipher == 0 else ChaCha20Poly1305(key)
        sealed += head + own + aead.encrypt(aead_nonce(own, sequence), piece, head)
    return sealed


def sealed_size(size):
    whole, rest = divmod(size, PAYLOAD)
    return whole * (PAYLOAD + OVERHEAD) + (rest + OVERHEAD if rest else 0)


# Keys


ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def quoted(text):
    def one(c):
        if c in ESCAPES:
            return ESCAPES[c]
        return "\\u%04x" % ord(c) if ord(c) < 0x20 or c in "<>&\u2028\u2029" else c

    return '"' + "".join(map(one, text)) + '"'


def canonical(context):
    members = sorted(context.items(), key=lambda member: member[0].encode())
    return ("{" + ",".join(quoted(name) + ":" + quoted(value) for name, value in members) + "}").encode()


def sealed_path(bucket, key):
    return posixpath.normpath(bucket + "/" + key.lstrip("/"))


def dek_context(bucket, key, own):
    return canonical({bucket: sealed_path(bucket, key), **own})


def open_dek(kek, ciphertext, context):
    sealed, iv, nonce = ciphertext[:48], ciphertext[48:64], ciphertext[64:]
    if len(ciphertext) != 76:
        raise Refused("the sealed data key has another size")
    return AESGCM(mac(kek, iv)).decrypt(nonce, sealed, context)


def seal_dek(kek, dek, context):
    iv, nonce = os.urandom(16), os.urandom(12)
    return AESGCM(mac(kek, iv)).encrypt(nonce, dek, context) + iv + nonce


def sealing_key(dek, iv, kind, bucket, key):
    return mac(dek, iv, kind.encode(), b"DAREv2-HMAC-SHA256", sealed_path(bucket, key).encode())


def part_key(oek, number):
    return mac(oek, struct.pack("<I", number))


class Keys:
    def __init__(self, request):
        name, _, encoded = request["key"].partition(":")
        self.name, self.kek = name, unb64(encoded)
        self.customer = {path: unb64(key) for path, key in request.get("customer_keys", {}).items()}

    def object_key(self, bucket, key, entries):
        kind, mark = next((each for each in MARKS if each[1] in entries), (None, None))
        if kind is None:
            return None, None
        if entries[SSE + "Seal-Algorithm"] != "DAREv2-HMAC-SHA256":
            raise Refused("another seal")
        if kind == "SSE-C":
            dek = self.customer[bucket + "/" + key]
        else:
            if entries[SSE + "S3-Kms-Key-Id"] != self.name:
                raise Refused("under another key")
            own = json.loads(unb64(entries[SSE + "Context"])) if SSE + "Context" in entries else {}
            dek = open_dek(self.kek, unb64(entries[SSE + "S3-Kms-Sealed-Key"]), dek_context(bucket, key, own))
        secret = sealing_key(dek, unb64(entries[SSE + "Iv"]), kind, bucket, key)
        return kind, open_packages(secret, unb64(entries[mark]))


# The folder


def read_record(path):
    data = path.read_bytes()
    if data[:8] != b"KSWKREC1" or hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise Refused("no record: %s" % path)
    content, text = struct.unpack(">II", data[8:16])
    if 16 + content + text + 32 != len(data):
        raise Refused("no record: %s" % path)
    return json.loads(data[16 + content : 16 + content + text])


def read_folder(folder):
    """Names of buckets, and for each object the record that holds: that with the highest number."""
    buckets, objects = {}, {}
    for path in sorted(pathlib.Path(folder, "data").glob("*/*.record"), key=lambda each: each.name):
        stored = read_record(path)
        if stored["kind"] == "bucket":
            buckets[stored["bucket"]] = stored["record"]["name"]
        elif stored["kind"] == "object":
            objects[stored["bucket"], stored["record"]["key"]] = stored
    return buckets, objects


def content_of(folder, pieces):
    def read(piece):
        number = piece["file"]
        base = pathlib.Path(folder, "data", "%09x" % (number // 4096))
        if "at" not in piece:
            return (base / ("%012x.content" % number)).read_bytes()
        return (base / ("%012x.record" % number)).read_bytes()[piece["at"] : piece["at"] + piece["size"]]

    return b"".join(map(read, pieces))


def open_range(oek, sealed, parts, first, last):
    """Packages that hold first to last, both included, and no others."""
    given, plain_start, sealed_start = b"", 0, 0
    for number, size in parts:
        low, high = max(first - plain_start, 0), min(last - plain_start, size - 1)
        if size > 0 and low <= high:
            begin, end = low // PAYLOAD, high // PAYLOAD + 1
            span = PAYLOAD + OVERHEAD
            stop = min(end * span, sealed_size(size))
            piece = sealed[sealed_start + begin * span : sealed_start + stop]
            key = oek if number is None else part_key(oek, number)
            opened = open_packages(key, piece, begin, stop == sealed_size(size))
            given += opened[low - begin * PAYLOAD : high + 1 - begin * PAYLOAD]
        plain_start += size
        sealed_start += sealed_size(size)
    return given


def recover(folder, keys, bucket, stored, ranges):
    record = stored["record"]
    kind, oek = keys.object_key(bucket, record["key"], record["encryption"])
    content = content_of(folder, stored["pieces"])
    is_parts = "parts" in record
    parts = [(part["number"], part["size"]) for part in record["parts"]] if is_parts else [(None, record["size"])]
    if oek is None:
        whole, slices = content, [content[first : last + 1] for first, last in ranges]
    else:
        if (INTERNAL + "Encrypted-Multipart" in record["encryption"]) != is_parts:
            raise Refused("in parts or not")
        if len(content) != sum(sealed_size(size) for _, size in parts):
            raise Refused("sizes")
        whole = open_range(oek, content, parts, 0, record["size"] - 1)
        slices = [open_range(oek, content, parts, first, last) for first, last in ranges]
    found = {"kind": kind, "size": len(whole), "sha256": hashlib.sha256(whole).hexdigest()}
    found["ranges"] = [hashlib.sha256(each).hexdigest() for each in slices]
    found["etag"] = record["etag"]
    if len(record["etag"]) == 96:
        found["etag"] = open_packages(mac(oek, b"SSE-etag"), bytes.fromhex(record["etag"])).hex()
    if "checksum" in record:
        value = record["checksum"]["value"]
        sealed = record["checksum"]["isSealed"]
        found["checksum"] = (
            open_packages(mac(oek, b"object-checksum"), unb64(value)).decode() if sealed else value
        )
    return found


def seal(keys, wanted):
    """An object as another program would make it."""
    bucket, key, kind = wanted["bucket"], wanted["key"], wanted["kind"]
    parts = [unb64(part) for part in wanted["parts"]]
    entries = {SSE + "Seal-Algorithm": "DAREv2-HMAC-SHA256"}
    if kind == "SSE-C":
        dek = keys.customer[bucket + "/" + key]
    else:
        dek, own = os.urandom(32), wanted.get("context", {})
        entries[SSE + "S3-Kms-Key-Id"] = keys.name
        entries[SSE + "S3-Kms-Sealed-Key"] = b64(seal_dek(keys.kek, dek, dek_context(bucket, key, own)))
        if own:
            entries[SSE + "Context"] = b64(canonical(own))
    oek, iv = mac(dek, b"object-encryption-key generation", os.urandom(32)), os.urandom(32)
    entries[SSE + "Iv"] = b64(iv)
    entries[dict(MARKS)[kind]] = b64(seal_packages(sealing_key(dek, iv, kind, bucket, key), oek))
    if len(parts) == 1:
        content = seal_packages(oek, parts[0], 1)
    else:
        entries[INTERNAL + "Encrypted-Multipart"] = ""
        content = b"".join(seal_packages(part_key(oek, i + 1), part, i % 2) for i, part in enumerate(parts))
    pathlib.Path(wanted["file"]).write_bytes(content)
    return entries


def main():
    request = json.load(sys.stdin)
    keys = Keys(request)
    buckets, stored = read_folder(request["folder"])
    found = {}
    for (number, key), each in stored.items():
        path = buckets[number] + "/" + key
        try:
            found[path] = recover(request["folder"], keys, buckets[number], each, request["ranges"].get(path, []))
        except (Refused, InvalidTag, KeyError) as error:
            found[path] = {"error": "%s %s" % (type(error).__name__, error)}
    sealed = [seal(keys, wanted) for wanted in request.get("seal", [])]
    json.dump({"objects": found, "sealed": sealed}, sys.stdout)


main()
