#!/usr/bin/env python3
"""The emulator, with one defect mended: when a nested stack is updated, what doesn't
change there loses its attributes (`Requested attribute Arn does not exist`), because
its version 1.5.33 forgets to pass them on. The settings are environment variables;
see emulator.go.
"""
from ministack import app
from ministack.services.cloudformation import _stacks, provisioners

update = provisioners._update_resource


def update_with_attributes(resource_type, physical_id, old, new, stack_name, logical_id=None, old_attrs=None):
    if old_attrs is None:
        known = _stacks.get(stack_name, {}).get("_resources", {}).get(logical_id, {})
        old_attrs = known.get("Attributes")
    return update(resource_type, physical_id, old, new, stack_name, logical_id, old_attrs)


provisioners._update_resource = update_with_attributes

if __name__ == "__main__":
    app.main()
