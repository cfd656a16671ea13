#!/usr/bin/env python3
"""Review what a change set would do, and refuse what would replace or delete something
that holds state, or an address that others know.

    review.py FILE...
    review.py --stack rapport-staging --change-set ID [--execute] [--allow LogicalId ...]

With files: what `aws cloudformation describe-change-set` said, of the root and of each
nested stack.

With a stack: a change set that `sam deploy --no-execute-changeset` has made. SAM's looks
into no nested stack, so this makes another of the same template and parameters that does
(IncludeNestedStacks), reviews it whole, and with --execute carries out that one, which is
what was reviewed. Otherwise both stay to be looked at.

--allow lets one resource through by its logical id, for whoever means it. The exit code is
1 where something is refused. Needs boto3 and the usual AWS credentials, and of permissions
those on change sets, and to read and write SAM's bucket.
"""
import argparse
import json
import pathlib
import sys
import time

# What loses data, messages, logs, or an address that others know when it is replaced.
STATEFUL = {
    "AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::SQS::Queue", "AWS::Logs::LogGroup",
    "AWS::SNS::Topic", "AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::DomainName",
}
NESTED = "AWS::CloudFormation::Stack"
STATE_STACK = "StateStack"  # the nested stack that holds all but the APIs
MADE = "CREATE_COMPLETE"
NOTHING = ("didn't contain changes", "No updates are to be performed")


def refusals(described, allowed=()):
    """What must not be carried out of a change set, in words; described is what
    describe-change-set said, all its pages together."""
    if described.get("NextToken"):
        return ["only a page of the change set was read"]
    if described.get("Status", MADE) != MADE:
        return [] if nothing(described) else [f"the change set is {described['Status']}: {described.get('StatusReason', '')}"]
    found = []
    for change in described.get("Changes", []):
        resource = change.get("ResourceChange")
        if resource is None:  # a hook's
            continue
        kind, name, action = resource["ResourceType"], resource["LogicalResourceId"], resource["Action"]
        holds = kind in STATEFUL or kind == NESTED and name == STATE_STACK
        if not holds or name in allowed:
            continue
        if action in ("Remove", "Dynamic"):
            found.append(f"{name} ({kind}): {action}")
        elif action not in ("Add", "Import") and resource.get("Replacement", "False") != "False":
            found.append(f"{name} ({kind}): Replacement: {resource['Replacement']}")
    return found


def nothing(described):
    """Whether a change set failed because there is nothing to change."""
    return described.get("Status") == "FAILED" and any(words in described.get("StatusReason", "") for words in NOTHING)


def nested(described):
    """The change sets of the stacks that a change set's stack nests."""
    for change in described.get("Changes", []):
        resource = change.get("ResourceChange", {})
        if resource.get("ResourceType") == NESTED and resource.get("ChangeSetId"):
            yield resource["ChangeSetId"]


def described(client, change_set, stack=None):
    """A change set whole."""
    names = {"ChangeSetName": change_set} | ({"StackName": stack} if stack else {})
    whole = client.describe_change_set(**names)
    while whole.get("NextToken"):
        page = client.describe_change_set(**names, NextToken=whole.pop("NextToken"))
        whole["Changes"] += page["Changes"]
        if page.get("NextToken"):
            whole["NextToken"] = page["NextToken"]
    return whole


def looking_inside(cloudformation, s3, stack, change_set):
    """Makes a change set like another that looks into nested stacks, and gives its id."""
    given = described(cloudformation, change_set, stack)
    template = cloudformation.get_template(StackName=stack, ChangeSetName=change_set, TemplateStage="Original")["TemplateBody"]
    outputs = cloudformation.describe_stacks(StackName="aws-sam-cli-managed-default")["Stacks"][0]["Outputs"]
    bucket = next(output["OutputValue"] for output in outputs if output["OutputKey"] == "SourceBucket")
    key = f"{stack}/{given['ChangeSetName']}.template"
    s3.put_object(Bucket=bucket, Key=key, Body=template if isinstance(template, str) else json.dumps(template))
    status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
    return cloudformation.create_change_set(
        StackName=stack, ChangeSetName=f"reviewed-{int(time.time())}", IncludeNestedStacks=True,
        ChangeSetType="CREATE" if status == "REVIEW_IN_PROGRESS" else "UPDATE",
        TemplateURL=f"https://{bucket}.s3.{s3.meta.region_name}.amazonaws.com/{key}",
        Parameters=[{key: p[key] for key in ("ParameterKey", "ParameterValue")} for p in given.get("Parameters", [])],
        Capabilities=given.get("Capabilities", []), Tags=given.get("Tags", []),
    )["Id"]


def made(client, change_set):
    """A change set once it is made, or has failed; ten minutes at most."""
    for _ in range(200):
        whole = described(client, change_set)
        if whole["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            return whole
        time.sleep(3)
    raise TimeoutError(f"{change_set} is still being made")


def review(client, change_set, allowed):
    """What is refused of a change set and of those that it nests."""
    whole = made(client, change_set)
    found = refusals(whole, allowed)
    for inner in nested(whole):
        found += review(client, inner, allowed)
    return found


def execute(client, stack, change_set):
    creates = client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "REVIEW_IN_PROGRESS"
    client.execute_change_set(ChangeSetName=change_set)
    # A canary takes its minutes, in each nested stack.
    waiter = client.get_waiter("stack_create_complete" if creates else "stack_update_complete")
    waiter.wait(StackName=stack, WaiterConfig={"Delay": 15, "MaxAttempts": 240})


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    parser.add_argument("--stack")
    parser.add_argument("--change-set")
    parser.add_argument("--execute", action="store_true")
    parser.add_argument("--allow", action="append", default=[])
    args = parser.parse_args(argv)
    if bool(args.files) == bool(args.stack and args.change_set):
        parser.error("give files, or --stack and --change-set")

    if args.files:
        found = [line for file in args.files for line in refusals(json.loads(file.read_text()), args.allow)]
    else:
        import boto3

        cloudformation, s3 = boto3.client("cloudformation"), boto3.client("s3")
        change_set = looking_inside(cloudformation, s3, args.stack, args.change_set)
        found = review(cloudformation, change_set, args.allow)
    for line in found:
        print(f"refused: {line}", file=sys.stderr)
    if found:
        return 1
    if args.execute and args.stack:
        if nothing(made(cloudformation, change_set)):
            print("no changes")
        else:
            execute(cloudformation, args.stack, change_set)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
