"""Sends S3 requests with boto3, as its users would, and prints what it made of the answers, one JSON value.

Arguments: endpoint over HTTP, endpoint over TLS, access key, secret.
"""

import json
import sys
import warnings

import boto3
import requests
from botocore.config import Config

warnings.simplefilter("ignore")
plain, secure, access_key, secret = sys.argv[1:5]


def client(endpoint, **config):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        region_name="us-east-1",
        verify=False,
        config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}, **config),
    )


KEYS = ["plain.txt", "a//b/../c", "with space + plus", "ünïcödé/😀", "per%20cent%2F", "q?uestion&=#", "~'()*!", "dir/"]
out = {"keys": KEYS, "listed": [], "statuses": {}}
s3 = client(plain)
tls = client(secure)
content = b"content of the object\n"

for key in KEYS:
    s3.put_object(Bucket="bucket", Key=key, Body=content, Metadata={"a": " two  blanks "}, ContentType="text/plain")
s3.put_object(Bucket="bucket", Key="md5", Body=content, ContentMD5="4E8SxyHARJ9ERWddaA8PKQ==")
for algorithm in ["CRC32", "SHA1", "SHA256"]:
    s3.put_object(Bucket="bucket", Key=f"sum-{algorithm}", Body=content, ChecksumAlgorithm=algorithm)
tls.put_object(Bucket="bucket", Key="tls-trailer", Body=content * 100_000)
tls.put_object(Bucket="bucket", Key="tls-sha256", Body=content, ChecksumAlgorithm="SHA256")
client(secure, request_checksum_calculation="when_required").put_object(
    Bucket="bucket", Key="tls-unsigned", Body=content, ContentMD5="4E8SxyHARJ9ERWddaA8PKQ=="
)
s3.upload_part(Bucket="bucket", Key="upload", UploadId="id", PartNumber=7, Body=content)
s3.copy_object(Bucket="bucket", Key="copy", CopySource={"Bucket": "other", "Key": "a+b ü"})
s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": key} for key in KEYS]})
s3.complete_multipart_upload(
    Bucket="bucket",
    Key="upload",
    UploadId="id",
    MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"abc"'}, {"PartNumber": 3, "ETag": "def"}]},
)
s3.put_object_tagging(Bucket="bucket", Key="k", Tagging={"TagSet": [{"Key": "a", "Value": "<&>"}]})
s3.put_bucket_encryption(
    Bucket="bucket",
    ServerSideEncryptionConfiguration={
        "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "my-key"}}]
    },
)

for version in [1, 2]:
    name = "list_objects" if version == 1 else "list_objects_v2"
    pages = s3.get_paginator(name).paginate(Bucket="bucket", Delimiter="/", PaginationConfig={"PageSize": 2})
    names = []
    for page in pages:
        names += [entry["Key"] for entry in page.get("Contents", [])]
        names += [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
    out["listed"].append(sorted(names))

v4 = client(plain, signature_version="s3v4")
url = v4.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": "pre signed/ü"}, ExpiresIn=60)
out["statuses"]["presigned"] = requests.put(url, data=content, timeout=10).status_code
out["statuses"]["presigned-tampered"] = requests.put(url.replace("pre", "pra"), data=content, timeout=10).status_code
out["statuses"]["presigned-header"] = requests.put(
    url, data=content, headers={"x-amz-meta-a": "b"}, timeout=10
).status_code
v2 = client(plain, signature_version="s3")
old = v2.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "old"}, ExpiresIn=60)
reply = requests.get(old, timeout=10)
out["statuses"]["version-2"] = reply.status_code
out["version2"] = reply.text

form = v4.generate_presigned_post(
    "bucket",
    "form/${filename}",
    Fields={"x-amz-meta-a": "b"},
    Conditions=[{"x-amz-meta-a": "b"}, ["content-length-range", 1, 100]],
    ExpiresIn=60,
)
files = {"file": ("näme.txt", content)}
out["statuses"]["form"] = requests.post(form["url"], data=form["fields"], files=files, timeout=10).status_code
fields = {**form["fields"], "x-amz-meta-a": "c"}
out["statuses"]["form-altered"] = requests.post(form["url"], data=fields, files=files, timeout=10).status_code
fields = {**form["fields"], "acl": "public-read"}
out["statuses"]["form-uncovered"] = requests.post(form["url"], data=fields, files=files, timeout=10).status_code

try:
    s3.get_object(Bucket="bucket", Key="absent")
except s3.exceptions.NoSuchKey as error:
    out["absent"] = error.response["Error"]
print(json.dumps(out))
