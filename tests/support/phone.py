"""An app on a phone that sends a file straight to S3, and that can be killed and restarted at any moment.

    python phone.py SITE TOKEN FOLDER

FOLDER contains all data of the app. `task.json` describes the file and the destination. `state.json` is the stored
state of the upload: its Idempotency-Key, and its id once it is known. `log` is for the test only. If there is a file
`deaths`, the app kills itself at each step that is not yet in the file, after adding the step. At the step in the file
`sleeps` it pauses once, like an app in the background. The module uses only the standard library, so that it starts
quickly.
"""

import json
import os
import signal
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

AT_ONCE = 2  # The default number of parallel parts. The task may set another one.
RESTS_SECONDS = 0.1
GIVES_UP_AFTER_SECONDS = 100
BOUNDARY = "of-a-phone"
TRY_AGAIN = {"upload_in_progress", "storage_timeout", "storage_unavailable", "storage_error", "database_unavailable"}
one_at_a_time = threading.Lock()


class Cut(Exception):
    """Raised if there was no response, or only one that asks for a retry."""


class Gone(Exception):
    """Raised if the service no longer knows the upload."""


class LookAgain(Exception):
    """Raised if the state of the upload must be read again."""


class Phone:
    def __init__(self, site, token, folder):
        self.site, self.token, self.folder = urlsplit(site), token, Path(folder)
        self.task = json.loads((self.folder / "task.json").read_text())
        self.content = Path(self.task["path"])
        self.end = time.monotonic() + GIVES_UP_AFTER_SECONDS

    # --- state
    # ------------------------------------------------------------------------------------------------------------

    def state(self):
        try:
            return json.loads((self.folder / "state.json").read_text())
        except FileNotFoundError:
            return self.keep(key=uuid.uuid4().hex)

    def keep(self, **state):
        beside = self.folder / "state.new"
        beside.write_text(json.dumps(state))
        beside.replace(self.folder / "state.json")
        return state

    def log(self, event, **details):
        line = json.dumps({"event": event, "process": os.getpid(), **details}) + "\n"
        log = os.open(self.folder / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, line.encode())
        os.close(log)

    def step(self, name):
        """Pause here if the test asks for it. Kill the process at the first visit of a step."""
        with one_at_a_time:
            sleeps, deaths = self.folder / "sleeps", self.folder / "deaths"
            if sleeps.read_text() == name:
                sleeps.write_text("")
                signal.raise_signal(
                    signal.SIGSTOP
                )  # Stop this thread first. `kill` may choose another thread, and this one would go on.
            if not deaths.exists() or name in deaths.read_text().splitlines():
                return
            with deaths.open("a") as file:
                file.write(f"{name}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    # --- requests -----------------------------------------------------------------------------------------------------

    def ask(self, method, path, body=None, *, key=None, heard=None):
        """Repeat a request until the service decides. `heard` is the step between the request and its response."""
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        headers |= {"Idempotency-Key": key} if key else {}
        while True:
            try:
                status, content = self.once(method, f"{self.site.path}{path}", body, headers, heard)
                answer = json.loads(content) if content else {}
            except (OSError, HTTPException, ValueError) as error:
                self.log("unanswered", what=f"{method} {path}", error=repr(error))
            else:
                if answer.get("code") not in TRY_AGAIN:
                    self.log("decided", what=f"{method} {path}", status=status)
                    return status, answer
                self.log("refused", what=f"{method} {path}", code=answer["code"])
            if time.monotonic() > self.end:
                sys.exit(f"{method} {path}: nobody decides")
            time.sleep(RESTS_SECONDS)

    def once(self, method, path, body, headers, heard):
        connection = HTTPConnection(self.site.hostname, self.site.port, timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            if heard:
                self.step(heard)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def send(self, name, method, url, headers, pieces):
        """Send the two halves of a body to S3, and return the status."""
        to, sizes = urlsplit(url), [len(piece) for piece in pieces]
        connection = HTTPConnection(to.hostname, to.port, timeout=20)
        self.log("begins", what=name, bytes=sum(sizes))
        self.step(f"{name} begins")
        try:
            connection.putrequest(method, f"{to.path}?{to.query}" if to.query else to.path)
            for header, value in {**headers, "Content-Length": str(sum(sizes))}.items():
                connection.putheader(header, value)
            connection.endheaders()
            for number, piece in enumerate(pieces):
                connection.send(piece)
                self.step(f"{name} {number + 1} of {len(pieces)}")
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException) as error:
            self.log("cut", what=name, error=repr(error))
            raise Cut from error
        finally:
            connection.close()
        self.log("answered", what=name, status=answer.status)
        self.step(f"{name} answered")
        return answer.status

    # --- an upload ----------------------------------------------------------------------------------------------------

    def run(self):
        while True:
            try:
                self.upload()
            except LookAgain:
                self.log("looks again")
            except Gone:
                self.log("gone")
                self.keep(key=uuid.uuid4().hex)
            else:
                break

    def upload(self):
        state, transfer = self.state(), None
        if state.get("removing"):
            self.remove(state)
            return
        if "id" in state:
            is_stored = self.is_stored(state["id"])
        else:
            transfer, is_stored = self.begin(state), False
        upload_id, then = self.state()["id"], self.task["then"]
        if not is_stored:
            self.bring(upload_id, transfer)
            self.step("all sent")
        if then in {"keep", "delete"}:
            self.complete(upload_id)
        if then in {"abort", "delete"}:
            self.remove(self.state())
        self.log("done")

    def is_stored(self, upload_id):
        status, record = self.ask("GET", f"uploads/{upload_id}/", heard="record asked")
        if status == 404:
            raise Gone
        self.step("record answered")
        return record["status"] == "stored"

    def begin(self, state):
        """Start the upload, or repeat the start with the same key.

        Return the transfer, or None if there is nothing to send.
        """
        body = {name: self.task[name] for name in ("bucket", "file_name", "strategy", "checksum_sha256")}
        body["size"] = self.content.stat().st_size
        self.step("nothing done")
        status, answer = self.ask("POST", "uploads/", body, key=state["key"], heard="start asked")
        if status == 409:
            raise Gone
        assert status == 201, answer
        self.step("start answered")
        self.log("started", key=answer["file_name"], id=answer["id"])
        self.keep(key=state["key"], id=answer["id"])
        self.step("start kept")
        return answer["transfer"]

    def bring(self, upload_id, transfer):
        if self.task["strategy"] == "multipart":
            self.bring_parts(upload_id, transfer)
        elif transfer or not self.has_arrived(upload_id):
            self.bring_whole(transfer or self.begin(self.state()), upload_id)

    def has_arrived(self, upload_id):
        """Return True if S3 has the file, according to the response to a completion."""
        status, answer = self.ask("POST", f"uploads/{upload_id}/complete/")
        self.known(upload_id, status)
        return answer.get("code") != "parts_missing"

    def bring_whole(self, transfer, upload_id):
        while transfer:
            content = self.content.read_bytes()
            try:
                if transfer["strategy"] == "put":
                    self.send("file", "PUT", transfer["url"], transfer["headers"], halves(content))
                else:
                    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
                    self.send("file", "POST", transfer["url"], headers, halves(form(transfer["fields"], content)))
            except Cut:
                self.rest()
            if self.has_arrived(upload_id):
                return
            transfer = self.begin(self.state())

    def bring_parts(self, upload_id, transfer):
        """Send the parts that S3 does not have, several in parallel, until it has all of them."""
        if transfer:
            parts = transfer["parts"]
        else:
            status, answer = self.ask("GET", f"uploads/{upload_id}/parts/", heard="parts asked")
            self.known(upload_id, status)
            self.log("held", parts=[part["part_number"] for part in answer.get("parts", ())])
            self.step("parts answered")
            parts = self.missing(upload_id)
        only = self.task.get("only")
        while parts := [part for part in parts if only is None or part["part_number"] <= only]:
            with ThreadPoolExecutor(self.task.get("at_once", AT_ONCE)) as pool:
                list(pool.map(self.bring_part, parts))
            parts = self.missing(upload_id)

    def missing(self, upload_id):
        status, answer = self.ask("POST", f"uploads/{upload_id}/parts/", {"missing": True}, heard="missing asked")
        self.known(upload_id, status)
        self.step("missing answered")
        return answer.get("parts", ())

    def bring_part(self, part):
        with self.content.open("rb") as file:
            file.seek(part["offset"])
            content = file.read(part["size"])
        try:
            if self.send(f"part {part['part_number']}", "PUT", part["url"], {}, halves(content)) != 200:
                self.rest()
        except Cut:
            self.rest()

    def complete(self, upload_id):
        status, answer = self.ask("POST", f"uploads/{upload_id}/complete/", heard="complete asked")
        self.known(upload_id, status)
        if answer.get("code") in {"parts_missing", "size_mismatch"}:  # S3 lost parts that it had not acknowledged.
            self.log("again", code=answer["code"])
            self.bring(upload_id, None)
            self.complete(upload_id)
            return
        assert status == 200, answer
        self.step("complete answered")
        self.log("stored", answer={name: answer[name] for name in ("file_name", "size", "etag", "checksum_sha256")})
        self.step("stored")

    def remove(self, state):
        self.keep(**{**state, "removing": True})
        self.log("removing")
        status, answer = self.ask("DELETE", f"uploads/{state['id']}/", heard="removal asked")
        while (
            status == 409 or answer.get("code") == "storage_access_denied"
        ):  # This store responds so while parts are in transit.
            self.rest()
            status, answer = self.ask("DELETE", f"uploads/{state['id']}/")
        assert status in {204, 404}, answer
        self.log("removed")

    def known(self, upload_id, status):
        """Read the record if nothing can be sent any more, because an earlier request may have completed the upload."""
        if status in {404, 409}:
            raise LookAgain if self.is_stored(upload_id) else Gone

    def rest(self):
        time.sleep(RESTS_SECONDS)
        if time.monotonic() > self.end:
            sys.exit("S3 does not take it")


def halves(content):
    return [content[: len(content) // 2], content[len(content) // 2 :]]


def form(fields, content):
    line = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    head = "".join(f'{line}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    head += f'{line}file"; filename="name"\r\n\r\n'
    return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()


if __name__ == "__main__":
    Phone(*sys.argv[1:]).run()
