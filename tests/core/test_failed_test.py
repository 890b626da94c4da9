"""A failure as other places show it."""

import pytest

from pytest_converge.core.failed_test import FailedTest


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("tests/test_a.py::TestWine::test_it[a::b]", "TestWine::test_it[a::b]"),
        ("package.models:build", "package.models:build"),
    ],
)
def test_the_name_is_the_id_without_the_file(test, name):
    assert FailedTest(test=test, path="a.py", line=1, message="m").name == name
