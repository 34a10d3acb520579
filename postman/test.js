// Runs after every request, before the tests of the request itself.
const isOurs = pm.request.url.toString().includes("/service/") && pm.request.method !== "HEAD";
if (pm.response.code >= 400 && isOurs) {
    pm.test("The error has the shape of all errors", () => {
        const error = pm.response.json();
        pm.expect(error).to.include.all.keys("code", "detail");
        const others = Object.keys(error).filter((key) => !["code", "detail", "errors", "limit"].includes(key));
        pm.expect(others).to.be.empty;
        pm.expect(error.detail).to.be.a("string").that.is.not.empty;
    });
}
// The server has another database than before, for example: the next request signs in again, and makes its own bucket.
if (pm.response.code === 401 && pm.request.headers.get("Authorization")) {
    ["userToken", "staffToken", "userId", "ownerId", "bucket"].forEach((name) => pm.collectionVariables.set(name, ""));
}
