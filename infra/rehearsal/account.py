#!/usr/bin/env python3
"""What the rehearsal does in its account beside deploying, with the endpoint and the
credentials of the environment.

    account.py secrets NAME=VALUE ...   make what samconfig.toml names; the rehearsal's
                                        values are no secrets
    account.py rotate NAME=VALUE        give a secret another value
    account.py publish STACK COUNT      publish so many versions of the stack's health
                                        function, as later deploys would
    account.py logs                     print what all functions wrote
"""
import sys

import boto3


def secrets(arguments):
    client = boto3.client("secretsmanager")
    for argument in arguments:
        name, _, value = argument.partition("=")
        client.create_secret(Name=name, SecretString=value)


def rotate(argument):
    name, _, value = argument.partition("=")
    boto3.client("secretsmanager").put_secret_value(SecretId=name, SecretString=value)


def publish(stack, count):
    name = physical(physical(stack, "SystemStack"), "HealthFunction")
    client = boto3.client("lambda")
    for number in range(int(count)):
        client.update_function_configuration(FunctionName=name, Description=f"change {number}")
        client.publish_version(FunctionName=name)


def physical(stack, resource):
    """The name, or a nested stack's id, of a resource of a stack."""
    found = boto3.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=resource)
    return found["StackResourceDetail"]["PhysicalResourceId"]


def logs():
    client = boto3.client("logs")
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            for events in client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                for event in events["events"]:
                    print(event["message"].rstrip())


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "secrets":
        secrets(arguments)
    elif command == "rotate":
        rotate(*arguments)
    elif command == "publish":
        publish(*arguments)
    elif command == "logs":
        logs()
    else:
        sys.exit(f"account.py: no command {command}")
