import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import review


def change(kind, name, action, replacement=None, **more):
    resource = {"Action": action, "LogicalResourceId": name, "ResourceType": kind, "Scope": [], "Details": []} | more
    if replacement:
        resource["Replacement"] = replacement
    return {"Type": "Resource", "ResourceChange": resource}


def change_set(*changes, **more):
    return {"ChangeSetName": "samcli-deploy1", "Status": "CREATE_COMPLETE", "Changes": list(changes)} | more


TABLE = "AWS::DynamoDB::Table"


class Refusals(unittest.TestCase):
    def test_cases(self):
        for name, described, allowed, want in [
            ("nothing changes", change_set(), (), []),
            ("a function is replaced", change_set(change("AWS::Lambda::Function", "EditFunction", "Modify", "True")), (), []),
            ("a version goes", change_set(change("AWS::Lambda::Version", "EditFunctionVersion1", "Remove")), (), []),
            ("a table is made", change_set(change(TABLE, "Data", "Add")), (), []),
            ("a table is imported", change_set(change(TABLE, "Data", "Import")), (), []),
            ("a table changes where it stands", change_set(change(TABLE, "Data", "Modify", "False")), (), []),
            ("a table is replaced", change_set(change(TABLE, "Data", "Modify", "True")), (), ["Data (AWS::DynamoDB::Table): Replacement: True"]),
            ("a table may be replaced", change_set(change(TABLE, "Data", "Modify", "Conditional")), (), ["Data (AWS::DynamoDB::Table): Replacement: Conditional"]),
            ("a table goes, though it is kept", change_set(change(TABLE, "Log", "Remove", PolicyAction="Retain")), (), ["Log (AWS::DynamoDB::Table): Remove"]),
            ("what happens to a queue isn't known", change_set(change("AWS::SQS::Queue", "Departures", "Dynamic")), (), ["Departures (AWS::SQS::Queue): Dynamic"]),
            ("the API gets another address", change_set(change("AWS::ApiGatewayV2::Api", "HttpApi", "Modify", "True")), (), ["HttpApi (AWS::ApiGatewayV2::Api): Replacement: True"]),
            ("a stack of functions goes", change_set(change(review.NESTED, "NotesStack", "Remove")), (), []),
            ("the stack of what is kept goes", change_set(change(review.NESTED, "StateStack", "Remove")), (), ["StateStack (AWS::CloudFormation::Stack): Remove"]),
            ("that stack is updated", change_set(change(review.NESTED, "StateStack", "Modify", "False")), (), []),
            ("whoever means it", change_set(change(TABLE, "Data", "Modify", "True"), change(TABLE, "Log", "Remove")), ("Data",), ["Log (AWS::DynamoDB::Table): Remove"]),
            ("a hook", change_set({"Type": "Resource", "HookInvocationCount": 1}), (), []),
            ("half of it", change_set(NextToken="more"), (), ["only a page of the change set was read"]),
            ("it failed", change_set(Status="FAILED", StatusReason="no such bucket"), (), ["the change set is FAILED: no such bucket"]),
            ("it failed for want of changes", change_set(Status="FAILED", StatusReason="The submitted information didn't contain changes."), (), []),
        ]:
            with self.subTest(name):
                self.assertEqual(want, review.refusals(described, allowed))

    def test_nested(self):
        whole = change_set(change(review.NESTED, "StateStack", "Modify", "False", ChangeSetId="arn:inner"), change(TABLE, "Data", "Add"))
        self.assertEqual(["arn:inner"], list(review.nested(whole)))

    def test_files(self):
        for name, described, code in [
            ("well", change_set(change(TABLE, "Data", "Modify", "False")), 0), ("badly", change_set(change(TABLE, "Data", "Remove")), 1),
        ]:
            with self.subTest(name), tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()) as said:
                file = pathlib.Path(folder) / "change-set.json"
                file.write_text(json.dumps(described))
                self.assertEqual(code, review.main([str(file)]))
                self.assertEqual(bool(code), "refused: Data" in said.getvalue())


class EveryPage(unittest.TestCase):
    def test_pages(self):
        import boto3
        from botocore.stub import Stubber

        client = boto3.client("cloudformation", region_name="us-east-1", aws_access_key_id="-", aws_secret_access_key="-")
        with Stubber(client) as pages:
            for number, token in enumerate(["a", "b", None]):
                answer = change_set(change(TABLE, f"Table{number}", "Remove")) | ({"NextToken": token} if token else {})
                asked = {"ChangeSetName": "arn:one"} | ({"NextToken": "ab"[number - 1]} if number else {})
                pages.add_response("describe_change_set", answer, asked)
            self.assertEqual(3, len(review.refusals(review.described(client, "arn:one"))))
            pages.assert_no_pending_responses()


if __name__ == "__main__":
    unittest.main()
