#!/usr/bin/env python3
"""Delete old versions of a stack's functions. SAM publishes a version with each
change and deletes none, and an account has room for 75 GB of code.

    prune.py --stack rapport-staging [--keep 5] [--dry-run]

Of each function, in nested stacks too, the newest versions stay, and those that an
alias leads to, with or without weight. Prints what it deletes. Needs boto3, the
usual AWS credentials and a Region, and of permissions
cloudformation:ListStackResources, lambda:ListVersionsByFunction,
lambda:ListAliases and lambda:DeleteFunction on versions.
"""
import argparse
import sys

import boto3


def functions(cloudformation, stack):
    """The functions of a stack and of all that it nests."""
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            if resource["ResourceType"] == "AWS::Lambda::Function":
                yield resource["PhysicalResourceId"]
            elif resource["ResourceType"] == "AWS::CloudFormation::Stack":
                yield from functions(cloudformation, resource["PhysicalResourceId"])


def superfluous(versions, aliases, keep):
    """Which of a function's versions may go, oldest first: neither among the newest, nor
    led to by an alias."""
    used = {alias["FunctionVersion"] for alias in aliases}
    for alias in aliases:
        used.update(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))
    numbered = sorted((version for version in versions if version != "$LATEST"), key=int)
    return [version for version in numbered[:max(0, len(numbered) - keep)] if version not in used]


def listed(client, operation, key, name):
    return [item for page in client.get_paginator(operation).paginate(FunctionName=name) for item in page[key]]


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--stack", required=True)
    parser.add_argument("--keep", type=int, default=5)
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args(argv)
    if args.keep < 1:
        parser.error("--keep must be at least 1")
    cloudformation, client = boto3.client("cloudformation"), boto3.client("lambda")
    count = 0
    for name in functions(cloudformation, args.stack):
        versions = [version["Version"] for version in listed(client, "list_versions_by_function", "Versions", name)]
        for version in superfluous(versions, listed(client, "list_aliases", "Aliases", name), args.keep):
            print(f"{name}:{version}")
            count += 1
            if not args.dry_run:
                client.delete_function(FunctionName=name, Qualifier=version)
    print(f"{count} versions {'would be ' if args.dry_run else ''}deleted")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
