"""`sim check` as JUnit XML: a test case for each gate, so that a CI shows which one is red.

Inconclusive and not comparable are never green there, nor skipped: nobody looks at what is skipped.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from sim.report.gates_text import GREEN, write_verdict
from sim.stats.noninferiority import GateState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sim.experiment.check import Check
    from sim.experiment.judging import Verdict

_REFUSED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def create_junit(checks: Sequence[Check]) -> bytes:
    """The document: a suite for each scenario, a case for each gate of each policy.

    A fail and an inconclusive gate are a `failure`; an error, a broken run and one that cannot be
    compared are an `error`. Equal checks give equal bytes: it holds no time of day.
    """
    root = ElementTree.Element("testsuites", name="sim check")
    for check in checks:
        root.append(_create_suite(check))
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _create_suite(check: Check) -> ElementTree.Element:
    name = clean(check.scenario)
    suite = ElementTree.Element("testsuite", name=name)
    if check.problem:
        case = ElementTree.SubElement(suite, "testcase", classname=name, name="baseline")
        _add_fault(case, "error", check.problem.kind, check.problem.text)
    for verdict in check.verdicts:
        suite.append(_create_case(name, verdict))
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("skipped", "0")
    return suite


def _create_case(scenario: str, verdict: Verdict) -> ElementTree.Element:
    gate = verdict.gate
    case = ElementTree.Element(
        "testcase",
        classname=clean(f"{scenario}.{gate.policy}"),
        name=clean(f"{gate.outcome.name}: {gate.label}"),
    )
    line = clean(write_verdict(verdict))
    if verdict.state in GREEN:
        ElementTree.SubElement(case, "system-out").text = f"{verdict.state}: {line}"
    else:
        tag = "error" if verdict.state is GateState.ERROR else "failure"
        _add_fault(case, tag, verdict.state, line)
    return case


def _add_fault(case: ElementTree.Element, tag: str, kind: str, text: str) -> None:
    first = clean(text).partition("\n")[0]
    fault = ElementTree.SubElement(case, tag, type=kind, message=f"{kind}: {first}")
    fault.text = clean(text)


def clean(text: str) -> str:
    """Text without what XML 1.0 cannot hold; the rest is escaped as it is written."""
    return _REFUSED.sub("\ufffd", text)
