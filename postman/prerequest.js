// Every request can be sent alone: this script makes what the request names by a variable that is still empty.
// It signs in, creates the bucket, stores the file, starts the upload, and so on. MAKERS says how.
const TYPE = "text/plain; charset=utf-8";
// What a request needs without naming it.
const ALSO = {
    "List the buckets": ["bucket"],
    "List the objects": ["storedFile"],
    "List the folders": ["storedFile"],
    "List a folder": ["storedFile"],
    "List the records": ["storedFile"],
    "List the share links": ["shareId"],
    "List the upload tokens": ["uploadTokenId"],
    "Show the usage of a user": ["storedFile"],
    "Remove a bucket that holds a file": ["storedFile"]
};
const OUTLIVE_A_BUCKET = ["userToken", "staffToken", "userId", "ownerId", "secondBucket"];

const keep = (values) => Object.entries(values).forEach(([name, value]) => pm.collectionVariables.set(name, value));
const filled = (name) => pm.variables.replaceIn(`{{${name}}}`);
const parsed = (name) => JSON.parse(filled(name));
const encoded = (key) => key.split("/").map(encodeURIComponent).join("/");
const asText = () => ({ mode: "raw", raw: filled("sampleText") });
const asJson = (content) => ({ mode: "raw", raw: JSON.stringify(content), options: { raw: { language: "json" } } });
const asRow = ([key, value]) => ({ key, value, type: "text" });
const sampleRow = () => (
    { key: "file", value: filled("sampleText"), type: "text", fileName: "sample.txt", contentType: "text/plain" }
);

// --- requests ---

function send(method, url, body, header = {}) {
    return new Promise((resolve, reject) => pm.sendRequest({ method, url, body, header }, (error, response) => {
        const problem = error || (response.code >= 400 && `${response.code} ${response.text()}`);
        return problem ? reject(new Error(`${method} ${url}: ${problem}`)) : resolve(response);
    }));
}

async function call(method, path, content, { token = "userToken", ...more } = {}) {
    await need(token);
    const header = { Authorization: `Token ${filled(token)}`, "Content-Type": "application/json", ...more };
    const response = await send(method, `${filled("service")}/${path}`, content && asJson(content), header);
    return response.json();
}

async function signIn(account) {
    const login = { username: filled(`${account}Username`), password: filled(`${account}Password`) };
    const header = { "Content-Type": "application/json" };
    const response = await send("POST", `${filled("baseUrl")}/auth/token/`, asJson(login), header);
    keep({ [`${account}Token`]: response.json().token });
}

function forget(...kept) {
    Object.keys(MAKERS).filter((name) => !kept.includes(name)).forEach((name) => keep({ [name]: "" }));
}

function createBucket() {
    return call("POST", "bucket/create/", { bucket: `postman-${filled("$guid")}` }, { token: "staffToken" });
}

async function makeBucket() {
    const { name } = await createBucket();
    keep({ bucket: name });
}

// --- files ---

async function storeFile(key = filled("fileName")) {
    await need("userToken", "bucket");
    const idempotencyKey = filled("$guid");
    const header = { Authorization: `Token ${filled("userToken")}`, "Content-Type": TYPE };
    const url = `${filled("service")}/buckets/${filled("bucket")}/files/${encoded(key)}/?overwrite=true`;
    const response = await send("PUT", url, asText(), { ...header, "Idempotency-Key": idempotencyKey });
    const { id: uploadId, file_name: storedFile, content_type: contentType, user_id: userId, etag } = response.json();
    keep({ uploadId, storedFile, contentType, userId, etag, idempotencyKey });
}

async function storeTwoFiles() {
    await storeFile("postman/second.txt");
    await storeFile();
}

async function share() {
    await need("bucket", "storedFile");
    const link = await call("POST", "shares/", { bucket: filled("bucket"), file_name: filled("storedFile") });
    keep({ shareId: link.id, shareSecret: link.url.split("/").slice(-2)[0] });
}

async function createUploadToken() {
    const token = await call("POST", "uppy/tokens/", {});
    keep({ uploadTokenId: token.id, uppyEndpoint: token.endpoint });
}

async function keepCursor(name, path) {
    const { next } = await call("GET", `${path}${path.includes("?") ? "&" : "?"}page_size=1`);
    keep({ [name]: /[?&]cursor=([^&]+)/.exec(next)[1] });
}

// --- uploads to S3 ---

async function start(strategy, more = {}, header = {}) {
    await need("bucket");
    const [bucket, size] = [filled("bucket"), Number(filled("sampleSize"))];
    return call(
        "POST", "uploads/", { bucket, file_name: "direct.txt", size, content_type: TYPE, strategy, ...more }, header
    );
}

async function startPut() {
    const startKey = filled("$guid");
    const more = { checksum_sha256: filled("sampleChecksum") };
    const { id, transfer } = await start("put", more, { "Idempotency-Key": startKey });
    keep({ startKey, putId: id, putTransfer: JSON.stringify(transfer), putUrl: transfer.url });
}

async function startForm() {
    const { id, transfer } = await start("post");
    keep({ formId: id, formTransfer: JSON.stringify(transfer), formUrl: transfer.url });
}

async function startParts() {
    const { id, transfer } = await start("multipart");
    keep({ partsId: id, partUrl: transfer.parts[0].url });
}

async function startUppyForm() {
    await need("bucket");
    const query = `filename=uppy.txt&type=text/plain&metadata[bucket]=${filled("bucket")}`;
    const form = await call("GET", `uppy/s3/params?${query}`);
    keep({ uppyForm: JSON.stringify(form), uppyFormUrl: form.url });
}

async function startUppyParts() {
    await need("bucket");
    const file = { filename: "uppy.txt", type: "text/plain", metadata: { bucket: filled("bucket") } };
    const upload = await call("POST", "uppy/s3/multipart", file);
    keep({ uppyId: upload.uploadId, uppyKey: upload.key });
}

async function signForUppy(method, more = {}) {
    await need("uppyId");
    const request = { method, key: filled("uppyKey"), uploadId: filled("uppyId"), ...more };
    return (await call("POST", "uppy/sign", request)).url;
}

async function sendForm(form) {
    await need(form);
    const { url, fields } = parsed(form);
    await send("POST", url, { mode: "formdata", formdata: [...Object.entries(fields).map(asRow), sampleRow()] });
    return fields.key;
}

// --- variables ---

const MAKERS = {
    userToken: () => signIn("user"),
    staffToken: () => signIn("staff"),
    bucket: makeBucket,
    secondBucket: async () => keep({ secondBucket: (await createBucket()).name }),
    ownerId: async () => keep({ ownerId: (await call("GET", "bucket/list/", null, { token: "staffToken" })).owner_id }),
    ...makes(storeFile, "userId", "storedFile", "contentType", "uploadId", "etag", "idempotencyKey"),
    presignedUrl: async () => {
        await need("bucket", "storedFile");
        const file = { bucket: filled("bucket"), file_name: filled("storedFile") };
        keep({ presignedUrl: (await call("POST", "file/presigned/url/", file)).url });
    },
    objectCursor: async () => {
        await storeTwoFiles();
        await keepCursor("objectCursor", `buckets/${filled("bucket")}/files/`);
    },
    folderCursor: async () => {
        await storeTwoFiles();
        await keepCursor("folderCursor", `uploads/folder/?bucket=${filled("bucket")}&prefix=postman/`);
    },
    uploadCursor: async () => {
        await storeTwoFiles();
        await keepCursor("uploadCursor", "uploads/");
    },
    ...makes(share, "shareId", "shareSecret"),
    shareCursor: async () => {
        await share();
        await share();
        await keepCursor("shareCursor", "shares/");
    },
    ...makes(createUploadToken, "uploadTokenId", "uppyEndpoint"),
    tokenCursor: async () => {
        await createUploadToken();
        await createUploadToken();
        await keepCursor("tokenCursor", "uppy/tokens/");
    },
    ...makes(startPut, "startKey", "putId", "putTransfer", "putUrl"),
    sentPutId: async () => {
        await need("putTransfer");
        const { url, headers } = parsed("putTransfer");
        await send("PUT", url, asText(), headers);
        keep({ sentPutId: filled("putId"), sentPutKey: filled("startKey"), startKey: "", putTransfer: "", putUrl: "" });
    },
    completedKey: async () => {
        await need("sentPutId");
        await call("POST", `uploads/${filled("sentPutId")}/complete/`);
        keep({ completedKey: filled("sentPutKey") });
    },
    ...makes(startForm, "formId", "formTransfer", "formUrl"),
    sentFormId: async () => {
        await sendForm("formTransfer");
        keep({ sentFormId: filled("formId") });
    },
    ...makes(startParts, "partsId", "partUrl"),
    sentPartsId: async () => {
        await need("partUrl");
        await send("PUT", filled("partUrl"), asText());
        keep({ sentPartsId: filled("partsId"), partsId: "", partUrl: "" });
    },
    emptyId: async () => keep({ emptyId: (await start("put")).id }),
    ...makes(startUppyForm, "uppyForm", "uppyFormUrl"),
    uppyFormKey: async () => keep({ uppyFormKey: await sendForm("uppyForm") }),
    ...makes(startUppyParts, "uppyId", "uppyKey"),
    uppyPartUrl: async () => keep({ uppyPartUrl: await signForUppy("PUT", { partNumber: 1 }) }),
    uppyListUrl: async () => keep({ uppyListUrl: await signForUppy("GET") }),
    ...makes(sendUppyPart, "uppySentId", "uppySentKey")
};

// A function declaration, so that MAKERS can use it.
function makes(make, ...names) {
    return Object.fromEntries(names.map((name) => [name, () => make()]));
}

async function sendUppyPart() {
    await need("uppyPartUrl");
    await send("PUT", filled("uppyPartUrl"), asText());
    keep({ uppySentId: filled("uppyId"), uppySentKey: filled("uppyKey") });
}

async function need(...names) {
    for (const name of names.filter((each) => each in MAKERS)) {
        if (!filled(name)) {
            await MAKERS[name]();
        }
    }
}

// --- this request ---

function useSampleText() {
    const form = pm.request.body && pm.request.body.mode === "formdata" && pm.request.body.formdata;
    const file = form && form.one("file");
    if (file && !(file.src && file.src.length)) {
        form.remove("file");
        form.add(sampleRow());
    }
}

async function prepare() {
    const hashes = require("crypto-js");
    const text = hashes.enc.Utf8.parse(filled("sampleText"));
    keep({ sampleSize: text.sigBytes, sampleChecksum: hashes.SHA256(text).toString(), now: new Date().toUTCString() });
    if (pm.info.requestName === "Sign in") {
        forget();
    } else if (pm.info.requestName === "Create a bucket") {
        keep({ bucket: "" });
    }
    if (!filled("bucket")) {
        forget(...OUTLIVE_A_BUCKET);
    }
    const inherited = pm.request.auth ? [] : ["userToken"];
    const named = JSON.stringify(pm.request).match(/(?<={{)\w+(?=}})/g) || [];
    await need(...inherited, ...named, ...(ALSO[pm.info.requestName] || []));
    useSampleText();
}

// Postman ends a script that waits for nothing but a promise.
const waiting = setInterval(() => {}, 60 * 1000);
prepare().catch((error) => {
    pm.test("The request can be prepared", () => { throw error; });
    pm.execution.setNextRequest(null);
    pm.execution.skipRequest();
}).finally(() => clearInterval(waiting));
