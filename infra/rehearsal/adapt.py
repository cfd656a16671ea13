#!/usr/bin/env python3
"""Make what SAM built and packaged into what the emulator can deploy. Everything
that the rehearsal changes of what is deployed stands in this file, and
docs/deploy.md lists it as not proved.

    adapt.py binaries --built .aws-sam/build --binaries DIR --to DIR
    adapt.py templates --packaged packaged.yaml --emulator http://127.0.0.1:PORT --to FILE
             [--without notes/edit:Log:dynamodb:PutItem ...]

binaries, between `sam build` and `sam package`:

1. The functions' binaries become those of this machine's processor.

templates, between `sam package` and `sam deploy`. Nested templates are read from
the bucket to which `sam package` took them, and written beside it, through the
endpoint and with the credentials of the environment.

2. SAM's resources are expanded with SAM's own translator: the emulator expands
   none of a nested stack.
3. Canaries go: the emulator has no CodeDeploy.
4. Alarms on metric math go, and those on other alarms: the emulator's alarms have
   one metric.
5. The HTTP API's routes become resources: the emulator reads no OpenAPI body.
6. The addresses of API Gateway become the emulator's.

--without takes a grant from a function's policy, so that the rehearsal can show
that it is needed and that it is enforced.
"""
import argparse
import hashlib
import json
import logging
import os
import pathlib
import re
import shutil
import sys
import urllib.parse

FRONT_DOOR = re.compile(r"(https|wss)://(\$\{\w+\})\.execute-api\.\$\{AWS::Region\}\.\$\{AWS::URLSuffix\}")
FUNCTION = "AWS::Serverless::Function"
NESTED = "AWS::Serverless::Application"
METHODS = {"get", "put", "post", "patch", "delete", "head", "options"}


def with_binaries(built, binaries, to):
    """1. A copy of what `sam build` wrote, with other binaries: binaries has them as
    <domain>/<name>, which is what a function's description says."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(built, to, ignore=shutil.ignore_patterns("bootstrap"))
    waiting = [to / "template.yaml"]
    while waiting:
        path = waiting.pop()
        for resource in read(path.read_text())["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == NESTED:
                waiting.append(path.parent / properties["Location"])
            elif resource["Type"] == FUNCTION:
                os.link(binaries / properties["Description"], path.parent / properties["CodeUri"] / "bootstrap")


def without_canaries(template):
    """3. Versions and aliases stay; only the slow shift between them goes."""
    template.get("Globals", {}).get("Function", {}).pop("DeploymentPreference", None)
    for resource in template["Resources"].values():
        if resource["Type"] == FUNCTION:
            resource["Properties"].pop("DeploymentPreference", None)


def with_plain_alarms(template):
    """4. Nothing refers to the others once there are no canaries."""
    template["Resources"] = {
        name: resource for name, resource in template["Resources"].items()
        if resource["Type"] != "AWS::CloudWatch::CompositeAlarm"
        and not (resource["Type"] == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"])
    }


def with_routes(template):
    """5. Each operation of the OpenAPI body as an integration and a route of the API
    that SAM makes, which keeps its logical id, its settings and its stage."""
    resources = template["Resources"]
    for name, resource in list(resources.items()):
        if resource["Type"] != "AWS::ApiGatewayV2::Api" or "Body" not in resource["Properties"]:
            continue
        properties = resource["Properties"]
        body = properties.pop("Body")
        properties.pop("FailOnWarnings", None)
        properties["ProtocolType"] = "HTTP"
        properties["Name"] = body["info"]["title"]
        if cors := body.get("x-amazon-apigateway-cors"):
            properties["CorsConfiguration"] = {key[0].upper() + key[1:]: value for key, value in cors.items()}
        for number, (key, integration) in enumerate(operations(body)):
            resources[f"{name}Integration{number}"] = {"Type": "AWS::ApiGatewayV2::Integration", "Properties": {
                "ApiId": {"Ref": name}, "IntegrationType": "AWS_PROXY", "IntegrationMethod": integration["httpMethod"],
                "IntegrationUri": integration["uri"], "CredentialsArn": integration["credentials"],
                "PayloadFormatVersion": integration["payloadFormatVersion"],
            }}
            resources[f"{name}Route{number}"] = {"Type": "AWS::ApiGatewayV2::Route", "Properties": {
                "ApiId": {"Ref": name}, "RouteKey": key,
                "Target": {"Fn::Join": ["/", ["integrations", {"Ref": f"{name}Integration{number}"}]]},
            }}


def operations(body):
    """The route key and the integration of every operation of an OpenAPI body."""
    for path, methods in body["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                key = f"{method.upper()} {path}"
            elif method == "x-amazon-apigateway-any-method":
                key = "$default" if operation.get("isDefaultRoute") else f"ANY {path}"
            else:
                continue
            yield key, operation["x-amazon-apigateway-integration"]


def at_the_emulator(value, emulator):
    """6. wss://<api>.execute-api... as ws://<emulator>/_aws/execute-api/<api>, wherever it stands."""
    host = emulator.split("://")[1]
    return replaced(value, FRONT_DOOR, lambda m: f"{'ws' if m[1] == 'wss' else 'http'}://{host}/_aws/execute-api/{m[2]}")


def replaced(value, pattern, by):
    """A piece of template with every match of a pattern in its texts replaced."""
    if isinstance(value, dict):
        return {key: replaced(inner, pattern, by) for key, inner in value.items()}
    if isinstance(value, list):
        return [replaced(inner, pattern, by) for inner in value]
    return pattern.sub(by, value) if isinstance(value, str) else value


def take_grant(template, grant):
    """Takes `<function>:<sid>:<action>` from a policy; False where it isn't in this template."""
    folder, sid, action = grant.split(":", 2)
    for resource in template["Resources"].values():
        if resource["Type"] != FUNCTION or resource["Properties"].get("Description") != folder:
            continue
        for policy in resource["Properties"]["Policies"]:
            for statement in policy["Statement"]:
                if statement["Sid"] == sid and action in statement["Action"]:
                    statement["Action"].remove(action)
                    if not statement["Action"]:
                        policy["Statement"].remove(statement)
                    return True
    return False


def adapt(template, emulator):
    """The whole of a template, as CloudFormation gets it after SAM."""
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    without_canaries(template)
    with_plain_alarms(template)
    translator = Translator(managed_policy_map={}, sam_parser=Parser())
    expanded = translator.translate(sam_template=at_the_emulator(template, emulator), parameter_values={})
    expanded.pop("Transform", None)
    with_routes(expanded)
    return expanded


def read(text):
    """A template as SAM reads it."""
    from samtranslator.yaml_helper import yaml_parse

    return yaml_parse(text)


def packaged(text, emulator, grants, s3):
    """A packaged template adapted, after those that it nests; grants that were taken
    from a policy on the way are taken from the set too."""
    template = read(text)
    grants -= {grant for grant in grants if take_grant(template, grant)}
    for resource in template["Resources"].values():
        if resource["Type"] == NESTED:
            properties = resource["Properties"]
            bucket, key = location(properties["Location"])
            nested = packaged(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode(), emulator, grants, s3).encode()
            key = f"{key}.{hashlib.sha256(nested).hexdigest()}.json"
            s3.put_object(Bucket=bucket, Key=key, Body=nested)
            properties["Location"] = f"https://s3.amazonaws.com/{bucket}/{key}"
    return json.dumps(adapt(template, emulator), indent=1)


def location(url):
    """Bucket and key of a nested template: http://<endpoint>/<bucket>/<key>."""
    bucket, _, key = urllib.parse.urlparse(url).path.lstrip("/").partition("/")
    return bucket, key


def main(argv):
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    binaries = commands.add_parser("binaries")
    binaries.add_argument("--built", type=pathlib.Path, required=True)
    binaries.add_argument("--binaries", type=pathlib.Path, required=True)
    binaries.add_argument("--to", type=pathlib.Path, required=True)
    templates = commands.add_parser("templates")
    templates.add_argument("--packaged", type=pathlib.Path, required=True)
    templates.add_argument("--emulator", required=True)
    templates.add_argument("--without", action="append", default=[])
    templates.add_argument("--to", type=pathlib.Path, required=True)
    args = parser.parse_args(argv)

    if args.command == "binaries":
        with_binaries(args.built, args.binaries, args.to)
        return 0

    import boto3

    logging.disable(logging.WARNING)  # the translator speaks of metrics that it didn't send
    missing = set(args.without)
    args.to.write_text(packaged(args.packaged.read_text(), args.emulator, missing, boto3.client("s3")))
    if missing:
        print("adapt: no policy has " + ", ".join(sorted(missing)), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
