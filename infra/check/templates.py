#!/usr/bin/env python3
"""Expand the templates as SAM does and look at what CloudFormation would get.

    templates.py template.yaml

Follows nested stacks. Prints each stack's resources and functions; fails where a
stack has more resources than CloudFormation takes, where resources wait for each
other in a circle, and where an API with an OpenAPI body also gets routes from
elsewhere (a later update of the body drops them). Needs aws-sam-translator, which
comes with aws-sam-cli; no account, no network.
"""
import collections
import logging
import os
import pathlib
import re
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
logging.disable(logging.WARNING)

from samtranslator.parser.parser import Parser  # noqa: E402
from samtranslator.public.exceptions import InvalidDocumentException  # noqa: E402
from samtranslator.translator.translator import Translator  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

MOST_RESOURCES = 450  # CloudFormation takes 500; the rest is room for one more change
SOMEWHERE = "s3://bucket/key"  # code that is not uploaded yet


def expand(path):
    """The nested templates that a template names, and its resources after SAM."""
    template = yaml_parse(path.read_text())
    nested = []
    for resource in template["Resources"].values():
        properties = resource.setdefault("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = SOMEWHERE
        elif resource["Type"] == "AWS::Serverless::Application":
            nested.append((path.parent / properties["Location"]).resolve())
    translator = Translator(managed_policy_map={}, sam_parser=Parser())
    return nested, translator.translate(sam_template=template, parameter_values={})["Resources"]


def mentions(value):
    """Every name that a piece of template refers to."""
    if isinstance(value, list):
        for item in value:
            yield from mentions(item)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "Ref":
                yield inner
            elif key == "Fn::GetAtt":
                yield inner.split(".")[0] if isinstance(inner, str) else inner[0]
            elif key == "Fn::Sub":
                text, rest = (inner, {}) if isinstance(inner, str) else inner
                yield from (name.split(".")[0] for name in re.findall(r"\$\{([^!}]+)\}", text))
                yield from mentions(rest)
            else:
                yield from mentions(inner)


def waits_for(resource, names):
    """The resources that must be there before this one. UpdatePolicy counts: there
    SAM puts alias -> deployment group -> alarms."""
    found = set(mentions([resource.get("Properties"), resource.get("UpdatePolicy")]))
    depends = resource.get("DependsOn", [])
    found.update([depends] if isinstance(depends, str) else depends)
    return sorted(found & names)


def circle(resources):
    """Resources that wait for each other, or None (depth first, three colours)."""
    names = set(resources)
    done, trail = set(), []

    def visit(name):
        if name in done:
            return None
        if name in trail:
            return trail[trail.index(name):] + [name]
        trail.append(name)
        for other in waits_for(resources[name], names):
            if found := visit(other):
                return found
        trail.pop()
        done.add(name)
        return None

    for name in resources:
        if found := visit(name):
            return found
    return None


def could_route(path, resource):
    """Whether a nested stack has what adds routes to an API: functions, whose events
    may, or routes themselves. One of alarms is told the API's id for its metrics."""
    nested = yaml_parse((path.parent / resource["Properties"]["TemplateURL"]).read_text())
    kinds = {r["Type"] for r in nested["Resources"].values()}
    return any(k == "AWS::Serverless::Function" or k.startswith("AWS::ApiGatewayV2::") for k in kinds)


def stray_routes(path, resources):
    """Routes for an API whose routes stand in an OpenAPI body, and stacks that are
    told such an API's id and so could add some."""
    bodied = {n for n, r in resources.items() if r["Type"] == "AWS::ApiGatewayV2::Api" and "Body" in r.get("Properties", {})}
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        told = {"AWS::ApiGatewayV2::Route": "ApiId", "AWS::ApiGatewayV2::Integration": "ApiId", "AWS::CloudFormation::Stack": "Parameters"}
        if resource["Type"] == "AWS::CloudFormation::Stack" and not could_route(path, resource):
            continue
        if key := told.get(resource["Type"]):
            for api in bodied & set(mentions({key: properties.get(key)})):
                yield f"{name} is given {api}, whose routes stand in its OpenAPI body"


def main(root):
    waiting, seen, wrong = [pathlib.Path(root).resolve()], set(), []
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        seen.add(path)
        try:
            nested, resources = expand(path)
        except InvalidDocumentException as problem:
            wrong += [f"{path.name}: {cause.message}" for cause in problem.causes]
            continue
        waiting += nested
        functions = collections.Counter(r["Type"] for r in resources.values())["AWS::Lambda::Function"]
        print(f"{path.name}: {len(resources)} resources, {functions} functions")
        if len(resources) > MOST_RESOURCES:
            wrong.append(f"{path.name}: {len(resources)} resources, more than {MOST_RESOURCES}; split the stack")
        if found := circle(resources):
            wrong.append(f"{path.name}: these wait for each other: " + " -> ".join(found))
        wrong += [f"{path.name}: {line}" for line in stray_routes(path, resources)]
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
