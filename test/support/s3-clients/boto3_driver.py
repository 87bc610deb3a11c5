"""A client of S3 over boto3 that does what each line of its input says: {"do", ...} in, {"done"} or {"failed"} out.

Argument: a file of JSON with url, ca, user, password, bucket, kind, keyName, customerKey.
"""

import json
import os
import sys
from base64 import b64decode

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

with open(sys.argv[1], encoding="utf-8") as settings_file:
    site = json.load(settings_file)
s3 = boto3.client(
    "s3",
    endpoint_url=site["url"],
    aws_access_key_id=site["user"],
    aws_secret_access_key=site["password"],
    region_name="us-east-1",
    verify=site.get("ca"),
    config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
)
bucket = site["bucket"]
customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b64decode(site["customerKey"])}
store, read, source = {
    "none": ({}, {}, {}),
    "SSE-S3": ({"ServerSideEncryption": "AES256"}, {}, {}),
    "SSE-KMS": ({"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": site["keyName"]}, {}, {}),
    "SSE-C": (customer, customer, {"CopySource" + name: value for name, value in customer.items()}),
}[site["kind"]]
parts = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)


def put(file, key):
    with open(file, "rb") as body:
        s3.put_object(Bucket=bucket, Key=key, Body=body, **store)


def get(key, file):
    s3.download_file(bucket, key, file, ExtraArgs=read)


def content_range(key, offset, length, file):
    bounds = f"bytes={offset}-{offset + length - 1}"
    answer = s3.get_object(Bucket=bucket, Key=key, Range=bounds, **read)
    with open(file, "wb") as target:
        target.write(answer["Body"].read())


def stat(key):
    told = s3.head_object(Bucket=bucket, Key=key, **read)
    names = ["ContentLength", "ServerSideEncryption", "SSECustomerAlgorithm"]
    return {name: told[name] for name in names if name in told}


def list_keys(prefix):
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": 2}
    )
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


def copy(origin, to):
    s3.copy_object(Bucket=bucket, Key=to, CopySource={"Bucket": bucket, "Key": origin}, **store, **source)


def upload(file, key):
    s3.upload_file(file, bucket, key, ExtraArgs=store, Config=parts)


def remove(key):
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})


words = {
    "put": put,
    "get": get,
    "range": content_range,
    "stat": stat,
    "list": list_keys,
    "copy": copy,
    "upload": upload,
    "remove": remove,
}
for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"done": words[asked["do"]](*asked["with"])}
    except Exception as error:  # whatever it is, the test is told
        answer = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
os._exit(0)
