import unittest

import prune


class Superfluous(unittest.TestCase):
    def test_cases(self):
        live = [{"FunctionVersion": "7"}]
        for name, versions, aliases, keep, want in [
            ("the oldest go", ["$LATEST", "1", "2", "3", "4"], [], 2, ["1", "2"]),
            ("numbers are compared as numbers", ["9", "10", "11"], [], 2, ["9"]),
            ("few stay", ["$LATEST", "6", "7"], live, 5, []),
            ("an alias keeps what it leads to", ["7", "8", "9", "10"], live, 1, ["8", "9"]),
            ("a canary keeps both of its versions", ["1", "2", "3", "4"],
             [{"FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}}], 1, ["3"]),
            ("no version", ["$LATEST"], [], 1, []),
        ]:
            with self.subTest(name):
                self.assertEqual(want, prune.superfluous(versions, aliases, keep))


if __name__ == "__main__":
    unittest.main()
