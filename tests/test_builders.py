"""The builders make what the server would send, and the suite runs closed off."""

import os
import socket
from datetime import timedelta

import pytest
from builders import NOON, curve_tests, document, info, job, test_record

from perftracker_ai.sources.document import parse_job


def test_a_built_document_has_the_fields_of_a_captured_one(captured):
    """Every field that the builders write is one that a real server writes, of the same type."""
    real = captured.json("as_json_small.json")
    made = document(test_record())
    assert {key: type(value) for key, value in made.items()} == {key: type(real[key]) for key in made}
    first = made["tests"][0]
    assert {key: type(value) for key, value in first.items()} == {key: type(real["tests"][0][key]) for key in first}


def test_a_built_job_keeps_the_order_of_its_tests():
    """Tests come out of a built job in the order they were given."""
    built = job(test_record("b"), test_record("a"), *curve_tests("c", {20: [1.0], 10: [2.0]}))
    assert [(test.tag, test.category, test.scores) for test in built.tests] == [
        ("b", "", (0.5,)),
        ("a", "", (0.5,)),
        ("c", "20 items", (1.0,)),
        ("c", "10 items", (2.0,)),
    ]
    assert built.bad_records == ()
    assert built.info.tests_total == 4


def test_a_built_header_counts_days_backwards():
    """A header made for some days ago ended that long before noon."""
    assert info(7, "1.0", days_ago=2).end == NOON - timedelta(days=2)
    assert info(7, hosts=("a", "b")).hosts == ("a", "b")


def test_a_built_document_agrees_with_its_counters():
    """Counters of a built document are those of its tests, failed ones included."""
    made = document(test_record(), test_record("down", [], status="FAILED"))
    assert (made["tests_total"], made["tests_failed"]) == (2, 1)


def test_a_captured_job_parses(captured):
    """A whole document from a real server is read without a bad record."""
    read = parse_job(captured.bytes("as_json_small.json"), "captured")
    assert (len(read.tests), read.bad_records, read.info.tests_total) == (34, (), 34)


def test_reaching_for_another_machine_fails_the_test():
    """No test depends on the network: a connection beyond loopback is refused before it is made."""
    with socket.socket() as outward, pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        outward.connect(("192.0.2.1", 80))


def test_nobodys_settings_reach_the_tests():
    """While the suite runs, no language model is asked and nobody waits long; no other setting of ours is there."""
    found = {name: value for name, value in os.environ.items() if name.startswith("PERFTRACKER_AI_")}
    assert found == {"PERFTRACKER_AI_LLM": "off", "PERFTRACKER_AI_RETRY_S": "1"}
