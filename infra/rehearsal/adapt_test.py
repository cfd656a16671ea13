import copy
import json
import pathlib
import tempfile
import unittest

import adapt

FUNCTION = {"Type": "AWS::Serverless::Function", "Properties": {
    "Description": "notes/edit", "CodeUri": "EditFunction", "DeploymentPreference": {"Alarms": []},
    "Policies": [{"Statement": [
        {"Sid": "Log", "Action": ["dynamodb:Query", "dynamodb:PutItem"]}, {"Sid": "Data", "Action": ["dynamodb:GetItem"]},
    ]}],
}}
INTEGRATION = {"x-amazon-apigateway-integration": {
    "httpMethod": "POST", "uri": "uri", "credentials": "role", "payloadFormatVersion": "2.0"}}


def template(**resources):
    return {"Resources": copy.deepcopy(resources)}


class Adapt(unittest.TestCase):
    def test_binaries_are_replaced_in_nested_stacks_too(self):
        with tempfile.TemporaryDirectory() as folder:
            built, binaries, to = (pathlib.Path(folder) / name for name in ("built", "binaries", "to"))
            for path, text in [
                (built / "template.yaml", json.dumps(template(Notes={
                    "Type": "AWS::Serverless::Application", "Properties": {"Location": "Notes/template.yaml"}}))),
                (built / "Notes" / "template.yaml", json.dumps(template(Edit=FUNCTION))),
                (built / "Notes" / "EditFunction" / "bootstrap", "deployed"),
                (binaries / "notes" / "edit", "native"),
            ]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            adapt.with_binaries(built, binaries, to)
            self.assertEqual("native", (to / "Notes" / "EditFunction" / "bootstrap").read_text())
            self.assertEqual("deployed", (built / "Notes" / "EditFunction" / "bootstrap").read_text())

    def test_canaries_go(self):
        given = template(Edit=FUNCTION) | {"Globals": {"Function": {"DeploymentPreference": {"Type": "Canary"}, "Timeout": 10}}}
        adapt.without_canaries(given)
        self.assertEqual({"Timeout": 10}, given["Globals"]["Function"])
        self.assertNotIn("DeploymentPreference", given["Resources"]["Edit"]["Properties"])

    def test_metric_math_goes_and_other_alarms_stay(self):
        alarm = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "5xx"}}
        given = template(Math={"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": []}}, Plain=alarm,
                         Both={"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmRule": "ALARM(a)"}})
        adapt.with_plain_alarms(given)
        self.assertEqual({"Plain": alarm}, given["Resources"])

    def test_every_operation_is_a_route(self):
        given = template(Api={"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Body": {"info": {"title": "t"}, "paths": {
            "/v1/me": {"get": INTEGRATION, "parameters": []},
            "$default": {"x-amazon-apigateway-any-method": INTEGRATION | {"isDefaultRoute": True}},
        }}}})
        adapt.with_routes(given)
        resources = given["Resources"]
        self.assertNotIn("Body", resources["Api"]["Properties"])
        keys = [r["Properties"]["RouteKey"] for r in resources.values() if r["Type"] == "AWS::ApiGatewayV2::Route"]
        self.assertEqual(["GET /v1/me", "$default"], keys)
        self.assertEqual("role", resources["ApiIntegration0"]["Properties"]["CredentialsArn"])

    def test_addresses(self):
        at = "${WsApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}/ws"
        given = {"a": [{"Fn::Sub": "https://" + at}], "b": "wss://" + at, "c": "https://app.example.com", "d": 1}
        self.assertEqual({
            "a": [{"Fn::Sub": "http://127.0.0.1:1/_aws/execute-api/${WsApi}/ws"}],
            "b": "ws://127.0.0.1:1/_aws/execute-api/${WsApi}/ws", "c": "https://app.example.com", "d": 1,
        }, adapt.at_the_emulator(given, "http://127.0.0.1:1"))

    def test_grants(self):
        statements = lambda t: t["Resources"]["Edit"]["Properties"]["Policies"][0]["Statement"]  # noqa: E731
        for grant, taken, want in [
            ("notes/edit:Log:dynamodb:PutItem", True, [["dynamodb:Query"], ["dynamodb:GetItem"]]),
            ("notes/edit:Data:dynamodb:GetItem", True, [["dynamodb:Query", "dynamodb:PutItem"]]),
            ("notes/edit:Data:dynamodb:PutItem", False, [["dynamodb:Query", "dynamodb:PutItem"], ["dynamodb:GetItem"]]),
            ("notes/get:Log:dynamodb:PutItem", False, [["dynamodb:Query", "dynamodb:PutItem"], ["dynamodb:GetItem"]]),
        ]:
            with self.subTest(grant):
                given = template(Edit=FUNCTION)
                self.assertEqual(taken, adapt.take_grant(given, grant))
                self.assertEqual(want, [statement["Action"] for statement in statements(given)])

    def test_locations(self):
        self.assertEqual(("bucket", "stack/a.template"), adapt.location("http://127.0.0.1:1/bucket/stack/a.template"))


if __name__ == "__main__":
    unittest.main()
