"""The dashboard and the alerting rules name only what the service exports."""

import re

import pytest
from prometheus_client import Counter, Histogram

from s3_file_uploader import exceptions, metrics
from s3_file_uploader.metrics import STATES, WAYS, waiting_files
from s3_file_uploader.services.audit.trail import ACTIONS
from tests.support.host import ROOT
from tests.support.monitoring import dashboard_expressions, rule_expressions

OUTCOMES = {"ok", *vars(exceptions)}
VALUES = {"operation": ACTIONS, "outcome": OUTCOMES, "state": STATES, "way": WAYS.values()}
OF_PROMETHEUS = {"job", "instance", "le"}
METRIC = re.compile(r"\b(s3_file_uploader_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')


def exported():
    """Return the names of samples, each with the labels of its metric."""
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    names = {gauge.name: set(gauge._labelnames) for gauge in waiting_files.describe()}
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Histogram):
            (family,) = metric.describe()
            names |= {f"{family.name}{ending}": set(metric._labelnames) for ending in endings[family.type]}
    return names


@pytest.mark.parametrize("expression", [*dashboard_expressions(), *rule_expressions()])
def test_expression_names_only_what_is_exported(expression):
    samples = METRIC.findall(expression)
    assert samples
    for name, matchers in samples:
        labels = exported()[name]
        for label, operator, value in MATCHER.findall(matchers):
            assert label in labels | OF_PROMETHEUS
            if label in VALUES:
                pattern = value if "~" in operator else re.escape(value)
                assert [known for known in VALUES[label] if re.fullmatch(pattern, known)], (label, value)


def test_every_metric_is_in_the_dashboard_and_on_the_page():
    dashboard, page = "".join(dashboard_expressions()), (ROOT / "docs" / "how-to" / "monitor.md").read_text()
    for name in exported():
        metric = re.sub("_(bucket|sum|count)$", "", name)
        assert metric in dashboard
        assert f"`{metric.removeprefix('s3_file_uploader_')}`" in page
