"""The expressions of the dashboard and of the alerting rules in `docs/_files/`."""

import json

import yaml

from tests.support.host import ROOT

FILES = ROOT / "docs" / "_files"
DASHBOARD, RULES = FILES / "grafana-dashboard.json", FILES / "alerts.yml"
RULE_TESTS = ROOT / "tests" / "support" / "alerts_test.yml"


def dashboard_expressions() -> list[str]:
    """Return the expression of each line of each panel."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def rule_expressions() -> list[str]:
    """Return the expression of each alert."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return [rule["expr"] for group in groups for rule in group["rules"]]
