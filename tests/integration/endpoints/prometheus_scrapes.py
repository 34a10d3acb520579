"""A real Prometheus scrapes the service: every expression of the dashboard and of the alerting rules has data.

`make monitoring` runs this, and `make test` does not, because it needs Prometheus and takes a minute.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from itertools import count

import httpx

from s3_file_uploader.embedded import free_port
from s3_file_uploader.models import HousekeepingRun
from tests.integration.conftest import token_of
from tests.support.monitoring import RULE_TESTS, RULES, dashboard_expressions, rule_expressions

CONTENT = b"0123456789" * 1000
CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: uploads
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
# Alerts look for trouble over minutes, and this test has seconds.
WINDOWS = ("[5m]", "[10m]", "[15m]", "[1h]", "[$__rate_interval]")


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def prometheus(folder, target):
    """Run Prometheus, and give a function that evaluates an expression."""
    port, config = free_port(), folder / "prometheus.yml"
    config.write_text(CONFIG.format(rules=RULES, port=target))
    promtool("check", "config", str(config))
    command = ["prometheus", f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, f"--storage.tsdb.path={folder / 'tsdb'}"], stdout=log, stderr=log, start_new_session=True
        )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1/", timeout=30)

    def get(path, **params):
        answer = client.get(path, params=params).raise_for_status().json()
        assert answer["status"] == "success", answer
        return answer["data"]

    try:
        yield get
    finally:
        client.close()
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def wait_until(is_true, seconds=60):
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.5)


def is_scraped(get):
    try:
        return get("query", query="s3_file_uploader_operations_total")["result"]
    except httpx.HTTPError:  # It is starting.
        return False


def use_everything(client, number):
    """Store, read, save and refuse files, through the service and directly."""
    here = f"buckets/monitored/files/{number}"
    stored = client.put(f"{here}/", content=CONTENT)
    client.put(f"{here}/", content=CONTENT)
    client.get(f"{here}/?proxy=true")
    client.get(f"{here}/download/")
    file = {"bucket": "monitored", "file_name": f"direct-{number}", "size": len(CONTENT), "strategy": "put"}
    started = client.post("uploads/", json=file).json()
    if stored.is_success:
        httpx.put(started["transfer"]["url"], headers=started["transfer"]["headers"], content=CONTENT)
        client.post(f"uploads/{started['id']}/complete/")
    return stored.status_code


def use_for_a_while(client, numbers, status):
    end = time.monotonic() + 10
    while time.monotonic() < end:
        assert use_everything(client, next(numbers)) == status


def expression_of(text):
    """Return an expression for a test of seconds: the value that an alert compares, without the limit."""
    text = text.replace("$job", ".*")
    for window in WINDOWS:
        text = text.replace(window, "[20s]")
    if text.strip().startswith("absent("):
        return text.strip().removeprefix("absent(").removesuffix(")")
    return text.rpartition(" > ")[0] or text


def test_each_alert_is_raised_by_its_trouble_only():
    promtool("check", "rules", str(RULES))
    promtool("test", "rules", str(RULE_TESTS))


def test_every_expression_has_data(monitored, own_store, staff, tmp_path):
    expressions = [*dashboard_expressions(), *rule_expressions()]
    headers = {"Authorization": token_of(staff)}
    with prometheus(tmp_path, monitored.port) as get, httpx.Client(base_url=monitored.url, headers=headers) as client:
        client.timeout = 60
        client.post("bucket/create/", json={"bucket": "monitored"}).raise_for_status()
        HousekeepingRun.record(is_complete=True)
        wait_until(lambda: is_scraped(get))
        numbers = count()
        use_for_a_while(client, numbers, 201)
        own_store.__exit__()
        use_for_a_while(client, numbers, 503)
        time.sleep(2)  # For the last scrape.
        values = {text: get("query", query=expression_of(text))["result"] for text in expressions}
        write_values(values)
        rules = [rule for group in get("rules")["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}
        assert len(rules) == len(rule_expressions())
    # In this test nothing scans, and the store accepts the keys.
    not_here = ("file_scan", "StorageNotConfigured")
    assert [text for text, result in values.items() if not result and not any(word in text for word in not_here)] == []


def write_values(values):
    """Write what a person looks at: `make monitoring` shows it."""
    for text, result in values.items():
        sys.stdout.write(f"\n{' '.join(expression_of(text).split())}\n")
        for series in result:
            labels = {name: value for name, value in series["metric"].items() if name not in {"job", "instance"}}
            sys.stdout.write(f"    {json.dumps(labels)} {series['value'][1]}\n")
